"""Which sinks a live run has: one row a sink, which makes it where it was asked for."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from pipeline.common.adapters import Adapter, load
from pipeline.live.sinks.null import NullSink
from pipeline.live.sinks.window import WindowSink
from pipeline.stream import Sink

PAGE = Adapter("pipeline.live.sinks.page:PageSink")  # a web server takes its time to load
VIRTUAL_CAMERA = Adapter(
    "pipeline.live.sinks.virtual_camera:VirtualCameraSink", "pyvirtualcam", "virtual-camera"
)


class SinksAsked(Protocol):
    """Where frames shall go; see ``pipeline.live.session.WebcamOptions``."""

    @property
    def window(self) -> bool: ...
    @property
    def serve(self) -> int | None: ...
    @property
    def serve_on(self) -> str: ...
    @property
    def virtual_camera(self) -> bool: ...


Do = Callable[[str], None]
State = Callable[[], Mapping[str, Any]]
Make = Callable[[SinksAsked, Do, State], Sink | None]


def _page(asked: SinksAsked, do: Do, state: State) -> Sink | None:
    return None if asked.serve is None else load("page", PAGE)(asked.serve, do, state, host=asked.serve_on)


def _virtual_camera(asked: SinksAsked, do: Do, state: State) -> Sink | None:
    return load("virtual-camera", VIRTUAL_CAMERA)() if asked.virtual_camera else None


SINKS: Mapping[str, Make] = {
    "window": lambda asked, do, state: WindowSink() if asked.window else None,
    "page": _page,
    "virtual-camera": _virtual_camera,
}


def make_sinks(asked: SinksAsked, do: Do, state: State) -> Iterator[Sink]:
    """Every sink that was asked for, made as it is taken, so that the taker can close those before.

    Args:
        do: carries out a command; see ``PageSink``.
        state: what a page shows.

    Raises:
        OutputError: a sink cannot be had.
        MissingPackageError: its package is not installed.
    """
    made = (make(asked, do, state) for make in SINKS.values())
    empty = True
    for sink in made:
        if sink is not None:
            empty = False
            yield sink
    if empty:
        yield NullSink()
