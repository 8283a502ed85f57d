"""A real build, NNCF's int8 graph: killed in its middle, wanted by two at once, damaged afterwards."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.common.adapters import is_installed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed("nncf"), reason="nncf is not installed (extra `int8`)"),
    pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL"),
]
OPEN = """
import sys
from pathlib import Path
import numpy as np
from pipeline.engines.ov import OpenVinoEngine
from pipeline.style import read_style
style = read_style(Path(sys.argv[1]))
frame = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
with OpenVinoEngine(style.path, style.card, (64, 64), "int8") as engine:
    wrong = np.abs(engine.infer(frame).astype(int) - (255 - frame)).max()
print("shown" if wrong <= 3 else f"off by {wrong}", engine.info)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cache of this test's own."""
    path = tmp_path / "cache"
    path.mkdir()
    return path


def opening(folder: Path, style: Path) -> "subprocess.Popen[str]":
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "BRUSHSTREAM_CACHE": str(folder), "PYTHONPATH": root}
    command = [sys.executable, "-c", OPEN, str(style)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, text=True, start_new_session=True, **pipes)  # type: ignore[call-overload,no-any-return]


def shown(process: "subprocess.Popen[str]") -> None:
    said, errors = process.communicate(timeout=250)
    assert process.returncode == 0, errors[-2000:]
    assert said.startswith("shown openvino"), said


def builders(group: int) -> list[int]:
    """Processes of a session that quantize."""
    listed = subprocess.run(["ps", "-o", "pid=,args=", "-g", str(group)], capture_output=True, text=True)
    return [
        int(line.split()[0]) for line in listed.stdout.splitlines() if "pipeline.engines.int8_build" in line
    ]


@pytest.mark.timeout(600)
def test_a_killed_build_and_two_at_once_end_in_one_whole_graph(folder: Path, styles_folder: Path) -> None:
    style = styles_folder / "invert.onnx"
    killed = opening(folder, style)
    until = time.monotonic() + 120
    while not builders(killed.pid) and killed.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    assert builders(killed.pid), "the build never began"
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=30)
    assert not [path for path in folder.iterdir() if path.suffix != ".lock"]
    for process in [opening(folder, style) for _ in range(2)]:
        shown(process)
    assert len([path for path in folder.iterdir() if path.suffix != ".lock"]) == 1


@pytest.mark.timeout(600)
def test_a_graph_that_was_damaged_is_built_again(folder: Path, styles_folder: Path) -> None:
    style = styles_folder / "invert.onnx"
    shown(opening(folder, style))
    (entry,) = [path for path in folder.iterdir() if path.suffix != ".lock"]
    whole = entry.read_bytes()
    entry.write_bytes(whole[: len(whole) // 2])
    shown(opening(folder, style))
    assert len(entry.read_bytes()) == len(whole)
