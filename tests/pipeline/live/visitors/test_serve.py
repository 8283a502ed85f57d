"""``brushstream serve`` as people use it: a real Chromium with a camera made for it."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support import make_models
from tests.support.browser import Browser, Page
from tests.support.serve_page import BEGIN, LIVE, Serve, go_live, sent_and_painted
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clock")]
SOAK_S = float(os.environ.get("SOAK_S", "40"))
TITLE = "document.getElementById('title').textContent"


def test_a_server_that_was_killed_is_found_again_with_the_settings_of_before(
    serve: Callable[..., Serve], browser: Browser, folder: Path
) -> None:
    styles = f"{folder / 'blur.onnx'},{make_models.three_rows(folder / 'rows.onnx')}"
    first = serve("--port", "0", "--styles", styles)
    port = first.address.split(":")[2].partition("/")[0]
    page = browser.page(first.address)
    go_live(page)
    page.ask("document.querySelectorAll('.tile')[1].click()")
    page.until("document.querySelectorAll('.disc').length === 3")
    page.drag("#palette", (0.5, 0.5), (0.75, 0.72))
    page.until(f"{TITLE} === 'Row inverted'")
    first.kill()
    page.until("document.body.classList.contains('lost')")
    second = serve("--port", port, "--styles", styles)
    assert second.address == first.address
    page.until("!document.body.classList.contains('lost')")
    assert sent_and_painted(page)
    page.until(f"{LIVE} && {TITLE} === 'Row inverted'")
    second.kill()
    page.until("document.body.classList.contains('lost')")
    serve("--port", port, "--styles", str(folder / "invert.onnx"))  # none of the styles of before
    page.until(f"!document.body.classList.contains('lost') && {TITLE} === 'Title of invert'")
    assert sent_and_painted(page)
    page.close()


def test_two_visitors_are_painted_with_their_own_settings(
    serve: Callable[..., Serve], browser: Browser
) -> None:
    address = serve().address
    pages = [browser.page(address, window=True) for _ in range(2)]
    for page in pages:
        go_live(page)
    pages[1].ask("document.querySelectorAll('.tile')[1].click()")
    pages[1].until(f"{TITLE}.includes('blur') && !document.querySelector('.tile.opening')")
    for page, turned in zip(pages, (True, False), strict=True):
        sent, painted = sent_and_painted(page)[-1]
        assert bool(np.abs(255 - sent.astype(int) - painted).mean() < 8) is turned
        assert page.ask(TITLE) == f"Title of {'invert' if turned else 'blur'}"
    for page in pages:
        page.close()


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


def test_what_is_no_jpeg_ends_that_visit_alone(serve: Callable[..., Serve]) -> None:
    run = serve()
    socket = run.address.replace("http", "ws") + "socket"
    for data in (b"", b"1234", b"1234\xff\xd8\xff\xe0broken", bytes(4) + b"GIF89a"):
        with connect(socket) as line, pytest.raises(ConnectionClosed, match="a JPEG of at most 320 pixels"):
            send_and_hear(line, data)
    large = cv2.imencode(".jpg", np.zeros((8, 2000, 3), np.uint8))[1].tobytes()
    with connect(socket) as line, pytest.raises(ConnectionClosed, match="2000x8 came"):
        send_and_hear(line, bytes(4) + large)
    assert run.end() == 130


def test_who_floods_and_who_never_reads_are_cut_off_and_disturb_nobody(
    serve: Callable[..., Serve], browser: Browser
) -> None:
    run = serve()
    page = browser.page(run.address)
    go_live(page)
    server, socket = psutil.Process(run.process.pid), run.address.replace("http", "ws") + "socket"
    before = server.memory_info().rss
    with connect(socket) as flood, pytest.raises(ConnectionClosed):
        send_and_hear(flood, bytes(100 * 2**20))
    noise = np.random.default_rng(3).integers(0, 256, (240, 320, 3), np.uint8)
    frame = bytes(4) + cv2.imencode(".jpg", noise)[1].tobytes()
    with pytest.raises(ConnectionClosed), connect(socket, max_queue=1) as deaf:
        until(lambda: deaf.send(frame) or time.sleep(0.02), "the server to hang up")
    assert server.memory_info().rss - before < 100 * 2**20
    assert sent_and_painted(page)
    page.close()


def send_and_hear(line: object, data: bytes) -> None:
    line.send(data)  # type: ignore[attr-defined]
    while True:
        line.recv(30)  # type: ignore[attr-defined]


@pytest.mark.timeout(SOAK_S + 260)
def test_a_minute_of_use_does_not_grow(serve: Callable[..., Serve], browser: Browser) -> None:
    """Ten minutes with SOAK_S=600; page and server are watched once engines and caches are warm."""
    run = serve()
    page = browser.page(run.address)
    go_live(page)
    server = psutil.Process(run.process.pid)
    spend(page, 0.25 * SOAK_S)
    before = held(server, page)
    spend(page, 0.75 * SOAK_S)
    after = held(server, page)
    print(f"server MiB, its threads, its handles, page MiB: {before} -> {after}")
    for now, then, more in zip(after, before, (24, 2, 4, 40), strict=True):
        assert now - then <= more
    page.close()


def spend(page: Page, seconds: float) -> None:
    """Let that time go by, and forget what is sent and received."""
    end_at = time.monotonic() + seconds
    while time.monotonic() < end_at:
        page.ask("new Promise((done) => setTimeout(done, 1000))")
        page.sent.clear()
        page.received.clear()


def held(server: psutil.Process, page: Page) -> tuple[int, int, int, int]:
    heap = page.ask("performance.memory.usedJSHeapSize")
    return server.memory_info().rss >> 20, server.num_threads(), server.num_fds(), heap >> 20


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
