"""Who gets an answer from the page server: those who know the token, at this server's name, from its page.

Every address begins with a random token, so that no other program's page can find it; the Host header
must name this server, so that a name which somebody points at this machine (DNS rebinding) opens nothing;
and what a foreign page sends (Origin) is refused, because browsers let any page open a WebSocket.
"""

import ipaddress
import secrets
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::")
_SAFE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
_POLICY = (
    "default-src 'none'; img-src 'self' blob: data:; media-src 'self' blob: mediastream:; style-src 'self'; "
    "script-src 'self'; connect-src 'self' ws://{host} wss://{host}; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class Gate:
    """ASGI middleware: hands on what is admitted, without the token in its path; refuses the rest."""

    def __init__(self, inner: ASGIApp, token: str, bound: str, *, tls: bool = False) -> None:
        """Guard ``inner``.

        Args:
            token: the first part of every address.
            bound: the address the server listens at; see ``host_is_ours``.
            tls: the certificate already binds the server's name, so any name in Host will do.
        """
        self._inner, self._token, self._bound, self._tls = inner, token, bound, tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or one WebSocket."""
        headers = Headers(scope=scope)
        token, slash, rest = scope["path"].removeprefix("/").partition("/")
        if not self._tls and not host_is_ours(headers.get("host", ""), self._bound):
            await _refuse(403, "this address is not served here", scope, receive, send)
        elif not secrets.compare_digest(token.encode(), self._token.encode()):
            why = "no such page; open the whole address that was printed"
            await _refuse(404, why, scope, receive, send)
        elif not same_origin(headers):
            await _refuse(403, "only this server's own page may ask that", scope, receive, send)
        elif not slash and scope["type"] == "http":  # the page's own addresses stand beside the slash
            await RedirectResponse(f"/{token}/", headers=_SAFE)(scope, receive, send)
        else:
            path = f"/{rest}"
            inside = {**scope, "path": path, "raw_path": path.encode(), "root_path": ""}
            await self._inner(inside, receive, _safely(send, headers.get("host", "")))


def _safely(send: Send, host: str) -> Send:
    async def send_safely(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update({**_SAFE, "Content-Security-Policy": _POLICY.format(host=host)})
        await send(message)

    return send_safely


async def _refuse(status: int, why: str, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": why})  # becomes 403 before accepting
        return
    headers = {**_SAFE, "Content-Security-Policy": "default-src 'none'", "Connection": "close"}
    await PlainTextResponse(f"{why}\n", status, headers)(scope, receive, send)


def same_origin(headers: Headers) -> bool:
    """Whether a request comes from this server's page, or from no page at all."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def host_is_ours(header: str, bound: str) -> bool:
    """Whether a Host header names this server.

    Bound to one address: that address or ``localhost``. Bound to all: any address in numbers, or this
    machine's name; a name that somebody else gave to our number is refused.
    """
    name = (urlsplit(f"//{header}").hostname or "") if _is_plain(header) else ""
    if bound not in EVERYWHERE:
        return name in {bound, *(LOOPBACK if bound in LOOPBACK else ())}
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
