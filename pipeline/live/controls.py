"""What the person can change while it runs: commands, the keys for them, and the settings they change.

A command is a short text, ``stronger`` or ``style 3``; the window turns keys into commands, the page
sends the same ones, and of its sliders ``strength 0.35``, ``brush 2`` (a place in SCALES) or
``mix udnie 0.4, tahiti 0.6``. Settings are one immutable value that every frame reads once, so that no frame
is made half with the old ones.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

SCALES = (0.4, 0.5, 0.6, 0.75, 1.0, 1.25, 1.5)
"""Sizes at which the network may run, relative to the frame. A smaller one has the larger brush."""

STRENGTH_STEP = 0.1
MIX_STEP = 0.1
MIX = "mix "
"""Begins the command that sets rows' shares of the mixture: ``mix udnie 0.4, tahiti 0.6``; others stay."""
_SHARE = re.compile(r"(.+?) (\d*\.?\d+)(?:, |$)")
NOTICE_S = 4.0
QUIT, RECORD, SCREENSHOT, FULL_SCREEN = "quit", "record", "screenshot", "full-screen"


@dataclass(frozen=True)
class Key:
    """One row of the help.

    Attributes:
        keys: characters, any of which gives the command.
        shown: how the help writes them.
        command: what they do.
        help: a few words.
    """

    keys: str
    shown: str
    command: str
    help: str


ESCAPE = "\x1b"
KEYS = (
    Key("n", "n", "next-style", "next style"),
    Key("p", "p", "previous-style", "previous style"),
    *(Key(str(n), f"{n}", f"style {n}", "style by number") for n in range(1, 10)),
    Key(".", ".", "mix-next", "mix in the next row"),
    Key(",", ",", "mix-back", "mix back"),
    Key("+=", "+", "stronger", "stronger"),
    Key("-_", "-", "weaker", "weaker"),
    Key("]", "]", "larger-brush", "larger brush"),
    Key("[", "[", "smaller-brush", "smaller brush"),
    Key("s", "s", "side-by-side", "side by side"),
    Key("c", "c", "keep-colors", "keep colours"),
    Key("t", "t", "steady", "steady"),
    Key("m", "m", "mirror", "mirror"),
    Key("f", "f", FULL_SCREEN, "full screen"),
    Key("r", "r", RECORD, "record"),
    Key(" ", "space", SCREENSHOT, "screenshot"),
    Key("i", "i", "information", "information"),
    Key("h?", "h", "help", "this help"),
    Key("q" + ESCAPE, "q, Esc", QUIT, "quit"),
)
COMMAND_OF_KEY = {character: key.command for key in KEYS for character in key.keys}
COMMANDS = frozenset(key.command for key in KEYS)


@dataclass(frozen=True)
class Settings:
    """What the next frame is made with.

    Attributes:
        style: place in the list of styles.
        strength: 0 leaves the frame, 1 is the style alone.
        scale: of SCALES, what the person asked for; the governor may go below it.
        keep_colors: brightness from the style, colours from the frame.
        steady: calm flicker along the motion of the picture.
        mirror: left and right exchanged.
        side_by_side: show the frame beside its painting.
        information, help: what lies over the picture.
        mix: shares of the rows of a style that holds several, by name; empty takes the style as it is.
    """

    style: int = 0
    strength: float = 1.0
    scale: float = 1.0
    keep_colors: bool = False
    steady: bool = False
    mirror: bool = False
    side_by_side: bool = False
    information: bool = False
    help: bool = False
    mix: tuple[tuple[str, float], ...] = ()


_VALUES = ("strength", "brush", "style")
_TOGGLES = {
    "side-by-side": "side_by_side",
    "keep-colors": "keep_colors",
    "steady": "steady",
    "mirror": "mirror",
    "information": "information",
    "help": "help",
}


