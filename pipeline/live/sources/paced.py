"""Frames at their own pace, as a camera would give them: an open loop, that never waits for its reader."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

from pipeline.common.latency import Clock
from pipeline.frame import Frame, Pixels
from pipeline.live.sources.synthetic import SyntheticSource
from pipeline.stream import Source


class PacedSource(Source):
    """Plays a file or any other source by its pts, one second a second.

    ``captured_at`` is when the frame was due, not when it was ready: a stall of this process makes frames
    old instead of making the clock forgive it. A frame that is late is given at once, never skipped.

    Attributes:
        info: of the first source, but live; ``frame_count`` is None where it is played in a circle.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        *,
        loop: bool = False,
        stop: threading.Event | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        """Open the source; with ``loop`` it is opened again whenever it ends.

        Args:
            stop: ends the waiting for the next frame's time.
            clock: monotonic seconds.

        Raises:
            InputError: what ``open_source`` raises.
        """
        self._open_source = open_source
        self._loop = loop
        self._stop = stop or threading.Event()
        self._clock = clock
        self._source = open_source()
        frames = None if loop else self._source.info.frame_count
        self.info = replace(self._source.info, live=True, frame_count=frames)

    def __iter__(self) -> Iterator[Frame]:
        index, round_at = 0, self._clock()
        while True:
            last_due = round_at
            for frame in self._source:
                last_due = round_at + float(self._pts(frame))
                if not _wait_until(last_due, self._stop, self._clock):
                    return
                yield replace(frame, index=index, captured_at=last_due)
                index += 1
            self.damage = self._source.damage
            if not self._loop:
                return
            self._source.close()
            self._source = self._open_source()
            round_at = last_due + float(1 / (self.info.rate or Fraction(25)))

    def _pts(self, frame: Frame) -> Fraction:
        if frame.pts is not None:
            return frame.pts
        return frame.index / (self.info.rate or Fraction(25))

    def close(self) -> None:
        """Close the source. Closing twice is no error."""
        self._source.close()


class PacedSynthetic(Source):
    """The synthetic scene at a fixed rate; a frame is drawn once, and giving it again costs nothing.

    Frames are due at ``start + index / rate`` whatever the reader does. One that cannot be given before
    the next is due is skipped, as a camera would have overwritten it: its index is missing.
    """

    def __init__(
        self,
        size: tuple[int, int] = (480, 640),
        rate: Fraction | int = 30,
        frames: int | None = None,
        *,
        pictures: int = 48,
        beforehand: bool = False,
        stop: threading.Event | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        """Frames are ``pictures`` ones, forwards and backwards in turn.

        Args:
            size: (height, width).
            rate: frames a second.
            frames: the schedule's length; None never ends.
            beforehand: draw all of them now, for a measurement; else all but the first before each is due.
            stop: ends the waiting for the next frame's time.

        Raises:
            InputError: a size, rate or number below what makes sense.
        """
        self._scene = scene = SyntheticSource(size, rate, frames)
        self.info = replace(scene.info, live=True)
        self._stop = stop or threading.Event()
        self._clock = clock
        self._places = [*range(pictures), *range(pictures - 2, 0, -1)]
        self._drawn: dict[int, Pixels] = {}
        for place in range(pictures if beforehand else 1):
            self._picture(place)

    def _picture(self, index: int) -> Pixels:
        place = self._places[index % len(self._places)]
        if place not in self._drawn:
            self._drawn[place] = self._scene.frame(place).pixels
        return self._drawn[place]

    def __iter__(self) -> Iterator[Frame]:
        rate = self.info.rate or Fraction(30)
        start_at, index = self._clock(), 0
        while self.info.frame_count is None or index < self.info.frame_count:
            due_at, picture = start_at + float(index / rate), self._picture(index)
            if not _wait_until(due_at, self._stop, self._clock):
                return
            yield Frame(picture, index, due_at, index / rate)
            index = max(index + 1, int((self._clock() - start_at) * rate))


def _wait_until(due_at: float, stop: threading.Event, clock: Clock) -> bool:
    """Wait for that time; False where ``stop`` was set."""
    while (left := due_at - clock()) > 0:
        if stop.wait(left):
            return False
    return not stop.is_set()
