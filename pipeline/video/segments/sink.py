"""A sink that works in segments: each is closed, forced to the disk and written down before the next."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from pipeline.common.errors import OutputError
from pipeline.frame import Frame
from pipeline.stream import Sink, StreamInfo
from pipeline.video.segments.journal import Journal, SegmentRecord
from pipeline.video.segments.segment_file import SegmentFacts, SegmentWriter, file_crc
from pipeline.video.writing.container import FAILURES, translate
from pipeline.video.writing.frame_encoder import EncodedPacket

SEGMENT_FRAMES = 250
"""Frames of a segment: x264's own distance of key frames, so that segments cost no bits at all, and
eight seconds of work at 30 frames a second is the most that a power cut can take."""


class Encoder(Protocol):
    """What makes packets of frames; a fresh one a segment, so that no state crosses from one to the next."""

    last_ticks: int | None

    @property
    def extradata(self) -> bytes:
        """The stream's header."""

    def encode(self, frame: Frame) -> Iterator[EncodedPacket]:
        """Packets that are ready when this frame is in."""

    def flush(self) -> Iterator[EncodedPacket]:
        """The rest."""


class SegmentedSink(Sink):
    """Frames into segments of ``segment_frames`` by their index; ``assemble`` is told when all are there.

    Attributes:
        journal: of the output's work folder.
    """

    def __init__(
        self,
        journal: Journal,
        new_encoder: Callable[[], Encoder],
        assemble: Callable[[list[Path], bool], None],
        source_crcs: dict[int, int],
        segment_frames: int = SEGMENT_FRAMES,
        damage: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Remember; nothing is written yet.

        Args:
            new_encoder: opens an encoder; every one of the same spec.
            assemble: makes the output of the segments' files; the second argument says whether they are
                all there is.
            source_crcs: CRC-32 of source pixels by frame index, filled before the frame comes here.
            damage: one line on the input's damage so far.
        """
        self.journal = journal
        self._new_encoder, self._assemble = new_encoder, assemble
        self._source_crcs = source_crcs
        self._segment_frames, self._damage = segment_frames, damage
        self._encoder: Encoder | None = None
        self._writer: SegmentWriter | None = None
        self._written = 0
        self._last: Frame | None = None

    def open(self, info: StreamInfo) -> None:
        """Nothing: an encoder opens with a segment's first frame."""

    def write(self, frame: Frame) -> None:
        """Encode one frame; the last one of a segment closes it.

        Raises:
            OutputError: the disk is full, or the encoder failed; whole segments are kept.
        """
        try:
            self._encode(frame)
            if self._written == self._segment_frames:
                self._close_segment()
        except FAILURES as error:
            raise self._failed(error) from error

    def _encode(self, frame: Frame) -> None:
        if self._writer is None:
            self._begin()
        assert self._encoder is not None
        assert self._writer is not None
        self._writer.add(self._encoder.encode(frame))
        self._written += 1
        self._last = frame

    def _begin(self) -> None:
        self._encoder = self._new_encoder()
        records = self.journal.records
        self._encoder.last_ticks = records[-1].last_ticks if records else None
        path = self.journal.segment_path(len(records))
        self._writer = SegmentWriter(path, self._encoder.extradata)

    def _close_segment(self) -> None:
        facts = self._finish_file()
        self.journal.append(self._record(facts))
        self._encoder = self._writer = None
        self._written = 0

    def _finish_file(self) -> SegmentFacts:
        assert self._encoder is not None
        assert self._writer is not None
        self._writer.add(self._encoder.flush())
        return self._writer.finish()

    def _record(self, facts: SegmentFacts) -> SegmentRecord:
        assert self._last is not None
        assert self._encoder is not None
        assert self._encoder.last_ticks is not None
        if facts.packets != self._written:
            raise ValueError(f"the encoder made {facts.packets} pictures of {self._written} frames")
        return SegmentRecord(
            len(self.journal.records),
            self.journal.frames,
            facts.packets,
            self._last.pts,
            self._encoder.last_ticks,
            self._source_crcs.pop(self._last.index, None),
            facts.delay,
            facts.size_bytes,
            facts.crc,
            self._damage(),
        )

    def finish(self, complete: bool = True) -> None:
        """Close the last segment and have the output made.

        A run that was stopped keeps its whole segments; the one it was in goes into the part that is
        shown now and is done again by the next run.

        Raises:
            OutputError: no frame was written, the disk is full, or the result did not pass its check.
        """
        if not self._written and not self.journal.records:
            raise OutputError(f"{self.journal.folder} holds no frame: there is none to put into the output")
        extra: list[Path] = []
        try:
            if self._written and complete:
                self._close_segment()
            elif self._written:
                extra = [self._finish_loose()]
        except FAILURES as error:
            raise self._failed(error) from error
        whole = [self.journal.segment_path(r.number) for r in self.journal.records]
        self._assemble([*whole, *extra], complete)
        for path in extra:
            path.unlink()

    def _finish_loose(self) -> Path:
        assert self._writer is not None
        self._finish_file()
        path, self._writer = self._writer.path, None
        return path

    def _failed(self, error: Exception) -> OutputError:
        translated = translate(self.journal.folder, error)
        if not self.journal.records:
            return translated
        return OutputError(f"{translated}; {self.journal.frames} frames are kept, the same command goes on")

    def close(self) -> None:
        """Throw away the segment that was not closed. Closing twice is no error."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.discard()
        self.journal.close()


def is_whole(path: Path, record: SegmentRecord) -> bool:
    """Whether a segment's file is what the journal says."""
    if not path.is_file() or path.stat().st_size != record.size_bytes:
        return False
    return file_crc(path) == record.crc
