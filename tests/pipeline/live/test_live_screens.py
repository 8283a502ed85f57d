"""``brushstream webcam`` as people run it: a real window under Xvfb with real keys, a real browser on the
page, Ctrl-C in the middle of a recording.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.frame import Pixels
from tests.support.browser import CHROMIUM, Browser
from tests.support.live_command import LiveCommand
from tests.support.waiting import happens, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clock")]  # on one worker: they wait for screens

OPENING_S = 40.0
STARTS = 10
needs_screen = pytest.mark.skipif(
    not all(shutil.which(program) for program in ("Xvfb", "xdotool", "import")),
    reason="Xvfb, xdotool or ImageMagick's import is not installed",
)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


class Webcam(LiveCommand):
    """``brushstream webcam`` on the drawn scene."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        super().__init__(
            folder, "webcam", "-s", "synthetic", "--folder", str(folder), *arguments, **environment
        )


@pytest.fixture
def webcam(folder: Path) -> Iterator[Callable[..., Webcam]]:
    started: list[Webcam] = []

    def start(*arguments: str, **environment: str) -> Webcam:
        started.append(Webcam(folder, *arguments, **environment))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        print(*one.lines, sep="\n")


class Screen:
    """An X server without a screen: one window, its keys, its picture."""

    def __init__(self, folder: Path) -> None:
        read, write = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x720x24", "-nolisten", "tcp",
             "-noreset"],  # it would begin anew whenever its last client leaves, and cut off the next
            pass_fds=(write,), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(write)
        with os.fdopen(read) as pipe:
            self.display = f":{pipe.readline().strip()}"
        self._shot = folder / "screen.png"

    def _run(self, *command: str) -> str:
        environment = {**os.environ, "DISPLAY": self.display}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60).stdout

    def window(self) -> str:
        return self._run("xdotool", "search", "--name", "^Brushstream$").strip()

    def press(self, key: str) -> None:
        self._run("xdotool", "windowfocus", "--sync", self.window(), "key", key)

    def picture(self) -> Pixels:
        self._run("import", "-window", "root", str(self._shot))
        pixels = cv2.imread(str(self._shot))
        assert pixels is not None
        return pixels  # type: ignore[return-value]

    def close(self) -> None:
        self._server.terminate()
        self._server.wait()


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    opened = Screen(tmp_path)
    yield opened
    opened.close()


def shown_area(picture: Pixels) -> tuple[int, int]:
    """(height, width) of what is not the black root window."""
    rows, columns = np.nonzero(picture.max(axis=2) > 12)
    return (int(rows.max()) + 1, int(columns.max()) + 1) if len(rows) else (0, 0)


def bare(picture: Pixels) -> bool:
    """A window of the frame's size and nothing else."""
    return shown_area(picture) == (240, 320)


def framed(picture: Pixels) -> bool:
    """The same, in a window manager's frame."""
    return min(shown_area(picture)) > 240


def opened(
    screen: Screen, webcam: Callable[..., Webcam], *arguments: str, ready: Callable[[Pixels], bool] = bare
) -> Webcam:
    """Start the command until its window shows the picture.

    On a busy machine a window of OpenCV's Qt may stay black, or half drawn, and deaf to keys: 5 of 30
    starts of a program that does nothing but show one grey picture did, at a load of 15 on two cores.
    Nothing in Python tells that state from the normal one, so such a start is told and repeated.
    """
    for _ in range(STARTS):
        run = webcam(*arguments, DISPLAY=screen.display)
        if happens(lambda: ready(screen.picture()), OPENING_S):
            return run
        print(f"the window shows {shown_area(screen.picture())}; starting again")
        run.kill()
    pytest.fail(f"no picture in any of {STARTS} windows")


