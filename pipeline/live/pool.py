"""Open engines by style and size; what is wanted next opens in the background.

The stylize stage asks for an engine at every frame and gets it, or nothing while it is being opened:
it then goes on with the one it has. Opening one takes from 0.1 s to minutes.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from pipeline.common.concurrency import LOOK_EVERY_S
from pipeline.common.errors import BrushstreamError
from pipeline.style import StyleFile
from pipeline.stylize.stylizer import Stylizer

MOST_OPEN = 8
"""Engines kept open; the one unused longest is closed, unless a painter still shows its pictures."""


@dataclass(frozen=True)
class EngineKey:
    """Which engine: the style's place in the list, and (height, width) of the frames it takes."""

    style: int
    size: tuple[int, int]


OpenStylizer = Callable[[StyleFile, tuple[int, int]], Stylizer]


class EnginePool:
    """Shared by the stylize stage (``get``) and one background thread (``run``).

    Attributes:
        styles: what the numbers of ``EngineKey.style`` stand for.
    """

    def __init__(
        self,
        styles: tuple[StyleFile, ...],
        open_stylizer: OpenStylizer,
        tell: Callable[[str], None],
        *,
        most_open: int = MOST_OPEN,
    ) -> None:
        """``tell`` takes a line about a style that cannot be opened later on."""
        self.styles = styles
        first = {style.path: place for place, style in reversed(list(enumerate(styles)))}
        self._same_file = [first[style.path] for style in styles]
        self._open_stylizer = open_stylizer
        self._tell = tell
        self._most_open = most_open
        self._ready: OrderedDict[EngineKey, Stylizer] = OrderedDict()
        self._refused: set[EngineKey] = set()
        self._queue: deque[EngineKey] = deque()
        self._changed = threading.Condition()
        self._used: WeakKeyDictionary[object, Stylizer] = WeakKeyDictionary()

    def key(self, style: int, size: tuple[int, int]) -> EngineKey:
        """The engine of a style at a size: styles of one file share it."""
        return EngineKey(self._same_file[style], size)

    def open_now(self, wanted: EngineKey) -> Stylizer:
        """Open and wait for it, unless it is open; for the first one.

        Raises:
            StyleError, EngineError, MissingPackageError: it cannot be.
        """
        with self._changed:
            if wanted in self._ready:
                return self._ready[wanted]
        stylizer = self._open_stylizer(self.styles[wanted.style], wanted.size)
        with self._changed:
            self._ready[wanted] = stylizer
        return stylizer

    def get(self, wanted: EngineKey) -> Stylizer | None:
        """The engine, or None: it opens now in the background, or it was refused."""
        with self._changed:
            if wanted in self._ready:
                self._ready.move_to_end(wanted)
                return self._ready[wanted]
            if wanted not in self._refused:
                self._put_first(wanted)
            return None

    def _put_first(self, wanted: EngineKey) -> None:
        if not self._queue or self._queue[0] != wanted:
            self._queue = deque([wanted, *(w for w in self._queue if w != wanted)])
            self._changed.notify_all()

    def preload(self, wanted: EngineKey) -> None:
        """Open it when there is nothing more urgent."""
        with self._changed:
            self._queue.append(wanted)
            self._changed.notify_all()

    def use(self, painter: object, stylizer: Stylizer) -> None:
        """``painter`` goes on with that one; the oldest that nobody uses are closed, beyond the limit.

        Only the thread that uses engines calls this.
        """
        with self._changed:
            self._used[painter] = stylizer
            in_use = set(map(id, self._used.values()))
            oldest = [w for w, stylizer in self._ready.items() if id(stylizer) not in in_use]
            excess = oldest[: max(0, len(self._ready) - self._most_open)]
            closing = [self._ready.pop(w) for w in excess]
        for stylizer in closing:
            stylizer.close()

    def run(self, stop: threading.Event) -> None:
        """The background thread: open what is queued until ``stop`` is set."""
        while not stop.is_set():
            with self._changed:
                if not self._queue:
                    self._changed.wait(LOOK_EVERY_S)
                    continue
                wanted = self._queue[0]
                known = wanted in self._ready or wanted in self._refused
            if not known:
                self._open(wanted)
            with self._changed:
                self._queue = deque(w for w in self._queue if w != wanted)

    def _open(self, wanted: EngineKey) -> None:
        style = self.styles[wanted.style]
        try:
            stylizer = self._open_stylizer(style, wanted.size)
        except BrushstreamError as error:
            self._refused.add(wanted)
            self._tell(f"style {style.card.name} stays closed: {error}")
            return
        with self._changed:
            self._ready[wanted] = stylizer

    def close(self) -> None:
        """Close every engine; after every thread that uses them has ended."""
        with self._changed:
            closing = list(self._ready.values())
            self._ready.clear()
        for stylizer in closing:
            stylizer.close()
