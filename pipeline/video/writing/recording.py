"""A video file written as its frames come: plain recording, for what needs no resuming."""

from fractions import Fraction
from pathlib import Path

from pipeline.common.errors import OutputError
from pipeline.frame import Frame
from pipeline.stream import Sink, StreamInfo
from pipeline.video.color import VideoColor
from pipeline.video.picture_format import PictureFormat
from pipeline.video.writing.container import FAILURES, OutputFile, translate
from pipeline.video.writing.encoding import FORMATS, PRESETS, Encoding, family_for
from pipeline.video.writing.frame_encoder import FrameEncoder, VideoSpec

__all__ = ["FORMATS", "PRESETS", "Encoding", "VideoFileSink", "container_of"]


def container_of(path: Path) -> str:
    """FFmpeg's name of the container that ``path``'s extension asks for; OutputError for none."""
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"{path} ends in {path.suffix or 'nothing'!r}; choose one of {' '.join(FORMATS)}")
    return FORMATS[path.suffix.lower()]


class VideoFileSink(Sink):
    """Encodes frames into ``path``, each at its own pts, with the sound of another file beside them.

    4:2:0 video, the kind that plays everywhere, has even sides: an odd one gets its last row or column
    twice. Written under a hidden name in the same folder until ``finish``.

    Attributes:
        notes: lines the user should know: a padded size, sound that was not copied.
    """

    def __init__(
        self,
        path: Path,
        *,
        encoding: Encoding | None = None,
        overwrite: bool = False,
        audio_from: Path | None = None,
        color: VideoColor | None = None,
        time_base: Fraction | None = None,
    ) -> None:
        """Check everything that can be checked before the first frame; nothing is written yet.

        Args:
            audio_from: file whose sound, subtitles, chapters and tags go along, at the times they have
                there.
            color: what the pixels' RGB is relative to; None: BT.709.
            time_base: seconds of a tick that every pts is a multiple of; None takes a fine one.

        Raises:
            OutputError: unknown extension, codec or preset, crf outside 0..51, or ``path`` is
                ``audio_from``.
        """
        self.path = path
        self.notes: list[str] = []
        self._encoding = encoding or Encoding()
        self._overwrite = overwrite
        self._audio_from = audio_from
        self._color = color or VideoColor()
        self._time_base = time_base
        self._output: OutputFile | None = None
        self._frames = 0
        family_for(self._encoding, container_of(path))
        if audio_from is not None and path.exists() and path.samefile(audio_from):
            raise OutputError(f"input and output are both {path}; choose another output")

    def open(self, info: StreamInfo) -> None:
        """Create the hidden file, the encoder and the sound tracks, and write the header.

        Raises:
            OutputError: the folder is missing or read-only, ``path`` is there already, no space, or the
                encoder refuses the size.
        """
        pictures = PictureFormat.of(info, self._time_base, self._color)
        spec = VideoSpec.settled(pictures, container_of(self.path), self._encoding)
        self.notes += spec.notes
        self._output = OutputFile(
            self.path, spec, overwrite=self._overwrite, passthrough_from=self._audio_from
        )
        self._output.notes[:0] = self.notes
        self.notes = self._output.notes
        self._encoder = FrameEncoder(spec, self._output.stream.codec_context)

    def write(self, frame: Frame) -> None:
        """Encode one frame of the size that ``open`` was told.

        Raises:
            OutputError: the disk is full, or the encoder failed.
        """
        assert self._output is not None
        self._frames += 1
        try:
            self._output.write(self._encoder.encode(frame))
        except FAILURES as error:
            raise translate(self.path, error) from error

    def finish(self, complete: bool = True) -> None:
        """Flush the encoder, write the end of the file, give it its name.

        Raises:
            OutputError: no frame was written, the disk is full, or the name is taken by now.
        """
        if self._output is None or not self._frames:
            raise OutputError(f"{self.path} was not written: there is no frame to put into it")
        self._output.write(self._encoder.flush())
        self._output.end(complete)
        self._output.publish()
        self._output = None

    def close(self) -> None:
        """Close everything; without ``finish`` the hidden file is removed. Closing twice is no error."""
        output, self._output = self._output, None
        if output is not None:
            output.close()
