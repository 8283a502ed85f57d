"""The server behind ``serve`` and ``webcam --serve``: the page's files and one WebSocket a page.

Starlette routes, uvicorn serves, in a thread of its own; ``gate`` says whom. What a page sends goes to its
guest: text is a command, bytes are a frame of its camera.
"""

import asyncio
import json
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from pipeline.common.closeable import Closeable
from pipeline.common.errors import OutputError
from pipeline.live.web.gate import EVERYWHERE, Gate
from pipeline.live.web.outbox import Outbox

MOST_PAGES = 32
LARGEST_MESSAGE = 4 * 2**20
SEND_TIMEOUT_S = 10.0
STATE_EVERY_S = 0.5
_MOST_CONNECTIONS = 4 * MOST_PAGES
_END_S = 2.0
_PAGE = Path(__file__).with_name("page")
TRY_AGAIN, POLICY = 1013, 1008

State = Callable[[], Mapping[str, Any]]


class Guest(Protocol):
    """One page that is looked at. All of it is called in the server's event loop."""

    def state(self) -> Mapping[str, Any]:
        """What the page shows besides pictures; JSON."""
        ...

    def command(self, text: str) -> None:
        """Carry out a command; ValueError for an unknown one."""
        ...

    def frame(self, data: bytes) -> None:
        """A frame of the page's camera; ValueError where it cannot be one."""
        ...

    def leave(self) -> None:
        """The page was closed, or is gone."""
        ...


Welcome = Callable[[Outbox], Guest]


class PageServer(Closeable):
    """Takes its port when it is made, answers from ``start`` to ``close``.

    Attributes:
        token: the secret part of the address.
        port: where it listens; chosen by the system where 0 was asked for.
    """

    def __init__(
        self,
        welcome: Welcome,
        port: int,
        *,
        host: str = "127.0.0.1",
        token: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take the port.

        Args:
            welcome: makes the guest of a page that has come.
            port: 0 takes any that is free.
            host: the address to listen at; 0.0.0.0 lets the whole network in that knows the token.
            token: None makes one.
            tls: serve https with this certificate.

        Raises:
            OutputError: the port is taken, or the address is not this machine's.
        """
        self.token = token or secrets.token_urlsafe(16)
        self._host, self._tls = host, tls
        self._pages = _Pages(welcome, self._hang_up)
        self._listener = _listen(host, port)
        self.port: int = self._listener.getsockname()[1]
        self._server = uvicorn.Server(self._config())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="brushstream-serve", daemon=True)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        shown = socket.gethostname() if self._host in EVERYWHERE else self._host
        shown = f"[{shown}]" if ":" in shown else shown
        return f"http{'s' if self._tls else ''}://{shown}:{self.port}/{self.token}/"

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def close(self) -> None:
        """Hang up on everybody and end every thread. Closing twice is no error."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_END_S)
            if self._loop is not None and self._thread.is_alive():  # somebody takes nothing from us
                self._loop.call_soon_threadsafe(self._hang_up)
            self._thread.join()
        self._listener.close()

    def _config(self) -> uvicorn.Config:
        routes = [
            WebSocketRoute("/socket", self._pages.serve),
            Mount("/", StaticFiles(directory=_PAGE, html=True)),
        ]
        tls = self._tls
        return uvicorn.Config(
            Gate(Starlette(routes=routes), self.token, self._host, tls=tls is not None),
            ssl_context_factory=None if tls is None else lambda config, default: tls,
            ws="websockets-sansio", ws_max_size=LARGEST_MESSAGE, ws_per_message_deflate=False,
            http="h11", loop="asyncio", lifespan="off", limit_concurrency=_MOST_CONNECTIONS,
            log_config=None, log_level="error", access_log=False, server_header=False,
        )  # fmt: skip

    def _run(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve([self._listener])

        asyncio.run(serve())

    def _hang_up(self, client: object = None) -> None:
        """Let go of a connection, or of all, whatever was not sent yet."""
        for connection in list(self._server.server_state.connections):
            if client is None or getattr(connection, "client", None) == client:
                connection.transport.abort()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise OutputError(
            f"cannot serve at {host}:{port} ({error.strerror}); choose another port, 0 takes a free one"
        ) from error


class _Pages:
    """Every page that is open, each served by two tasks: one reads, one sends."""

    def __init__(self, welcome: Welcome, hang_up: Callable[[object], None]) -> None:
        self._welcome, self._hang_up = welcome, hang_up
        self._open = 0

    async def serve(self, socket: WebSocket) -> None:
        await socket.accept()
        if self._open >= MOST_PAGES:
            await socket.close(TRY_AGAIN, f"{MOST_PAGES} pages are open already; close one")
            return
        self._open += 1
        outbox = Outbox()
        guest = self._welcome(outbox)
        try:
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(_read(socket, guest, outbox))
                await _send(socket, guest, outbox)
                reading.cancel()
        except* TimeoutError:  # it takes nothing from us
            self._hang_up(tuple(socket.client or ()))
        except* WebSocketDisconnect:  # it went away
            pass
        finally:
            self._open -= 1
            guest.leave()


async def _read(socket: WebSocket, guest: Guest, outbox: Outbox) -> None:
    while True:
        received = await socket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received["code"])
        try:
            if (data := received.get("bytes")) is not None:
                guest.frame(data)
            else:
                guest.command(received["text"])
                outbox.wake()
        except ValueError as error:
            outbox.refuse(str(error))


async def _send(socket: WebSocket, guest: Guest, outbox: Outbox) -> None:
    told = ""
    while outbox.refusal is None:
        state = json.dumps(guest.state())
        messages = await outbox.take()
        async with asyncio.timeout(SEND_TIMEOUT_S):
            if state != told:
                await socket.send_text(state)
            for one in messages:
                await socket.send_bytes(one)
        told = state
        await outbox.wait(STATE_EVERY_S)
    await socket.close(POLICY, outbox.refusal[:120])
