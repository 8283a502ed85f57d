"""A camera that comes back: what breaks in the middle is opened again, with growing pauses."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from pipeline.common.errors import InputError
from pipeline.common.latency import Clock
from pipeline.frame import Frame
from pipeline.stream import Source

PAUSES_S = (0.2, 0.4, 0.8)
"""Between attempts; the last one is repeated. A source that can be opened within a second is found within 3 s
of being back: it may be missed by one attempt, for less than that second, and after the longest pause the
next one finds it."""

Tell = Callable[[str], None]


class ReconnectingSource(Source):
    """Frames of a source for as long as it can be opened again; numbers go on over the gap.

    What cannot be opened the first time is an error; later it is a message, told through ``tell``.
    """

    def __init__(
        self,
        name: str,
        open_source: Callable[[bool], Source],
        *,
        tell: Tell,
        stop: threading.Event | None = None,
        pauses_s: tuple[float, ...] = PAUSES_S,
        clock: Clock = time.monotonic,
    ) -> None:
        """Open the source for the first time.

        Args:
            name: for messages: ``camera 0``.
            open_source: is told whether this is an attempt to come back, which must not take long.
            tell: takes one line for the person.
            stop: ends the waiting.

        Raises:
            InputError: what ``open_source`` raises the first time.
        """
        self._name = name
        self._open_source = open_source
        self._tell = tell
        self._stop = stop or threading.Event()
        self._pauses_s = pauses_s
        self._clock = clock
        self._source: Source | None = open_source(False)
        self.info = replace(self._source.info, live=True, frame_count=None)

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while self._source is not None:
            first = 0
            for number, frame in enumerate(self._source):
                first = index - frame.index if number == 0 else first
                index = first + frame.index
                yield replace(frame, index=index)
                index += 1
            if self._stop.is_set():
                return
            self._come_back()

    def _come_back(self) -> None:
        assert self._source is not None
        reason = self._source.damage or "it ended"
        self._close()
        gone_at = self._clock()
        self._tell(f"{self._name} is gone ({reason}); trying to reach it again")
        for attempt in range(10**9):
            if self._stop.wait(self._pauses_s[min(attempt, len(self._pauses_s) - 1)]):
                return
            try:
                self._source = self._open_source(True)
            except InputError as error:
                self._tell(f"{self._name} is still gone, attempt {attempt + 1} ({_short(error)})")
                continue
            self._tell(f"{self._name} is back after {self._clock() - gone_at:.1f} s")
            return

    def _close(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def close(self) -> None:
        """Close the source. Closing twice is no error."""
        self._close()


def _short(error: InputError) -> str:
    """The message without what to do: the program is doing it."""
    return str(error).partition(";")[0]
