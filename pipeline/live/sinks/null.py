"""A sink that shows nobody anything: for benchmarks and tests."""

from pipeline.frame import Frame
from pipeline.stream import Sink, StreamInfo


class NullSink(Sink):
    """Counts frames and forgets them.

    Attributes:
        info: what ``open`` was told, None before.
        frames: how many were written.
        finished: ``finish`` was called.
        complete: what ``finish`` was told.
    """

    def __init__(self) -> None:
        self.info: StreamInfo | None = None
        self.frames = 0
        self.finished = False
        self.complete = False

    def open(self, info: StreamInfo) -> None:
        """Remember ``info``."""
        self.info = info

    def write(self, frame: Frame) -> None:
        """Count the frame."""
        self.frames += 1

    def finish(self, complete: bool = True) -> None:
        """Remember that the end was reached."""
        self.finished = True
        self.complete = complete
