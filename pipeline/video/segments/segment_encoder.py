"""One segment: its frames encoded into its file, and the record by which the journal knows it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pipeline.common.closeable import Closeable
from pipeline.frame import Frame
from pipeline.video.segments.journal import SegmentRecord
from pipeline.video.segments.segment_file import SegmentWriter
from pipeline.video.writing.frame_encoder import EncodedPacket


class PacketEncoder(Protocol):
    """What makes packets of frames; a fresh one a segment, so that no state crosses from one to the next."""

    last_ticks: int | None

    @property
    def extradata(self) -> bytes:
        """The stream's header."""

    def encode(self, frame: Frame) -> Iterator[EncodedPacket]:
        """Packets that are ready when this frame is in."""

    def flush(self) -> Iterator[EncodedPacket]:
        """The rest."""


class SegmentEncoder(Closeable):
    """Encodes the frames of one segment; the file has its name when it is whole and on the disk.

    Attributes:
        path: of the segment's file.
        frames: how many are in it.
        last: the last of them.
    """

    def __init__(self, path: Path, encoder: PacketEncoder, number: int, first_index: int) -> None:
        """Create the file under a temporary name. Raises OSError.

        Args:
            encoder: a fresh one.
            number: the segment's, from 0.
            first_index: of its first frame in the output.
        """
        self.path, self.frames = path, 0
        self._encoder, self._number, self._first_index = encoder, number, first_index
        self._writer = SegmentWriter(path, encoder.extradata)
        self.last: Frame | None = None

    def encode(self, frame: Frame) -> None:
        """Append a frame. Raises as the encoder does, and OSError."""
        self._writer.add(self._encoder.encode(frame))
        self.frames += 1
        self.last = frame

    def finish(self, source_crc: int | None, damage: str | None) -> SegmentRecord:
        """Write the end, give the file its name.

        Args:
            source_crc, damage: see ``SegmentRecord``.

        Raises:
            OSError: the disk is full.
            ValueError: the encoder made more or fewer pictures than it got.
        """
        self._writer.add(self._encoder.flush())
        facts = self._writer.finish()
        assert self.last is not None
        assert self._encoder.last_ticks is not None
        if facts.packets != self.frames:
            raise ValueError(f"the encoder made {facts.packets} pictures of {self.frames} frames")
        return SegmentRecord(
            self._number,
            self._first_index,
            self.frames,
            self.last.pts,
            self._encoder.last_ticks,
            source_crc,
            facts.delay,
            facts.size_bytes,
            facts.crc,
            damage,
        )

    def close(self) -> None:
        """Throw away what is not finished. Closing twice is no error."""
        self._writer.discard()
