"""Who is painted and who waits: a limit, and a fair share for everybody inside it.

Inside the limit each visitor's newest frame is painted in turn, so that one who sends more gets no more.
Where somebody waits, a place is given up by who left, by who has sent nothing for a while (a page in the
background), and by who has had it longest, once a turn is over.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from pipeline.common.concurrency import LOOK_EVERY_S, StoppedError

IDLE_S = 10.0
TURN_S = 120.0


class Waiting(Protocol):
    """What the line knows of a visitor."""

    @property
    def has_frame(self) -> bool: ...
    @property
    def heard_at(self) -> float: ...


Visitor = TypeVar("Visitor", bound=Waiting)


class Line(Generic[Visitor]):
    """Any thread may call anything."""

    def __init__(
        self, limit: int, stop: threading.Event, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """At most ``limit`` are painted at a time; waits end when ``stop`` is set."""
        self._limit, self._stop, self._clock = limit, stop, clock
        self._inside: deque[Visitor] = deque()  # in the order of their next frames
        self._since: dict[Visitor, float] = {}
        self._outside: deque[Visitor] = deque()
        self._changed = threading.Condition()

    def join(self, visitor: Visitor) -> None:
        """Take a place, or the end of the line."""
        with self._changed:
            self._outside.append(visitor)
            self._admit()

    def leave(self, visitor: Visitor) -> None:
        """Give up the place. Leaving twice is no error."""
        with self._changed:
            self._since.pop(visitor, None)
            for places in (self._inside, self._outside):
                if visitor in places:
                    places.remove(visitor)
            self._admit()

    def place(self, visitor: Visitor) -> int:
        """0 for who is inside or will be with the next frame, else how many go in before, and one."""
        with self._changed:
            self._admit()
            if visitor not in self._outside:
                return 0
            before = list(self._outside)[: self._outside.index(visitor)]
            busy = sum(not self._idle(one) for one in (*self._inside, *before))
            return max(0, busy - self._limit + 1)

    @property
    def active(self) -> int:
        """How many inside have sent something lately."""
        with self._changed:
            return sum(not self._idle(visitor) for visitor in self._inside)

    def called(self) -> None:
        """Somebody has a frame."""
        with self._changed:
            self._changed.notify()

    def next(self) -> Visitor:
        """Wait for the one whose frame is next. Raises StoppedError."""
        with self._changed:
            while not self._stop.is_set():
                self._admit()
                for visitor in self._inside:
                    if visitor.has_frame:
                        self._inside.remove(visitor)
                        self._inside.append(visitor)
                        return visitor
                self._changed.wait(LOOK_EVERY_S)
        raise StoppedError

    def _idle(self, visitor: Visitor) -> bool:
        return self._clock() - visitor.heard_at > IDLE_S

    def _admit(self) -> None:
        """Let in who can be; for whom there is no room, the longest inside goes to the end of the line."""
        ready = [visitor for visitor in self._outside if not self._idle(visitor)]
        for visitor in ready:
            if len(self._inside) >= self._limit and not self._make_room():
                return
            self._outside.remove(visitor)
            self._inside.append(visitor)
            self._since[visitor] = self._clock()

    def _make_room(self) -> bool:
        over = [v for v in self._inside if self._idle(v) or self._clock() - self._since[v] > TURN_S]
        if not over:
            return False
        leaving = min(over, key=lambda visitor: (not self._idle(visitor), self._since[visitor]))
        self._inside.remove(leaving)
        del self._since[leaving]
        self._outside.append(leaving)
        return True
