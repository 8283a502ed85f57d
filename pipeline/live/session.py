"""Everything behind ``brushstream webcam``: open it all, run the loop, close it all. Prints nothing."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from pipeline.common.interruption import stop_on_ctrl_c
from pipeline.engines.base import Precision
from pipeline.engines.registry import select_engine
from pipeline.live.controls import LiveControls, Notices, Settings
from pipeline.live.governor import Governor
from pipeline.live.loop import LiveLoop, sink_info
from pipeline.live.pace import FASTEST_FPS, find_pace
from pipeline.live.painter import Painter
from pipeline.live.pool import EnginePool
from pipeline.live.recorder import Recorder
from pipeline.live.report import LiveReport
from pipeline.live.sinks.opening import make_sinks
from pipeline.live.sinks.window import DisplayTrial
from pipeline.live.sources.asked import Asked
from pipeline.live.sources.camera import Opener
from pipeline.live.sources.opening import open_live
from pipeline.live.web.state import page_state
from pipeline.lookup import find_style, own_mixture
from pipeline.stream import Source
from pipeline.style import StyleFile, list_styles
from pipeline.stylize.stylizer import Stylizer

Tell = Callable[[str], None]
START_S = 3.0


@dataclass(frozen=True)
class WebcamOptions:
    """What ``brushstream webcam`` was asked for.

    Attributes:
        asked: the source.
        styles: names or paths, all opened in advance; empty takes every style there is, and opens each
            when it is chosen. The first is shown first.
        first_style: shown first where ``styles`` is empty.
        engine, precision: as for ``pipeline.stylize.stylizer.Stylizer``.
        settings: strength, scale, switches to begin with.
        quality: ``best``, ``fast`` for the styles' smaller networks (only those that have one), or ``auto``
            for what holds the rate on this machine.
        target_fps: the governor's rate; None takes the source's own, at most FASTEST_FPS.
        window: show one.
        serve: port of the page, None for none; 0 takes a free one.
        serve_on: address to listen at.
        record: a file to record to from the first frame on.
        overwrite: replace that file.
        virtual_camera: send to one.
        folder: for screenshots, and for recordings begun by key.
        governed: the scale follows the rate; False keeps network and scale as they were asked for.
        steady: calm flicker from the start; None where there is time for it, which the governor must know.
    """

    asked: Asked = field(default_factory=Asked)
    styles: tuple[str, ...] = ()
    first_style: str = "starry-night"
    engine: str = "auto"
    precision: Precision | None = None
    settings: Settings = field(default_factory=Settings)
    quality: str = "auto"
    target_fps: float | None = None
    window: bool = True
    serve: int | None = None
    serve_on: str = "127.0.0.1"
    record: Path | None = None
    overwrite: bool = False
    virtual_camera: bool = False
    folder: Path = Path()
    governed: bool = True
    steady: bool | None = None


def run_webcam(
    options: WebcamOptions,
    say: Tell,
    *,
    stop: threading.Event | None = None,
    opener: Opener | None = None,
) -> LiveReport:
    """Run until somebody quits, the source ends, or Ctrl-C.

    Args:
        say: prints a line.
        stop: set by anyone to end it, as Ctrl-C does.
        opener: of cameras; None takes OpenCV.

    Raises:
        InputError, StyleError, OutputError, EngineError, MissingPackageError: see ``errors``.
    """
    stop = stop or threading.Event()
    with stop_on_ctrl_c(stop), ExitStack() as stack:
        return _Session(options, Notices(say, time.monotonic), say, stop, stack).run(opener)


class _Session:
    """Opens in the order in which failures are cheap; whatever was opened is on the stack."""

    def __init__(
        self, options: WebcamOptions, notices: Notices, say: Tell, stop: threading.Event, stack: ExitStack
    ) -> None:
        self._options, self._notices, self._say = options, notices, say
        self._stop, self._stack = stop, stack

    def run(self, opener: Opener | None) -> LiveReport:
        options, stack = self._options, self._stack
        trial = self._try_display()
        styles, first = choose_styles(options, self._say)
        self._styles = styles
        titles = [style.card.title or style.card.name for style in styles]
        self._controls = LiveControls(
            titles,
            replace(options.settings, style=first, steady=bool(options.steady)),
            self._stop,
            [own_mixture(s.card) for s in styles],
        )
        recorder = Recorder(
            options.folder, self._stop, self._notices.tell,
            record=options.record, overwrite=options.overwrite,
        )  # fmt: skip
        sinks = [stack.enter_context(sink) for sink in make_sinks(options, self._controls.do, self._state)]
        with ThreadPoolExecutor(1) as beside:  # the engine's package loads while the camera opens
            engine = beside.submit(select_engine, options.engine)
            source = stack.enter_context(open_live(options.asked, self._stop, self._notices.tell, opener))
            engine.result()
        styles, governor = self._paced(styles, first, source)
        pool = EnginePool(
            styles, self._open_stylizer, self._notices.tell, most_open=max(8, len(options.styles) + 6)
        )
        painter = stack.enter_context(Painter(pool, governor))
        self._say(painter.prepare(source.info.size, self._controls.settings))
        self._preload(painter, source, first)
        if trial is not None:
            trial.check()
        self._loop = LiveLoop(
            source, painter, sinks, self._controls, self._notices, recorder, stop=self._stop
        )
        for sink in sinks:
            sink.open(sink_info(source.info))
        for sink in sinks:
            if sink.address:
                self._say(f"open {sink.address} in a browser")
        self._notices.tell(f"{titles[first]}; h shows the keys", START_S)
        return self._loop.run()

    def _paced(
        self, styles: tuple[StyleFile, ...], first: int, source: Source
    ) -> tuple[tuple[StyleFile, ...], Governor | None]:
        """The styles in the networks that hold the rate, and what goes on holding it."""
        options, size = self._options, source.info.size
        if not options.governed:
            return styles, None
        rate = options.target_fps or min(FASTEST_FPS, float(source.info.rate or FASTEST_FPS))
        styles, pace = find_pace(
            styles, first, size, quality=options.quality, target_fps=rate,
            highest=options.settings.scale, engine=options.engine, precision=options.precision,
        )  # fmt: skip
        if pace.steady and options.steady is None:
            self._controls.do("steady")
        self._say(pace.reason)
        return styles, pace.governor(rate)

    def _try_display(self) -> DisplayTrial | None:
        if not self._options.window:
            return None
        trial = DisplayTrial()
        self._stack.callback(trial.close)
        return trial

    def _open_stylizer(self, style: StyleFile, size: tuple[int, int]) -> Stylizer:
        return Stylizer(
            style, size, engine=self._options.engine, precision=self._options.precision, stand_in=True
        )

    def _preload(self, painter: Painter, source: Source, first: int) -> None:
        for style in range(len(self._options.styles)):
            if style != first:
                painter.preload(source.info.size, style, self._options.settings.scale)

    def _state(self) -> Mapping[str, Any]:
        """For the page, from the server's threads."""
        settings, status = self._controls.settings, self._loop.status()
        return page_state(
            "view",
            self._styles,
            settings,
            shown=settings.style,
            scale=status.scale,
            engine=status.engine,
            governor=status.governor,
            fps=status.recent.fps,
            age_ms=round(status.recent.total.p50, 1),
            dropped=status.dropped,
            notice=self._notices.current(),
            recording=status.recording_s is not None,
        )


class StylesAsked(Protocol):
    """Which styles there shall be; see ``WebcamOptions``."""

    @property
    def styles(self) -> tuple[str, ...]: ...
    @property
    def first_style(self) -> str: ...
    @property
    def quality(self) -> str: ...


def choose_styles(options: StylesAsked, say: Tell) -> tuple[tuple[StyleFile, ...], int]:
    """The styles to choose from, and the place of the first shown.

    Raises:
        StyleNotFoundError, StyleError: one that was named cannot be used, or there is none at all.
    """
    quality = "best" if options.quality == "auto" else options.quality
    if options.styles:
        return tuple(find_style(name, quality) for name in options.styles), 0
    first = find_style(options.first_style, quality)
    known = list_styles(on_damaged=lambda error: say(f"warning: {error}"), quality=quality)
    places = [place for place, style in enumerate(known) if style.path == first.path]
    if not places:
        return (first, *known), 0
    known[places[0]] = first  # as it was asked for: with its mixture, its controls
    return tuple(known), places[0]