class LiveControls:
    """Takes commands from any thread.

    ``settings`` is read once a frame; ``take_requests`` gives what is to be done once (record,
    screenshot); ``quit`` sets the stop event.

    Attributes:
        styles: names to choose from.
        settings: the present ones.
        asked_to_quit: somebody did.
    """

    def __init__(
        self,
        styles: Sequence[str],
        settings: Settings,
        stop: threading.Event,
        mixtures: Sequence[Mapping[str, float]] = (),
    ) -> None:
        """Start with ``settings``; ``stop`` is set by ``quit``.

        Args:
            mixtures: each style's own, by the names of its rows; empty for those that have none.
        """
        self._mixtures = mixtures or [{}] * len(styles)
        self.styles = tuple(styles)
        self.settings = settings
        self.asked_to_quit = False
        self._stop = stop
        self._requests: list[str] = []
        self._lock = threading.Lock()

    def do(self, command: str) -> None:
        """Carry out one command. Raises ValueError, naming the known ones, for any other text."""
        if command.startswith(MIX):
            shares = _shares(command)
            with self._lock:
                self.settings = replace(self.settings, mix=self._with(shares))
            return
        name, _, value = command.partition(" ")
        if command not in COMMANDS and not (name in _VALUES and value.replace(".", "", 1).isdecimal()):
            raise ValueError(f"no command {command!r}; known are {', '.join(sorted(COMMANDS))}")
        with self._lock:
            if command == QUIT:
                self.asked_to_quit = True
                self._stop.set()
            elif command in (RECORD, SCREENSHOT):
                self._requests.append(command)
            else:
                self.settings = self._changed(command)

    def _changed(self, command: str) -> Settings:
        now = self.settings
        if command in _TOGGLES:
            name = _TOGGLES[command]
            return replace(now, **{name: not getattr(now, name)})  # type: ignore[arg-type]
        if command in ("stronger", "weaker"):
            step = STRENGTH_STEP if command == "stronger" else -STRENGTH_STEP
            return replace(now, strength=min(1.0, max(0.0, round(now.strength + step, 2))))
        if command in ("smaller-brush", "larger-brush"):
            return replace(now, scale=next_scale(now.scale, 1 if command == "smaller-brush" else -1))
        if command in ("mix-next", "mix-back"):
            return replace(now, mix=self._moved(MIX_STEP if command == "mix-next" else -MIX_STEP))
        name, _, value = command.partition(" ")
        if name == "strength":
            return replace(now, strength=min(1.0, float(value)))
        if name == "brush":
            return replace(now, scale=SCALES[min(len(SCALES) - 1, int(float(value)))])
        return replace(now, style=self._style(command), mix=())

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows of the present style, in order; empty where there is nothing to mix."""
        return tuple(self._mixtures[self.settings.style])

    @property
    def mixture(self) -> dict[str, float]:
        """The present shares: the person's, else the style's own."""
        return dict(self.settings.mix) or dict(self._mixtures[self.settings.style])

    def _with(self, shares: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
        for name in shares:
            if name not in self.rows:
                raise ValueError(
                    f"the present style has no row {name!r}; it has {', '.join(self.rows) or 'none'}"
                )
        mixed = {**self.mixture, **shares}
        return tuple((row, mixed[row]) for row in self.rows if mixed.get(row))

    def _moved(self, step: float) -> tuple[tuple[str, float], ...]:
        """The mixture on the way from row to row and from the last to the first, ``step`` further on."""
        rows, shares = self.rows, self.mixture
        if not rows:
            return ()
        held = [row for row in rows if shares.get(row)] or [rows[0]]
        first = len(rows) - 1 if held == [rows[0], rows[-1]] else rows.index(held[0])
        after = shares.get(rows[(first + 1) % len(rows)], 0.0) / sum(shares.values() or [1.0])
        place = (first + after + step) % len(rows)
        low, part = int(place + 1e-6) % len(rows), round(place % 1.0, 2) % 1.0
        mixed = {rows[low]: round(1.0 - part, 2), rows[(low + 1) % len(rows)]: part}
        return tuple((row, mixed[row]) for row in rows if mixed.get(row))

    def _style(self, command: str) -> int:
        if command in ("next-style", "previous-style"):
            step = 1 if command == "next-style" else -1
            return (self.settings.style + step) % len(self.styles)
        number = int(command.removeprefix("style ")) - 1 if command.startswith("style ") else -1
        return number if 0 <= number < len(self.styles) else self.settings.style

    def take_requests(self) -> list[str]:
        """What was asked for since the last call."""
        with self._lock:
            requests, self._requests = self._requests, []
            return requests


def _shares(command: str) -> dict[str, float]:
    told = command.removeprefix(MIX)
    if not told or _SHARE.sub("", told):
        raise ValueError(f"{command!r}: write {MIX}NAME SHARE, ..., `mix udnie 0.4, tahiti 0.6` for example")
    return {name: min(1.0, float(share)) for name, share in _SHARE.findall(told)}


def next_scale(scale: float, step: int) -> float:
    """The next of SCALES upwards (1) or downwards (-1), the last one again at the end."""
    place = min(range(len(SCALES)), key=lambda i: abs(SCALES[i] - scale))
    return SCALES[min(len(SCALES) - 1, max(0, place + step))]


class Notices:
    """One line for the person at a time: printed at once, and shown over the picture for some seconds."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        """``say`` prints a line; ``clock`` gives monotonic seconds."""
        self._say = say
        self._clock = clock
        self._text, self._until = "", 0.0

    def tell(self, text: str, seconds: float = NOTICE_S) -> None:
        """Print and show a line. From any thread."""
        self._text, self._until = text, self._clock() + seconds
        self._say(text)

    def current(self) -> str:
        """What is to be shown now, empty for nothing."""
        return self._text if self._clock() < self._until else ""
