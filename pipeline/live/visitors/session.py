"""Everything behind ``brushstream serve``: open it all, let visitors in, close it all. Prints nothing."""

import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pipeline.common.concurrency import WorkerGroup
from pipeline.common.errors import InputError
from pipeline.common.interruption import stop_on_ctrl_c
from pipeline.engines.base import Precision
from pipeline.live.controls import LiveControls, Settings
from pipeline.live.governor import Governor
from pipeline.live.pace import find_pace
from pipeline.live.painter import Painter
from pipeline.live.pool import EnginePool
from pipeline.live.session import choose_styles
from pipeline.live.visitors.line import Line
from pipeline.live.visitors.thumbnails import Thumbnails
from pipeline.live.visitors.visitor import Visitor
from pipeline.live.web.outbox import Outbox
from pipeline.live.web.server import PageServer
from pipeline.live.web.token import kept_token, token_path
from pipeline.lookup import own_mixture
from pipeline.style import StyleFile
from pipeline.stylize.stylizer import Stylizer

Tell = Callable[[str], None]
ENGINES_A_VISITOR = 4


@dataclass(frozen=True)
class ServeOptions:
    """What ``brushstream serve`` was asked for.

    Attributes:
        port: 0 takes a free one.
        host: address to listen at.
        tls: certificate and key, None for plain http.
        new_token: make another secret part of the address.
        styles, first_style, engine, precision: as for ``WebcamOptions``.
        quality: as there; ``auto`` takes what holds the rate for one visitor.
        size: (height, width) that frames are expected in; the longer side is the longest accepted.
        visitors: painted at a time; others wait.
        target_fps: the rate each of them shall have; the governor paints smaller to hold it.
        settings: what each begins with.
        steady: whether that calms flicker; None where there is time for it.
    """

    port: int = 8765
    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    new_token: bool = False
    styles: tuple[str, ...] = ()
    first_style: str = "starry-night"
    quality: str = "auto"
    engine: str = "auto"
    precision: Precision | None = None
    size: tuple[int, int] = (480, 640)
    visitors: int = 4
    target_fps: float = 24.0
    settings: Settings = field(default_factory=Settings)
    steady: bool | None = None


@dataclass(frozen=True)
class ServeReport:
    """What a run was: how many pages came, how many frames were painted for them, in how many seconds."""

    visitors: int
    frames: int
    seconds: float


def tls_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """A certificate (PEM, with its chain) and its key, which may stand in the same file.

    Raises:
        InputError: they cannot be read, do not belong together, or ask for a password.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{certificate} with the key {key or 'in the same file'} is no certificate to serve with "
            f"({reason}); give two PEM files that belong together, without a password"
        ) from error
    return context


def run_serve(options: ServeOptions, say: Tell, *, stop: threading.Event | None = None) -> ServeReport:
    """Run until ``stop`` is set or Ctrl-C.

    Args:
        say: prints a line.

    Raises:
        StyleError, OutputError, EngineError, MissingPackageError: see ``errors``.
    """
    stop = stop or threading.Event()
    with stop_on_ctrl_c(stop), ExitStack() as stack:
        return _Studio(options, say, stop, stack).run()


class _Studio:
    """What visitors share: engines, the line, thumbnails, and the one thread that paints."""

    def __init__(self, options: ServeOptions, say: Tell, stop: threading.Event, stack: ExitStack) -> None:
        self._options, self._say, self._stop = options, say, stop
        styles, first = choose_styles(options, say)
        self._begin_with = replace(options.settings, style=first)
        self._server = stack.enter_context(
            PageServer(self._welcome, options.port, host=options.host, token=self._token(), tls=options.tls)
        )
        styles, self._governor = self._paced(styles)
        self._line: Line[Visitor] = Line(options.visitors, stop)
        self._pool = EnginePool(
            styles, self._open_stylizer, say, most_open=8 + ENGINES_A_VISITOR * options.visitors
        )
        stack.callback(self._pool.close)
        self._thumbnails = Thumbnails(styles, self._open_stylizer, say)
        stack.callback(self._thumbnails.close)
        self._came, self._frames = 0, 0

    def run(self) -> ServeReport:
        began_at = time.monotonic()
        first = Painter(self._pool, self._governor())  # keeps its engine open for who comes
        self._say(first.prepare(self._options.size, self._begin_with))
        workers = WorkerGroup(self._stop)
        workers.add("stylize", self._paint)
        workers.add("open", lambda: self._pool.run(self._stop))
        workers.add("thumbnails", lambda: self._thumbnails.run(self._stop))
        workers.start()
        self._server.start()
        self._say(f"open {self._server.address} in a browser; Ctrl-C ends")
        try:
            while workers.working():
                continue
        finally:
            workers.end()
            self._server.close()
        workers.raise_error()
        return ServeReport(self._came, self._frames, time.monotonic() - began_at)

    def _token(self) -> str | None:
        try:
            return kept_token(token_path(), renew=self._options.new_token)
        except OSError as error:
            self._say(f"warning: the address will be another at the next start ({error})")
            return None

    def _paced(self, styles: tuple[StyleFile, ...]) -> tuple[tuple[StyleFile, ...], Callable[[], Governor]]:
        """The styles in the networks that hold the rate for one, and how each visitor's governor begins.

        Steady is on from the start where there is time for it.
        """
        options, begin = self._options, self._begin_with
        rate = options.target_fps
        styles, pace = find_pace(
            styles, begin.style, options.size, quality=options.quality, target_fps=rate,
            highest=begin.scale, engine=options.engine, precision=options.precision,
        )  # fmt: skip
        self._say(pace.reason)
        steady = pace.steady if options.steady is None else options.steady
        self._begin_with = replace(begin, steady=steady)
        return styles, partial(pace.governor, rate)

    def _open_stylizer(self, style: StyleFile, size: tuple[int, int]) -> Stylizer:
        options = self._options
        return Stylizer(style, size, engine=options.engine, precision=options.precision, stand_in=True)

    def _welcome(self, outbox: Outbox) -> Visitor:
        self._came += 1
        cards = [style.card for style in self._pool.styles]
        controls = LiveControls(
            [card.title or card.name for card in cards], self._begin_with, threading.Event(),
            [own_mixture(card) for card in cards],
        )  # fmt: skip
        painter = Painter(self._pool, self._governor())
        return Visitor(outbox, controls, painter, self._line, self._thumbnails, size=self._options.size)

    def _paint(self) -> None:
        while True:
            self._line.next().paint()
            self._frames += 1