@needs_screen
def test_a_window_shows_and_obeys_its_keys(
    screen: Screen, webcam: Callable[..., Webcam], folder: Path
) -> None:
    run = opened(screen, webcam, "--strength", "0.5")
    screen.press("s")
    until(lambda: shown_area(screen.picture()) == (240, 640), "source and painting side by side")
    screen.press("s")
    until(lambda: shown_area(screen.picture()) == (240, 320), "the painting alone again")
    before = screen.picture()[:120, :150].mean()
    screen.press("i")
    until(lambda: screen.picture()[:120, :150].mean() < before - 10, "the information")
    screen.press("i")
    until(lambda: screen.picture()[:120, :150].mean() > before - 5, "the information to go")
    for _ in range(5):
        screen.press("plus")
    until(lambda: screen.picture()[215:235, 20:300].std() > 0, "the scene")
    negative = screen.picture()[20:60, 20:100].mean(axis=(0, 1))
    screen.press("2")
    until(
        lambda: np.abs(screen.picture()[20:60, 20:100].mean(axis=(0, 1)) - negative).max() > 40,
        "the second style",
    )
    screen.press("space")
    run.wait_for("screenshot: ")
    screen.press("r")
    run.wait_for("recording to ")
    screen.press("q")
    assert run.end() == 0
    assert {path.name.rpartition("-")[2] for path in folder.glob("brushstream-*.png")} == {
        "source.png", "result.png", "both.png",
    }  # fmt: skip
    with av.open(str(next(folder.glob("brushstream-*.mp4")))) as container:
        assert len(list(container.decode(video=0))) >= 1


@needs_screen
def test_escape_quits(screen: Screen, webcam: Callable[..., Webcam]) -> None:
    run = opened(screen, webcam)
    screen.press("Escape")
    assert run.end() == 0


@pytest.fixture
def desk(screen: Screen, tmp_path: Path) -> Iterator[Screen]:
    """The screen with a window manager, without which no window can be full or be closed by its frame."""
    rules = tmp_path / "jwmrc"
    rules.write_text('<JWM><Key mask="A" key="F4">close</Key></JWM>')
    manager = subprocess.Popen(
        ["jwm", "-f", str(rules)], env={**os.environ, "DISPLAY": screen.display}, stderr=subprocess.DEVNULL
    )
    yield screen
    manager.terminate()
    manager.wait()


@needs_screen
@pytest.mark.skipif(shutil.which("jwm") is None, reason="jwm, a window manager, is not installed")
def test_full_screen_and_closing_by_the_windows_frame(desk: Screen, webcam: Callable[..., Webcam]) -> None:
    """Closed as its button does it: the manager asks the window to go (WM_DELETE_WINDOW)."""
    run = opened(desk, webcam, "--engine", "identity", ready=framed)
    desk.press("f")
    until(lambda: desk.picture()[:240, 600:700].std() > 5, "the picture over the whole screen")
    until(lambda: desk.picture()[:, :150].max() == 0, "black beside it")
    desk.press("f")
    until(lambda: shown_area(desk.picture())[1] < 640, "the window as it was")
    desk.press("alt+F4")
    assert run.end() == 0
    assert run.told(r"\d+ frames in")


def test_no_display_is_told_and_kills_nobody(webcam: Callable[..., Webcam]) -> None:
    run = webcam(DISPLAY="", WAYLAND_DISPLAY="")
    assert run.end() == 5
    assert len(run.lines) == 1
    assert "--serve 8765" in run.lines[0]


@needs_screen
def test_a_dead_display_is_told_and_kills_nobody(webcam: Callable[..., Webcam]) -> None:
    run = webcam(DISPLAY=":987")
    assert run.end() == 5
    assert "no window can be opened on this display" in run.lines[-1]


@needs_chromium
def test_a_browser_shows_the_page(webcam: Callable[..., Webcam], tmp_path: Path) -> None:
    run = webcam("--serve", "0")
    browser = Browser(tmp_path / "profile")
    try:
        page = browser.page(run.wait_for(r"http://127\.0\.0\.1:\d+/[\w-]+/"))
        page.until("document.body.dataset.view === 'live'")
        page.until("document.getElementById('engine').textContent.includes('onnxruntime')")
        picture = cv2.imdecode(np.frombuffer(page.picture(), np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.std() > 20, "the page shows no picture"
        assert "Title of invert" in page.ask("document.getElementById('title').textContent")
        page.ask("document.querySelector('[data-command=side-by-side]').click()")
        page.until("document.getElementById('picture').width === 640")
        page.close()
    finally:
        browser.close()
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 130


def test_ctrl_c_leaves_a_playable_recording(webcam: Callable[..., Webcam], folder: Path) -> None:
    output = folder / "live.mp4"
    run = webcam("--no-window", "--record", str(output))
    run.wait_for("recording to ")
    time.sleep(1.0)
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 130
    assert run.told(r"recorded \d+ frames")
    with av.open(str(output)) as container:
        assert len(list(container.decode(video=0))) >= 1
    assert not list(folder.glob(".*.part*"))
