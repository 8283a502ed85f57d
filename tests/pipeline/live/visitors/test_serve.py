"""``brushstream serve`` as people use it: a real Chromium with a camera made for it."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import pipeline
from pipeline.frame import Pixels
from pipeline.live.web.outbox import FRAME
from tests.support.browser import CHROMIUM, Browser, Page
from tests.support.live_command import LiveCommand
from tests.support.waiting import until

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clock")]
LIVE = "document.body.dataset.view === 'live'"
BEGIN = "document.getElementById('begin').click()"


class Serve(LiveCommand):
    """``brushstream serve``, with its secret in ``folder``."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        super().__init__(folder, "serve", *arguments, XDG_DATA_HOME=str(folder))

    @property
    def address(self) -> str:
        self.wait_for("open http")
        return self.wait_for(r"https?://\S+")

    def end(self) -> int:
        """Stop it as Ctrl-C does; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return super().end()


@pytest.fixture
def serve(folder: Path) -> Iterator[Callable[..., Serve]]:
    started: list[Serve] = []

    def start(*arguments: str) -> Serve:
        started.append(Serve(folder, *(arguments or ("--port", "0"))))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        print(*one.lines, sep="\n")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    opened = Browser(tmp_path / "profile")
    yield opened
    opened.close()


def pictures(messages: list[bytes], number_at: int) -> dict[int, Pixels]:
    """JPEGs by the number that stands there: of what was sent (at 0), of the frames that came back (at 4)."""
    found: dict[int, Pixels] = {}
    for one in messages:
        if number_at == 4 and int.from_bytes(one[:4], "big") != FRAME:
            continue
        jpeg = np.frombuffer(one[4 if number_at == 0 else 12 :], np.uint8)
        decoded = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
        assert decoded is not None
        found[int.from_bytes(one[number_at : number_at + 4], "big")] = decoded  # type: ignore[assignment]
    return found


@needs_chromium
def test_the_page_shows_what_the_api_paints(
    serve: Callable[..., Serve], browser: Browser, folder: Path
) -> None:
    page = browser.page(serve().address)
    page.until("document.querySelectorAll('.tile').length === 2")
    page.ask(f"performance.mark('go'); {BEGIN}")
    page.until(LIVE)
    page.until("[...document.querySelectorAll('.tile img')].every((image) => image.naturalWidth === 320)")
    page.until("!document.getElementById('engine').textContent.includes('undefined')")
    until(lambda: page.ask("1") and len(page.sent) > 6 and len(page.received) > 6 + 2, "some frames")
    sent, painted = pictures(page.sent, 0), pictures(page.received, 4)
    both = sorted(set(sent) & set(painted))
    assert len(both) >= 3
    assert sent[both[0]].shape == (240, 320, 3)
    with pipeline.open_style(folder / "invert.onnx", engine="onnxruntime") as style:
        for number in both[:5]:
            error = np.abs(style(sent[number]).astype(int) - painted[number])
            assert error.mean() < 4, f"frame {number}"
    page.ask("document.querySelectorAll('.tile')[1].click()")
    page.until("document.getElementById('title').textContent.includes('blur')")
    page.close()


@needs_chromium
def test_a_server_that_was_killed_is_found_again(serve: Callable[..., Serve], browser: Browser) -> None:
    first = serve()
    port = first.address.split(":")[2].partition("/")[0]
    page = browser.page(first.address)
    page.until("document.querySelectorAll('.tile').length === 2")
    page.ask(BEGIN)
    page.until(LIVE)
    page.ask("document.querySelectorAll('.tile')[1].click()")
    page.until("document.getElementById('title').textContent.includes('blur')")
    first.kill()
    page.until("document.body.classList.contains('lost')")
    second = serve("--port", port)
    assert second.address == first.address
    page.until("!document.body.classList.contains('lost')")
    before = len(page.received)
    page.until("document.body.dataset.view === 'live'")
    until(lambda: page.ask("1") and len(page.received) > before + 5, "painted frames of the second server")
    page.until("document.getElementById('title').textContent.includes('blur')")
    page.close()


@needs_chromium
def test_two_visitors_are_painted_with_their_own_settings(
    serve: Callable[..., Serve], browser: Browser
) -> None:
    address = serve().address
    pages: list[Page] = []
    for _ in range(2):
        pages.append(browser.page(address))
        pages[-1].until("document.querySelectorAll('.tile').length === 2")
        pages[-1].ask(BEGIN)
        pages[-1].until(LIVE)
    pages[1].ask("document.querySelectorAll('.tile')[1].click()")
    pages[1].until("document.getElementById('title').textContent.includes('blur')")
    assert "invert" in pages[0].ask("document.getElementById('title').textContent")
    for page in pages:
        page.close()


@needs_chromium
def test_a_limit_makes_a_line_and_who_leaves_makes_room(
    serve: Callable[..., Serve], browser: Browser
) -> None:
    address = serve("--port", "0", "--visitors", "1").address
    with connect(address.replace("http", "ws") + "socket") as first:
        jpeg = cv2.imencode(".jpg", np.full((240, 320, 3), 90, np.uint8))[1].tobytes()
        stop = threading.Event()

        def keep_on() -> None:
            while not stop.wait(0.2):
                first.send(bytes(4) + jpeg)

        sending = threading.Thread(target=keep_on)
        sending.start()
        page = browser.page(address)
        page.until("document.querySelectorAll('.tile').length === 2")
        page.ask(BEGIN)
        page.until("document.getElementById('curtain-title').textContent.includes('number 1 in line')")
        stop.set()
        sending.join()
    page.until(LIVE)
    page.close()


@needs_chromium
def test_a_camera_that_is_refused_is_told(serve: Callable[..., Serve], tmp_path: Path) -> None:
    browser = Browser(tmp_path / "refusing", allow=False)
    try:
        page = browser.page(serve().address)
        page.ask(BEGIN)
        page.until("document.body.dataset.view === 'refused'")
        assert page.ask("document.getElementById('curtain-title').textContent") == "The camera stays closed"
        assert page.ask("document.getElementById('begin').textContent") == "Try again"
        page.close()
    finally:
        browser.close()


@pytest.mark.parametrize("data", [b"", b"1234", b"1234\xff\xd8\xff\xe0broken", bytes(4) + b"GIF89a"])
def test_what_is_no_jpeg_ends_that_visit_alone(serve: Callable[..., Serve], data: bytes) -> None:
    run = serve()
    socket = run.address.replace("http", "ws") + "socket"
    with connect(socket) as line, pytest.raises(ConnectionClosed, match="a JPEG of at most 320 pixels"):
        send_and_hear(line, data)
    large = cv2.imencode(".jpg", np.zeros((8, 2000, 3), np.uint8))[1].tobytes()
    with connect(socket) as line, pytest.raises(ConnectionClosed, match="2000x8 came"):
        send_and_hear(line, bytes(4) + large)
    assert run.end() == 130


def send_and_hear(line: object, data: bytes) -> None:
    line.send(data)  # type: ignore[attr-defined]
    while True:
        line.recv(30)  # type: ignore[attr-defined]


@needs_chromium
def test_a_minute_of_use_does_not_grow(serve: Callable[..., Serve], browser: Browser) -> None:
    """Ten minutes with SOAK_S=600; page and server are watched once engines and caches are warm."""
    seconds = float(os.environ.get("SOAK_S", "40"))
    run = serve()
    page = browser.page(run.address)
    page.until("document.querySelectorAll('.tile').length === 2")
    page.ask(BEGIN)
    page.until(LIVE)
    server = psutil.Process(run.process.pid)
    heap = "performance.memory.usedJSHeapSize"
    page.ask(f"new Promise((done) => setTimeout(done, {seconds * 250}))")
    page.sent.clear()
    page.received.clear()
    before, heap_before, threads = server.memory_info().rss, page.ask(heap), server.num_threads()
    page.ask(f"new Promise((done) => setTimeout(done, {seconds * 750}))")
    grown = (server.memory_info().rss - before) / 2**20
    print(f"server {grown:+.1f} MiB, page {(page.ask(heap) - heap_before) / 2**20:+.1f} MiB")
    assert grown < 24
    assert page.ask(heap) - heap_before < 40 * 2**20
    assert server.num_threads() <= threads + 2
    page.close()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--on", "0.0.0.0"], 2, "--on 0.0.0.0 needs --tls-cert"),
        (["--tls-key", "key.pem"], 2, "give --tls-cert too"),
        (["--tls-cert", "absent.pem"], 3, "is no certificate to serve with"),
        (["--size", "huge"], 2, "write WIDTHxHEIGHT"),
        (["--style", "mona"], 4, "no style is called 'mona'"),
    ],
)
def test_wrong_options_are_one_line(
    arguments: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline.cli.main import run

    assert run(["serve", *arguments]) == code
    lines = [line for line in capsys.readouterr().err.splitlines() if told in " ".join(line.split())]
    assert lines, "the reason"


def test_a_taken_port_is_one_line(serve: Callable[..., Serve]) -> None:
    port = serve().address.split(":")[2].partition("/")[0]
    second = serve("--port", port)
    until(lambda: second.process.poll() is not None, "the second to end")
    assert second.process.returncode == 5
    assert len(second.lines) == 1
    assert f"cannot serve at 127.0.0.1:{port}" in second.lines[0]
