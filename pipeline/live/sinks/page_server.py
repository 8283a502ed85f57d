"""The HTTP server behind ``--serve``: the page, its picture, its state, and commands.

Every address begins with a random token, so that no other program's page can find it; and the Host header
must name this server, so that a name which somebody points at this machine (DNS rebinding) opens nothing.
"""

import ipaddress
import json
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MOST_VIEWERS = 8
_BOUNDARY = "brushstream-frame"
_SEND_TIMEOUT_S = 10.0
_LONGEST_COMMAND = 64
_PAGE = Path(__file__).with_name("page.html")
_SAFE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE_POLICY = (
    "default-src 'none'; img-src 'self'; connect-src 'self'; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'"
)

Do = Callable[[str], None]
State = Callable[[], Mapping[str, Any]]


class Newest:
    """The newest JPEG, its number, and who waits for the next. Any thread may call anything.

    Attributes:
        viewers: how many wait.
        ended: there will be no more.
    """

    def __init__(self) -> None:
        self.viewers = 0
        self.ended = False
        self._number, self._jpeg = 0, b""
        self._changed = threading.Condition()

    def put(self, jpeg: bytes) -> None:
        """The next JPEG; the one before is forgotten."""
        with self._changed:
            self._number, self._jpeg = self._number + 1, jpeg
            self._changed.notify_all()

    def after(self, number: int) -> tuple[int, bytes] | None:
        """Wait for a frame newer than ``number``; None at the end."""
        with self._changed:
            while not self.ended and self._number <= number:
                self._changed.wait()
            return None if self.ended else (self._number, self._jpeg)

    def join(self) -> int | None:
        """One more viewer: the number before the first frame for it; None where there is no room."""
        with self._changed:
            if self.viewers >= MOST_VIEWERS:
                return None
            self.viewers += 1
            return self._number

    def leave(self) -> None:
        """One viewer less."""
        with self._changed:
            self.viewers -= 1

    def end(self) -> None:
        """Nobody waits any more."""
        with self._changed:
            self.ended = True
            self._changed.notify_all()


class PageServer(ThreadingHTTPServer):
    """Answers those who know the token, each in a thread of its own; knows its connections, to hang up.

    Attributes:
        newest: where the pictures come from.
        token: what every address begins with.
        do: carries out a command; ValueError for an unknown one.
        state: what the page shows besides the picture.
        allowed_host: the address it listens at, see ``host_is_ours``.
    """

    daemon_threads = False  # close() waits for every one
    block_on_close = True

    def __init__(self, address: tuple[str, int], newest: Newest, token: str, do: Do, state: State) -> None:
        self.newest, self.token, self.do, self.state = newest, token, do, state
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.allowed_host = address[0]
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Wake threads that are sending or reading, so that they end."""
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # the other side was faster
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A viewer who went away is no error of ours; anything else is for the terminal."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version = "brushstream"
    sys_version = ""
    timeout = _SEND_TIMEOUT_S

    def do_GET(self) -> None:
        what = self._admitted()
        if what == "":
            self._send(_PAGE.read_bytes(), "text/html; charset=utf-8", _PAGE_POLICY)
        elif what == "state":
            self._send(json.dumps(self.server.state()).encode(), "application/json")
        elif what == "stream":
            self._stream()
        elif what is not None:
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")

    def do_POST(self) -> None:
        if self._admitted() != "do" or not self._from_own_page():
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LONGEST_COMMAND:
            self._refuse(HTTPStatus.BAD_REQUEST, "a command is a short text")
            return
        try:
            self.server.do(self.rfile.read(int(length)).decode("utf-8", "replace"))
        except ValueError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
            return
        self._send(json.dumps(self.server.state()).encode(), "application/json")

    def _admitted(self) -> str | None:
        """What follows the token in the address; None, and already refused, for strangers."""
        token, _, what = urlsplit(self.path).path.removeprefix("/").partition("/")
        if not host_is_ours(self.headers.get("Host", ""), self.server.allowed_host):
            self._refuse(HTTPStatus.FORBIDDEN, "this address is not served here")
        elif not secrets.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.NOT_FOUND, "no such page; open the whole address that was printed")
        else:
            return what
        return None

    def _from_own_page(self) -> bool:
        origin = self.headers.get("Origin")
        return origin is None or urlsplit(origin).netloc == self.headers.get("Host")

    def _send(self, body: bytes, kind: str, policy: str = "default-src 'none'") -> None:
        self.send_response(HTTPStatus.OK)
        self._head(kind, policy)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        body = (why + "\n").encode()
        self.send_response(status)
        self._head("text/plain; charset=utf-8", "default-src 'none'")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _head(self, kind: str, policy: str) -> None:
        for name, value in {"Content-Type": kind, "Content-Security-Policy": policy, **_SAFE}.items():
            self.send_header(name, value)

    def _stream(self) -> None:
        number = self.server.newest.join()
        if number is None:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_VIEWERS} look already; close a page")
            return
        try:
            self.send_response(HTTPStatus.OK)
            self._head(f"multipart/x-mixed-replace; boundary={_BOUNDARY}", "default-src 'none'")
            self.send_header("Connection", "close")
            self.end_headers()
            while (newer := self.server.newest.after(number)) is not None:
                number = newer[0]
                self._send_part(newer[1])
        finally:
            self.server.newest.leave()
            self.close_connection = True

    def _send_part(self, jpeg: bytes) -> None:
        head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        self.wfile.write(head.encode() + jpeg + b"\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the address is secret, and the terminal is the person's."""


def host_is_ours(header: str, bound: str) -> bool:
    """Whether a Host header names this server.

    Bound to one address: that address or ``localhost``. Bound to all: any address in numbers, or this
    machine's name; a name that somebody else gave to our number is refused.
    """
    name = (urlsplit(f"//{header}").hostname or "") if _is_plain(header) else ""
    if bound not in ("0.0.0.0", "::"):
        loopback = {"localhost", "127.0.0.1", "::1"} if bound in ("127.0.0.1", "localhost", "::1") else set()
        return name in {bound, *loopback}
    own = socket.gethostname().lower()
    return name in ("localhost", own, f"{own}.local") or _is_number(name)


def _is_plain(header: str) -> bool:
    return all(c.isalnum() or c in ".:-[]_" for c in header)


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
