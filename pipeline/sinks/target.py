"""What segments become: a video file, an animated GIF, or a folder of pictures, each checked before it
gets its name.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from pipeline.errors import OutputError
from pipeline.sinks.assemble import first_and_last, frame_count, joined
from pipeline.sinks.encoding import FORMATS, Encoding
from pipeline.sinks.frame_encoder import FrameEncoder, VideoSpec, require_hardware
from pipeline.sinks.images import WRITABLE
from pipeline.sinks.output_file import OutputFile
from pipeline.sinks.post_check import check_video
from pipeline.sinks.segment_file import read_header
from pipeline.sinks.segmented import Encoder
from pipeline.video_color import VideoColor

_LONGEST_LAST_S = Fraction(10)
_NUMBER = re.compile(r"%0?(\d*)d")


@dataclass(frozen=True)
class Wanted:
    """What is known of a result before its first frame.

    Attributes:
        path: where it goes; for a sequence of pictures a pattern such as ``folder/%06d.png``.
        size, rate, tick, color, pixel_aspect: as for ``VideoSpec.settled``.
        encoding: codec, quality, threads.
        source: the input, for what goes along with the pictures; None where it holds nothing else.
        shift: seconds added to every time.
        end: seconds of the input's own time at which its pictures end, None where it does not say.
        overwrite: replace what stands at ``path``.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction
    tick: Fraction | None = None
    color: VideoColor = field(default_factory=VideoColor)
    pixel_aspect: Fraction = Fraction(1)
    encoding: Encoding = field(default_factory=Encoding)
    source: Path | None = None
    shift: Fraction = Fraction(0)
    end: Fraction | None = None
    overwrite: bool = False


class Target(ABC):
    """Opens the encoders of the segments and makes the result of them.

    Attributes:
        final: the file or folder that appears at the end.
        notes: lines the user should know.
        damage: one line where what goes along with the pictures is damaged; known after ``build``.
    """

    damage: str | None = None
    final: Path
    notes: list[str]

    @abstractmethod
    def new_encoder(self) -> Encoder:
        """A fresh encoder, for one segment."""

    @abstractmethod
    def build(self, segments: Sequence[Path], complete: bool, damaged: bool = False) -> Path:
        """Make, check and name the result; a part of it, under ``part_name``, where not complete.

        Args:
            damaged: the source broke off, so that its other tracks may be shorter than it promises.

        Raises:
            OutputError: no space, or the result did not pass its check: nothing has the name then.
        """


class MovieTarget(Target):
    """A video file, with everything else of the source."""

    def __init__(self, wanted: Wanted) -> None:
        """Settle the encoding. Raises OutputError for what the container or the hardware cannot do."""
        container = FORMATS[wanted.path.suffix.lower()]
        self.spec = VideoSpec.settled(
            wanted.size,
            wanted.rate,
            wanted.tick,
            container,
            wanted.encoding,
            wanted.color,
            wanted.pixel_aspect,
        )
        require_hardware(self.spec)
        self.final = wanted.path
        self.notes = list(self.spec.notes)
        self._wanted = wanted

    def new_encoder(self) -> Encoder:
        """See ``Target``."""
        return FrameEncoder(self.spec)

    def build(self, segments: Sequence[Path], complete: bool, damaged: bool = False) -> Path:
        """See ``Target``."""
        wanted, path = self._wanted, self.final if complete else part_name(self.final)
        output = OutputFile(
            path,
            self.spec,
            overwrite=wanted.overwrite or not complete,
            companions_from=wanted.source,
            shift=wanted.shift,
        )
        try:
            self._check_header(segments[0], output)
            output.write(joined(segments, self._last_duration(segments, complete)))
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

    def _last_duration(self, segments: Sequence[Path], complete: bool) -> int:
        """Ticks of the last picture: up to the stream's end where that is known, else one frame."""
        last = first_and_last(segments)[1] * self.spec.tick
        left = (self._wanted.end or last) - last
        span = left if complete and 0 < left < _LONGEST_LAST_S else 1 / self.spec.rate
        return max(1, round(span / self.spec.tick))

    def _check(self, output: OutputFile, segments: Sequence[Path], complete: bool) -> None:
        first, last = (ticks * self.spec.tick for ticks in first_and_last(segments))
        output.notes += check_video(
            output.part_path,
            frames=frame_count(segments),
            span=last - first,
            frame_time=1 / self.spec.rate,
            kinds=output.kinds,
            empty=output.empty,
            sound_s=output.sound_s,
            source=self._wanted.source,
            complete=complete,
        )


def part_name(final: Path) -> Path:
    """Where a stopped job shows what it has: ``clip.partial.mp4`` for ``clip.mp4``."""
    return final.with_name(f"{final.stem}.partial{final.suffix}")


def is_sequence(path: Path) -> bool:
    """Whether a path is the pattern of a sequence of pictures, ``%06d.png`` for example."""
    return _NUMBER.search(path.name) is not None


def final_path(path: Path) -> Path:
    """What appears at the end: the file, or for a sequence of pictures its folder.

    Raises:
        OutputError: an extension nobody knows.
    """
    suffix = path.suffix.lower()
    if is_sequence(path):
        if suffix not in WRITABLE:
            raise OutputError(f"{path} is a sequence of pictures; choose one of {' '.join(WRITABLE)}")
        return path.parent
    if suffix not in (*FORMATS, ".gif") and not path.is_dir():  # a folder is refused by its own line
        known = " ".join((*FORMATS, ".gif", "%06d.png"))
        raise OutputError(f"{path} ends in {path.suffix or 'nothing'!r}; choose one of {known}")
    return path


def open_target(wanted: Wanted) -> Target:
    """The target that ``wanted.path``'s name asks for; raises OutputError as its constructor does."""
    from pipeline.sinks.gif_target import GifTarget  # both stand on this module
    from pipeline.sinks.pictures_target import PicturesTarget

    final_path(wanted.path)
    if is_sequence(wanted.path):
        return PicturesTarget(wanted)
    return GifTarget(wanted) if wanted.path.suffix.lower() == ".gif" else MovieTarget(wanted)
