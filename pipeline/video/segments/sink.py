"""A sink that works in segments: each is closed, forced to the disk and written down before the next."""

from collections.abc import Callable
from pathlib import Path

from pipeline.common.errors import OutputError
from pipeline.frame import Frame
from pipeline.stream import Sink, StreamInfo
from pipeline.video.segments.journal import Journal, SegmentRecord
from pipeline.video.segments.segment_encoder import PacketEncoder, SegmentEncoder
from pipeline.video.segments.segment_file import file_crc
from pipeline.video.writing.container import FAILURES, translate

SEGMENT_FRAMES = 250
"""Frames of a segment: x264's own distance of key frames, so that segments cost no bits at all, and
eight seconds of work at 30 frames a second is the most that a power cut can take."""


class SegmentedSink(Sink):
    """Frames into segments of ``segment_frames`` by their index; ``assemble`` is told when all are there.

    Attributes:
        journal: of the output's work folder.
    """

    def __init__(
        self,
        journal: Journal,
        new_encoder: Callable[[], PacketEncoder],
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
        self._segment: SegmentEncoder | None = None

    def open(self, info: StreamInfo) -> None:
        """Nothing: an encoder opens with a segment's first frame."""

    def write(self, frame: Frame) -> None:
        """Encode one frame; the last one of a segment closes it.

        Raises:
            OutputError: the disk is full, or the encoder failed; whole segments are kept.
        """
        try:
            self._segment = self._segment or self._begin()
            self._segment.encode(frame)
            if self._segment.frames == self._segment_frames:
                self.journal.append(self._finish_segment(self._segment))
        except FAILURES as error:
            raise self._failed(error) from error

    def _begin(self) -> SegmentEncoder:
        encoder, records = self._new_encoder(), self.journal.records
        encoder.last_ticks = records[-1].last_ticks if records else None
        path = self.journal.segment_path(len(records))
        return SegmentEncoder(path, encoder, len(records), self.journal.frames)

    def _finish_segment(self, segment: SegmentEncoder) -> SegmentRecord:
        index = segment.last.index if segment.last else -1
        record = segment.finish(self._source_crcs.pop(index, None), self._damage())
        self._segment = None
        return record

    def finish(self, complete: bool = True) -> None:
        """Close the last segment and have the output made.

        A run that was stopped keeps its whole segments; the one it was in goes into the part that is
        shown now and is done again by the next run.

        Raises:
            OutputError: no frame was written, the disk is full, or the result did not pass its check.
        """
        segment, extra = self._segment, list[Path]()
        if segment is None and not self.journal.records:
            raise OutputError(f"{self.journal.folder} holds no frame: there is none to put into the output")
        try:
            if segment is not None:
                record = self._finish_segment(segment)
                if complete:
                    self.journal.append(record)
                else:
                    extra = [segment.path]
        except FAILURES as error:
            raise self._failed(error) from error
        whole = [self.journal.segment_path(r.number) for r in self.journal.records]
        self._assemble([*whole, *extra], complete)
        for path in extra:
            path.unlink()

    def _failed(self, error: Exception) -> OutputError:
        translated = translate(self.journal.folder, error)
        if not self.journal.records:
            return translated
        return OutputError(f"{translated}; {self.journal.frames} frames are kept, the same command goes on")

    def close(self) -> None:
        """Throw away the segment that was not closed. Closing twice is no error."""
        if self._segment is not None:
            self._segment.close()
        self.journal.close()


def is_whole(path: Path, record: SegmentRecord) -> bool:
    """Whether a segment's file is what the journal says."""
    if not path.is_file() or path.stat().st_size != record.size_bytes:
        return False
    return file_crc(path) == record.crc
