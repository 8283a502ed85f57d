"""A video file written as its frames come: plain recording, for what needs no resuming."""

from pathlib import Path

from pipeline.common.errors import OutputError
from pipeline.frame import Frame
from pipeline.stream import Sink, StreamInfo
from pipeline.video.picture_format import PictureFormat
from pipeline.video.writing.container import FAILURES, OutputFile, translate
from pipeline.video.writing.encoding import COUNTED, FORMATS, Encoding, family_for
from pipeline.video.writing.frame_encoder import FrameEncoder, VideoSpec


def container_of(path: Path) -> str:
    """FFmpeg's name of the container that ``path``'s extension asks for; OutputError for none.

    One with times: frames come when they come.
    """
    known = [suffix for suffix, name in FORMATS.items() if name not in COUNTED]
    if path.suffix.lower() not in known:
        raise OutputError(f"{path} ends in {path.suffix or 'nothing'!r}; choose one of {' '.join(known)}")
    return FORMATS[path.suffix.lower()]


class VideoFileSink(Sink):
    """Encodes frames into ``path``, each at its own pts.

    4:2:0 video, the kind that plays everywhere, has even sides: an odd one gets its last row or column
    twice. Written under a hidden name in the same folder until ``finish``.

    Attributes:
        notes: lines the user should know: a padded size.
    """

    def __init__(
        self,
        path: Path,
        *,
        encoding: Encoding | None = None,
        overwrite: bool = False,
    ) -> None:
        """Check everything that can be checked before the first frame; nothing is written yet.

        Raises:
            OutputError: unknown extension, codec or preset, or crf outside 0..51.
        """
        self.path = path
        self.notes: list[str] = []
        self._encoding = encoding or Encoding()
        self._overwrite = overwrite
        self._output: OutputFile | None = None
        self._frames = 0
        family_for(self._encoding, container_of(path))

    def open(self, info: StreamInfo) -> None:
        """Create the hidden file and the encoder, and write the header.

        Raises:
            OutputError: the folder is missing or read-only, ``path`` is there already, no space, or the
                encoder refuses the size.
        """
        spec = VideoSpec.settled(PictureFormat.of(info), container_of(self.path), self._encoding)
        self.notes += spec.notes
        self._output = OutputFile(self.path, spec, overwrite=self._overwrite)
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
