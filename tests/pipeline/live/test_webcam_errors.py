"""``brushstream webcam`` when something breaks: message, exit code, and nothing left running."""

import sys
import time
import types
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.common.errors import EngineError
from pipeline.engines.base import Controls
from pipeline.engines.identity import IdentityEngine
from pipeline.frame import Pixels
from tests.support import make_models
from tests.support.live_rig import own_threads
from tests.support.make_media import clip, needs_ffmpeg

SOON_S = 20.0
"""Ten times what is promised: a test machine may be busy with other things."""
FRAMES_BEFORE = 5


class Breakage:
    """Something that breaks after some frames, and remembers when."""

    def __init__(self) -> None:
        self.frames = 0
        self.at: float | None = None

    def due(self) -> bool:
        self.frames += 1
        if self.frames > FRAMES_BEFORE and self.at is None:
            self.at = time.monotonic()
            return True
        return False

    def ended_soon(self) -> bool:
        return self.at is not None and time.monotonic() - self.at < SOON_S


@pytest.fixture
def breakage() -> Breakage:
    return Breakage()


@pytest.fixture
def webcam(tmp_path: Path) -> Callable[..., int]:
    """Run the command with a tiny style and no window; its exit code."""
    style = make_models.invert(tmp_path / "invert.onnx")

    def run(*arguments: str) -> int:
        line = ["webcam", "--styles", str(style), "--size", "64x48", "--engine", "identity", "--no-window"]
        return main.run([*line, *arguments])

    return run


def on_every_frame(monkeypatch: pytest.MonkeyPatch, happen: Callable[[], object]) -> None:
    """Call ``happen`` in the engine, at each frame."""

    def infer(self: IdentityEngine, pixels: Pixels, controls: Controls) -> Pixels:
        happen()
        return pixels.copy()

    monkeypatch.setattr(IdentityEngine, "_infer", infer)


@needs_ffmpeg
def test_a_source_that_breaks_ends_everything(
    webcam: Callable[..., int],
    breakage: Breakage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file that is to be played again and again, and is deleted meanwhile."""
    path = clip(tmp_path / "in.mp4", seconds=0.8)
    on_every_frame(monkeypatch, lambda: breakage.due() and path.unlink())
    assert webcam("-s", str(path), "--loop") == 3
    assert breakage.ended_soon()
    assert "in.mp4 does not exist; check the name and the folder" in capsys.readouterr().err
    assert own_threads() == []


@needs_ffmpeg
def test_a_film_that_breaks_off_is_told_and_has_its_code(
    webcam: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = clip(tmp_path / "in.mkv", seconds=2)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert webcam("-s", str(path)) == 10
    assert "in.mkv is damaged" in capsys.readouterr().err
    assert own_threads() == []


def test_an_engine_that_breaks_ends_everything(
    webcam: Callable[..., int],
    breakage: Breakage,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def happen() -> None:
        if breakage.due():
            raise EngineError("engine identity ran out of memory; choose a smaller --size")

    on_every_frame(monkeypatch, happen)
    assert webcam("-s", "synthetic") == 6
    assert breakage.ended_soon()
    assert capsys.readouterr().err.splitlines()[-1] == (
        "brushstream: engine identity ran out of memory; choose a smaller --size"
    )
    assert own_threads() == []


@pytest.fixture
def pyvirtualcam(breakage: Breakage, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """A stand-in for the package, whose device goes away after some frames."""

    class Camera:
        device = "/dev/video9"

        def __init__(self, **asked: object) -> None:
            self.asked = asked

        def send(self, pixels: Pixels) -> None:
            if breakage.due():
                raise RuntimeError("device is gone")

        def close(self) -> None:
            self.asked = {}

    module = types.ModuleType("pyvirtualcam")
    module.__spec__ = ModuleSpec("pyvirtualcam", None)
    module.Camera = Camera  # type: ignore[attr-defined]
    module.PixelFormat = types.SimpleNamespace(BGR="BGR")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    sys.modules.pop("pipeline.live.sinks.virtual_camera", None)
    yield module
    sys.modules.pop("pipeline.live.sinks.virtual_camera", None)


@pytest.mark.usefixtures("pyvirtualcam")
def test_a_sink_that_breaks_ends_everything(
    webcam: Callable[..., int], breakage: Breakage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert webcam("-s", "synthetic", "--virtual-camera") == 5
    assert breakage.ended_soon()
    told = capsys.readouterr().err.splitlines()[-1]
    assert "the virtual camera /dev/video9 broke off (device is gone); start again" in told
    assert own_threads() == []


def test_an_absent_camera_ends_it_before_it_began(
    webcam: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert webcam("-s", "97") == 3
    assert "camera 97" in capsys.readouterr().err
    assert own_threads() == []


def test_a_wrong_angle_is_a_wrong_option(
    webcam: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert webcam("-s", "synthetic", "--rotate", "45") == 2
    assert "0, 90, 180 or 270" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [("--device", "GPU"), ("--provider", "CUDA"), ("--device", "CPU", "--provider", "CPU")]
)
def test_a_device_belongs_to_its_engine(webcam: Callable[..., int], arguments: tuple[str, ...]) -> None:
    assert webcam("-s", "synthetic", *arguments) == 6
