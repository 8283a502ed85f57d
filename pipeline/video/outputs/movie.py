"""A video file, with everything else of the source, checked before it gets its name."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.common.errors import OutputError
from pipeline.video.outputs.base import OutputAssembler, OutputRequest, part_name
from pipeline.video.segments.joining import first_and_last, frame_count, joined
from pipeline.video.segments.segment_encoder import PacketEncoder
from pipeline.video.segments.segment_file import read_header
from pipeline.video.writing.container import OutputFile
from pipeline.video.writing.encoding import COUNTED, FORMATS
from pipeline.video.writing.frame_encoder import FrameEncoder, VideoSpec, require_hardware
from pipeline.video.writing.verification import check_video


class MovieAssembler(OutputAssembler):
    """A video file, with everything else of the source."""

    def __init__(self, wanted: OutputRequest) -> None:
        """Settle the encoding. Raises OutputError for what the container or the hardware cannot do."""
        container = FORMATS[wanted.path.suffix.lower()]
        self.spec = VideoSpec.settled(wanted.pictures, container, wanted.encoding)
        require_hardware(self.spec)
        self.final, self.encoding = wanted.path, self.spec.encoding
        self.notes = list(self.spec.notes)
        if container in COUNTED:
            rate = self.spec.pictures.rate
            self.notes.append(
                f"{container} holds no times and no languages: pictures come evenly, {float(rate):g} a second"
            )
        self.keeps_alpha = self.spec.family.alpha
        if wanted.encoding.codec != self.encoding.codec:
            self.notes.append("it is ProRes 4444, which keeps transparency; --codec h264 lays it on white")
        self._wanted = wanted

    def new_encoder(self) -> PacketEncoder:
        """See ``OutputAssembler``."""
        return FrameEncoder(self.spec)

    def rehearse(self) -> None:
        """Open the file with all its streams, write its header and its end, and throw it away."""
        output = self._open(self.final, self._wanted.overwrite)
        try:
            output.rehearse()
            self.notes += output.notes
        finally:
            output.close()

    def _open(self, path: Path, overwrite: bool) -> OutputFile:
        wanted = self._wanted
        return OutputFile(
            path, self.spec, overwrite=overwrite, passthrough_from=wanted.source, shift=wanted.shift,
            fragmented=wanted.poured,
        )  # fmt: skip

    def build(self, segments: Sequence[Path], complete: bool, damaged: bool = False) -> Path:
        """See ``OutputAssembler``."""
        path = self.final if complete else part_name(self.final)
        output = self._open(path, self._wanted.overwrite or not complete)
        try:
            self._check_header(segments[0], output)
            output.write(joined(segments, self._last_duration(segments, complete and not damaged)))
            output.end(complete)
            self.damage = output.damage
            self._check(output, segments, complete and not damaged and not output.damage)
            output.publish()
        finally:
            output.close()
        output.notes += [f"the input's {kind} track holds nothing" for kind in output.empty]
        self.notes += [note for note in output.notes if note not in self.notes]
        return path

    def _check_header(self, segment: Path, output: OutputFile) -> None:
        """The file's header is of an encoder of its own: were it another than the segments', say so."""
        header, own = read_header(segment), bytes(output.stream.codec_context.extradata or b"")
        if header != own:
            raise OutputError(
                f"{self.final}: the encoder {self.spec.family.encoder} writes another header than when the "
                "segments were made (PyAV was changed?); run again with --no-resume"
            )

    def _last_duration(self, segments: Sequence[Path], whole: bool) -> int:
        tick = self.spec.pictures.tick
        return max(1, round(self._wanted.last_shown_s(first_and_last(segments)[1] * tick, whole) / tick))

    def _check(self, output: OutputFile, segments: Sequence[Path], complete: bool) -> None:
        first, last = (ticks * self.spec.pictures.tick for ticks in first_and_last(segments))
        output.notes += check_video(
            output.part_path,
            frames=frame_count(segments),
            span=last - first,
            frame_time=1 / self.spec.pictures.rate,
            kinds=output.kinds,
            empty=output.empty,
            sound_s=output.sound_s,
            source=self._wanted.source,
            complete=complete,
        )
