"""Threads that work hand in hand: a group of workers, one stop event, bounded queues between them.

Both loops stand on it. What passes from stage to stage is a queue's affair: ``Fifo`` keeps order and
waits (files), ``LatestSlot`` holds one item and the newest wins (cameras).
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
LOOK_EVERY_S = 0.1
"""No wait is longer than this without a look at the stop event."""


class StoppedError(Exception):
    """The group was stopped while a worker waited. Ends the worker, is no failure, leaves no loop."""


class Fifo(Generic[Item]):
    """A bounded queue in order, nothing dropped: ``put`` waits for room, iterating for the next item."""

    def __init__(self, capacity: int, stop: threading.Event) -> None:
        """A queue of at most ``capacity`` items, at least 1, whose waits end when ``stop`` is set."""
        if capacity < 1:
            raise ValueError(f"a queue holds at least 1 item, got {capacity}")
        self.capacity = capacity
        self._stop = stop
        self._items: deque[Item] = deque()
        self._ended = False
        self._changed = threading.Condition()

    def put(self, item: Item) -> None:
        """Append, waiting for room. Raises StoppedError."""
        with self._changed:
            self._wait_until(lambda: len(self._items) < self.capacity)
            self._items.append(item)
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Item]:
        """The items, oldest first, each waited for, until the last was taken. Raises StoppedError."""
        while True:
            with self._changed:
                self._wait_until(lambda: bool(self._items) or self._ended)
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item

    def end(self) -> None:
        """No more items will come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _wait_until(self, ready: Callable[[], bool]) -> None:
        while True:
            if self._stop.is_set():
                raise StoppedError
            if self._changed.wait_for(ready, LOOK_EVERY_S):
                return


class LatestSlot(Generic[Item]):
    """One slot in which the newest wins: ``put`` never waits, so the one who puts is never held back.

    Attributes:
        dropped: items that were replaced before anyone took them.
    """

    def __init__(self, stop: threading.Event) -> None:
        """An empty slot whose waits end when ``stop`` is set."""
        self.dropped = 0
        self._stop = stop
        self._item: Item | None = None
        self._ended = False
        self._changed = threading.Condition()

    def put(self, item: Item) -> Item | None:
        """Leave an item; returns the one it replaced, None where the slot was empty."""
        with self._changed:
            replaced, self._item = self._item, item
            self.dropped += replaced is not None
            self._changed.notify()
            return replaced

    def __iter__(self) -> Iterator[Item]:
        """The newest item again and again, each waited for, until the last was taken. Raises StoppedError."""
        return (item for item in self.polled() if item is not None)

    def polled(self, wait_s: float | None = None) -> Iterator[Item | None]:
        """As iterating, and None whenever no item came within ``wait_s`` seconds. Raises StoppedError."""
        while True:
            with self._changed:
                self._wait(math.inf if wait_s is None else time.monotonic() + wait_s)
                item, self._item = self._item, None
                if item is None and self._ended:
                    return
            yield item

    def end(self) -> None:
        """No more items will come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _wait(self, until: float) -> None:
        while self._item is None:
            if self._stop.is_set():
                raise StoppedError
            left = until - time.monotonic()
            if self._ended or left <= 0:
                return
            self._changed.wait(min(left, LOOK_EVERY_S))


class BusyTime:
    """Seconds one stage worked, waiting left out. Written by its stage, read by anyone.

    Attributes:
        busy_s: seconds of work so far.
        count: pieces of work so far.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.busy_s = 0.0
        self.count = 0
        self._clock = clock
        self._since = 0.0

    def __enter__(self) -> None:
        self._since = self._clock()

    def __exit__(self, *_: object) -> None:
        self.busy_s += self._clock() - self._since
        self.count += 1


class WorkerGroup:
    """Workers in threads of their own, that start together and end together.

    The first error of any worker stops all; ``raise_error`` raises it in the caller's thread.
    """

    def __init__(self, stop: threading.Event | None = None) -> None:
        """``stop`` may be the caller's own event; setting it ends the group."""
        self.stop = stop or threading.Event()
        self._threads: list[threading.Thread] = []
        self._error: BaseException | None = None
        self._lock = threading.Lock()

    def add(self, name: str, body: Callable[[], None]) -> None:
        """A worker; ``body`` returns at its end, or raises StoppedError when it met the stop event."""
        thread = threading.Thread(target=self._run, args=(body,), name=f"brushstream-{name}", daemon=True)
        self._threads.append(thread)

    def _run(self, body: Callable[[], None]) -> None:
        try:
            body()
        except StoppedError:
            self.stop.set()
        except BaseException as error:  # whatever it is, it belongs to the caller's thread
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self._error = self._error or error
        self.stop.set()

    def start(self) -> None:
        """Start every worker."""
        for thread in self._threads:
            thread.start()

    def working(self) -> bool:
        """Wait a moment; say whether any worker still runs."""
        for thread in self._threads:
            if thread.is_alive():
                thread.join(LOOK_EVERY_S)
                return True
        return False

    def end(self) -> None:
        """Stop the workers that still run and wait until every thread has ended.

        Ctrl-C does not cut this short: each worker ends within a frame, and the caller closes next what
        they work on.
        """
        if any(thread.is_alive() for thread in self._threads):
            self.stop.set()
        for thread in self._threads:
            while thread.is_alive():
                _join_whatever_comes(thread)

    def raise_error(self) -> None:
        """Raise the first error of any worker, if there was one."""
        if self._error is not None:
            raise self._error


def _join_whatever_comes(thread: threading.Thread) -> None:
    try:
        thread.join()
    except KeyboardInterrupt:
        return
