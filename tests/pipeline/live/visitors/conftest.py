"""``brushstream serve`` in a process of its own, and one browser for every test here."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.browser import CHROMIUM, Browser
from tests.support.serve_page import Serve

CAMERA_RATE = 15


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


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium with a camera of 320x240: dark on the left, bright on the right, a ball that moves."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    folder = tmp_path_factory.mktemp("browser")
    opened = Browser(folder / "profile", camera=camera_file(folder / "camera.y4m"))
    yield opened
    opened.close()


def camera_file(path: Path) -> Path:
    """Half a second in grey, by luma alone: 40 on the left half, 200 on the right, a ball of 120."""
    rows, columns = np.mgrid[:240, :320]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W320 H240 F{CAMERA_RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for place in range(8):
            luma = np.where(columns < 160, 40, 200).astype(np.uint8)
            luma[np.hypot(rows - 120, columns - 40 * place) < 24] = 120
            file.write(b"FRAME\n" + luma.tobytes() + bytes([128]) * (2 * 160 * 120))
    return path
