"""Everything behind ``brushstream serve``: open it all, let visitors in, close it all. Prints nothing."""

import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.common.concurrency import WorkerGroup
from pipeline.common.errors import InputError
from pipeline.common.interruption import stop_on_ctrl_c
from pipeline.engines.base import Precision
from pipeline.live.controls import LiveControls, Settings
from pipeline.live.governor import Governor
from pipeline.live.painter import Painter
from pipeline.live.pool import EnginePool
from pipeline.live.session import choose_styles
from pipeline.live.visitors.line import Line
from pipeline.live.visitors.thumbnails import Thumbnails
from pipeline.live.visitors.visitor import Visitor
from pipeline.live.web.outbox import Outbox
from pipeline.live.web.server import PageServer
from pipeline.live.web.token import kept_token, token_path
from pipeline.lookup import row_names
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
        styles, first_style, quality, engine, precision: as for ``WebcamOptions``.
        size: (height, width) that frames are expected in; the longer side is the longest accepted.
        visitors: painted at a time; others wait.
        target_fps: the rate each of them shall have; the governor paints smaller to hold it.
        settings: what each begins with.
    """

    port: int = 8765
    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    new_token: bool = False
    styles: tuple[str, ...] = ()
    first_style: str = "starry-night"
    quality: str = "best"
    engine: str = "auto"
    precision: Precision | None = None
    size: tuple[int, int] = (480, 640)
    visitors: int = 4
    target_fps: float = 24.0
    settings: Settings = field(default_factory=Settings)


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
        styles, self._first = choose_styles(options, say)
        self._rows = [row_names(style.card) for style in styles]
        self._titles = tuple(style.card.title or style.card.name for style in styles)
        self._server = stack.enter_context(
            PageServer(self._welcome, options.port, host=options.host, token=self._token(), tls=options.tls)
        )
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
        first = self._pool.open_now(self._pool.key(self._first, self._options.size))
        self._say(first.describe())
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

    def _open_stylizer(self, style: StyleFile, size: tuple[int, int]) -> Stylizer:
        options = self._options
        return Stylizer(style, size, engine=options.engine, precision=options.precision, stand_in=True)

    def _welcome(self, outbox: Outbox) -> Visitor:
        self._came += 1
        settings = replace(self._options.settings, style=self._first)
        controls = LiveControls(self._titles, settings, threading.Event(), self._rows)
        painter = Painter(self._pool, Governor(self._options.target_fps))
        return Visitor(outbox, controls, painter, self._line, self._thumbnails, size=self._options.size)

    def _paint(self) -> None:
        while True:
            self._line.next().paint()
            self._frames += 1
