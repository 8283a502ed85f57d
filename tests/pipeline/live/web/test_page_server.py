"""The page refuses strangers, survives bad clients, and ends with the program."""

import http.client
import json
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from pipeline.common.errors import OutputError
from pipeline.frame import Frame
from pipeline.live.sinks.page import PageSink
from pipeline.live.web import server
from pipeline.live.web.gate import host_is_ours
from pipeline.live.web.server import LARGEST_MESSAGE
from pipeline.live.web.token import kept_token
from pipeline.stream import StreamInfo
from tests.support.live_rig import grey, own_threads
from tests.support.waiting import until

INFO = StreamInfo((48, 64), None, live=True)


class Page:
    """A served page and what its controls did."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.sink = PageSink(0, self.do, lambda: {"fps": 30.0})
        self.server = self.sink.server
        self.sink.open(INFO)

    def do(self, command: str) -> None:
        if command == "nonsense":
            raise ValueError("no command 'nonsense'")
        self.done.append(command)

    def ask(
        self, path: str, *, method: str = "GET", body: str | None = None, **headers: str
    ) -> tuple[int, bytes, http.client.HTTPResponse]:
        line = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        line.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = line.getresponse()
        content = answer.read()
        line.close()
        return answer.status, content, answer

    def secret(self, path: str) -> str:
        return f"/{self.server.token}/{path}"

    def connect(self, **more: Any) -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.server.port}{self.secret('socket')}", **more)

    def refused(self, path: str, **more: Any) -> int:
        """The status with which a WebSocket is refused."""
        with pytest.raises(InvalidStatus) as refusal:
            connect(f"ws://127.0.0.1:{self.server.port}{path}", **more)
        return refusal.value.response.status_code


@pytest.fixture
def page() -> Iterator[Page]:
    served = Page()
    yield served
    served.sink.close()
    served.sink.close()
    assert own_threads() == []


def test_the_page_and_its_state(page: Page) -> None:
    status, content, answer = page.ask(page.secret(""))
    assert status == 200
    assert b"Brushstream" in content
    assert "default-src 'none'" in (answer.getheader("Content-Security-Policy") or "")
    assert answer.getheader("Referrer-Policy") == "no-referrer"
    with page.connect() as line:
        assert json.loads(line.recv(30)) == {"fps": 30.0}
    assert page.sink.address == f"http://127.0.0.1:{page.server.port}/{page.server.token}/"
    assert len(page.server.token) >= 20


def test_every_file_that_the_page_names_is_served_and_none_comes_from_elsewhere(page: Page) -> None:
    files = sorted(path.name for path in server._PAGE.iterdir())
    assert {"index.html", "main.js", "page.css", "icons.svg"} <= set(files)
    for name in files:
        status, content, _ = page.ask(page.secret(name))
        assert status == 200
        text = content.decode().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text
        assert "https://" not in text


@pytest.mark.parametrize("path", ["/", "/wrong/", "/wrong/main.js", "/main.js", "/socket"])
def test_without_the_token_there_is_nothing(page: Page, path: str) -> None:
    assert page.ask(path)[0] == 404
    assert page.refused(path) == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "a@127.0.0.1", "192.168.0.9"])
def test_another_hosts_name_is_refused_even_with_the_token(page: Page, host: str) -> None:
    for path in ("", "main.js"):
        assert page.ask(page.secret(path), Host=host)[0] in (400, 403)
    assert page.done == []


def test_another_origin_is_refused(page: Page) -> None:
    assert page.refused(page.secret("socket"), origin="http://evil.example") == 403
    assert page.ask(page.secret(""), Origin="http://evil.example")[0] == 403
    with page.connect(origin=f"http://127.0.0.1:{page.server.port}") as line:
        line.send("steady")
        until(lambda: page.done == ["steady"], "the command")


def test_an_unknown_command_hangs_up_with_the_reason(page: Page) -> None:
    with page.connect() as line:
        line.send("style 2")
        line.send("nonsense")
        with pytest.raises(ConnectionClosed, match="no command 'nonsense'"):
            hear_out(line)
    assert page.done == ["style 2"]


def test_a_page_that_looks_gets_jpegs_and_at_most_two_it_has_not_shown(page: Page) -> None:
    with page.connect() as line:
        line.recv(30)
        for index in range(20):
            page.sink.write(Frame(grey(90, (48, 64)), index, 0.0))
            time.sleep(0.02)
        kind, number, _ = struct.unpack("!III", (first := binary(line))[:12])
        assert (kind, number) == (0, 1)
        picture = cv2.imdecode(np.frombuffer(first[12:], np.uint8), 1)
        assert picture is not None
        assert picture.shape == (48, 64, 3)
        assert abs(picture.mean() - 90) < 2
        assert struct.unpack("!III", binary(line)[:12])[1] == 2
        line.send("seen 2")
        until(lambda: all(viewer.ready for viewer in page.sink._viewers), "the page's word")
        page.sink.write(Frame(grey(91, (48, 64)), 20, 0.0))
        assert struct.unpack("!III", binary(line)[:12])[1] == 3


def hear_out(line: ClientConnection) -> None:
    while True:
        line.recv(30)


def send_and_hear(line: ClientConnection, data: bytes) -> None:
    line.send(data)
    hear_out(line)


def binary(line: ClientConnection) -> bytes:
    while isinstance(told := line.recv(30), str):
        continue
    return told


def test_a_client_that_sends_a_hundred_megabytes_is_cut_off(page: Page) -> None:
    with page.connect() as line, pytest.raises(ConnectionClosed) as cut:
        send_and_hear(line, bytes(100 * 2**20))
    assert cut.value.rcvd is None or cut.value.rcvd.code == 1009
    assert LARGEST_MESSAGE < 100 * 2**20
    assert page.ask(page.secret(""))[0] == 200


def test_a_client_that_never_reads_is_let_go(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SEND_TIMEOUT_S", 1.0)
    with socket.create_connection(("127.0.0.1", page.server.port)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(
            f"GET {page.secret('socket')} HTTP/1.1\r\nHost: 127.0.0.1:{page.server.port}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        until(lambda: page.sink._viewers, "the viewer")
        viewer = next(iter(page.sink._viewers))
        for _ in range(8):
            viewer._outbox.put(bytes(4 * 2**20))
        until(lambda: not page.sink._viewers, "the server to let go")
        assert page.ask(page.secret(""))[0] == 200


def test_there_is_room_for_some_pages(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_PAGES", 2)
    with page.connect() as first, page.connect() as second:
        first.recv(30)
        second.recv(30)
        with page.connect() as third, pytest.raises(ConnectionClosed, match="2 pages are open already"):
            third.recv(30)


def test_closing_hangs_up_on_everybody(page: Page) -> None:
    with page.connect() as line:
        line.recv(30)
        page.sink.close()
        with pytest.raises(ConnectionClosed):
            hear_out(line)


def test_a_port_that_is_taken_is_an_output_error(page: Page) -> None:
    with pytest.raises(OutputError, match=f"cannot serve at 127.0.0.1:{page.server.port}"):
        PageSink(page.server.port, page.do, dict)


def test_the_token_stays_until_another_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "new" / "serve-token"
    token = kept_token(path)
    assert len(token) >= 20
    assert kept_token(path) == token
    assert path.stat().st_mode & 0o077 == 0
    assert kept_token(path, renew=True) != token
    path.write_text("short")
    assert len(kept_token(path)) >= 20


@pytest.mark.parametrize(
    ("header", "bound", "ours"),
    [
        ("127.0.0.1:8765", "127.0.0.1", True),
        ("localhost:8765", "127.0.0.1", True),
        ("[::1]:8765", "127.0.0.1", True),
        ("rebound.example:8765", "127.0.0.1", False),
        ("192.168.1.5:8765", "0.0.0.0", True),
        ("rebound.example:8765", "0.0.0.0", False),
        ("localhost", "0.0.0.0", True),
        ("192.168.1.5", "192.168.1.5", True),
        ("localhost", "192.168.1.5", False),
    ],
)
def test_which_names_are_ours(header: str, bound: str, ours: bool) -> None:
    assert host_is_ours(header, bound) is ours
