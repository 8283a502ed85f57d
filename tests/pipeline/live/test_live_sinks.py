"""The window's display and keys, the virtual camera and the overlay."""

import importlib
import sys
import threading
import types
from collections.abc import Iterator

import numpy as np
import pytest

from pipeline.common.adapters import Adapter, load
from pipeline.common.errors import MissingPackageError, OutputError
from pipeline.common.latency import LatencyClock
from pipeline.drawing.letterbox import letterbox
from pipeline.frame import Frame, Pixels
from pipeline.live.controls import COMMAND_OF_KEY, Settings
from pipeline.live.hud import Overlay, Status, help_lines, information, text_unit
from pipeline.live.sinks import window
from pipeline.live.sinks.window import DisplayTrial, WindowSink, command_of, why_no_display
from pipeline.stream import StreamInfo
from tests.support.live_rig import grey

INFO = StreamInfo((48, 64), None, live=True)


def test_without_a_display_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_no_display({}, "linux") is not None
    assert why_no_display({"DISPLAY": ":0"}, "linux") is None
    assert why_no_display({"WAYLAND_DISPLAY": "wayland-0"}, "linux") is None
    assert why_no_display({}, "darwin") is None
    monkeypatch.setattr(window, "why_no_display", lambda: "there is no display here")
    for opening in (DisplayTrial, lambda: WindowSink().open(INFO)):
        with pytest.raises(OutputError, match="no display here; show it in a browser with --serve"):
            opening()


def test_a_display_that_kills_is_tried_by_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "why_no_display", lambda: None)
    monkeypatch.setattr(
        window, "_TRY", "import os, sys; print('could not connect to display', file=sys.stderr); os.abort()"
    )
    trial = DisplayTrial()
    with pytest.raises(OutputError, match=r"\(could not connect to display\); show it in a browser"):
        trial.check()
    trial.close()


def test_key_codes_become_commands() -> None:
    assert command_of(ord("Q")) == "quit"
    assert command_of(27) == "quit"
    assert command_of(0x100000 | ord("n")) == "next-style"
    assert command_of(ord("z")) is None
    assert len(COMMAND_OF_KEY) >= 28


class FakeModule(types.ModuleType):
    """``pyvirtualcam`` with one camera that remembers, or none."""

    class PixelFormat:
        BGR = "BGR"

    def __init__(self, fails: bool) -> None:
        super().__init__("pyvirtualcam")
        self.sent: list[Pixels] = []
        self.closed = False
        outer = self

        class Camera:
            device = "/dev/video9"

            def __init__(self, width: int, height: int, fps: float, fmt: str) -> None:
                if fails:
                    raise RuntimeError("v4l2loopback: no device\nobs: not installed")
                assert (width, height, fmt) == (64, 48, "BGR")

            def send(self, pixels: Pixels) -> None:
                if outer.closed:
                    raise RuntimeError("device is gone")
                outer.sent.append(pixels)

            def close(self) -> None:
                outer.closed = True

        self.Camera = Camera


@pytest.fixture
def virtual(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[types.ModuleType]:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", FakeModule(request.param))
    sys.modules.pop("pipeline.live.sinks.virtual_camera", None)
    yield importlib.import_module("pipeline.live.sinks.virtual_camera")
    sys.modules.pop("pipeline.live.sinks.virtual_camera", None)


@pytest.mark.parametrize("virtual", [False], indirect=True)
def test_the_virtual_camera_gets_its_size_whatever_comes(virtual: types.ModuleType) -> None:
    module = sys.modules["pyvirtualcam"]
    with virtual.VirtualCameraSink() as sink:
        sink.open(INFO)
        assert sink.device == "/dev/video9"
        sink.write(Frame(grey(9, (48, 64)), 0, 0.0))
        sink.write(Frame(grey(9, (96, 96)), 1, 0.0))
        module.closed = True
        with pytest.raises(OutputError, match="broke off"):
            sink.write(Frame(grey(9, (48, 64)), 2, 0.0))
    assert [pixels.shape for pixels in module.sent] == [(48, 64, 3)] * 2


@pytest.mark.parametrize("virtual", [True], indirect=True)
def test_no_virtual_camera_gives_every_backends_reason(virtual: types.ModuleType) -> None:
    with pytest.raises(OutputError, match="v4l2loopback: no device; obs: not installed"):
        virtual.VirtualCameraSink().open(INFO)


def test_a_missing_pyvirtualcam_names_the_extra() -> None:
    adapter = Adapter(
        "pipeline.live.sinks.virtual_camera:VirtualCameraSink", "brushstream_absent", "virtual-camera"
    )
    with pytest.raises(MissingPackageError, match=r"brushstream\[virtual-camera\]"):
        load("virtual-camera", adapter)


def test_letterboxing_keeps_proportions() -> None:
    page = letterbox(np.full((20, 20, 3), 200, np.uint8), (40, 80))
    assert page.shape == (40, 80, 3)
    assert (page[:, 20:60] == 200).all()
    assert not page[:, :20].any()
    same = grey(3, (40, 80))
    assert letterbox(same, (40, 80)) is same


def status() -> Status:
    clock = LatencyClock()
    laps = clock.begin()
    laps.lap("stylize")
    clock.finish(laps)
    return Status(clock.report(), 7, "The Starry Night", "1/2", "openvino 1, cpu, bf16", 0.75,
                  "holding 30 fps at scale 0.75", 65.0)  # fmt: skip


def test_the_information_tells_all_that_was_asked() -> None:
    text = "\n".join(line for line, _ in information(status(), Settings(strength=0.8, steady=True)))
    for part in ("fps", "7 dropped", "ms old", "stylize", "The Starry Night  1/2", "strength 0.8",
                 "scale 0.75", "holding 30 fps", "steady", "REC 1:05", "openvino 1, cpu, bf16"):  # fmt: skip
        assert part in text


def test_help_has_every_key() -> None:
    keys = " ".join(key for key, _ in help_lines())
    assert keys == "n p 1-9 . , + - ] [ s c t m f r space i h q, Esc"


@pytest.mark.parametrize("size", [(48, 64), (480, 640), (1080, 1920), (64, 2000), (10, 10)])
@pytest.mark.parametrize(
    "settings", [Settings(information=True), Settings(help=True), Settings(side_by_side=True)]
)
def test_the_overlay_fits_every_size_and_only_reads(size: tuple[int, int], settings: Settings) -> None:
    source, result = grey(50, size), grey(180, size)
    page = Overlay().compose(source, result, settings, status(), "camera 0 is gone", 0.0)
    assert page.shape == (size[0], size[1] * (1 + settings.side_by_side), 3)
    assert (source == 50).all()
    assert (result == 180).all()


def test_nothing_lies_over_the_picture_when_it_is_switched_off() -> None:
    page = Overlay().compose(grey(1), grey(2), Settings(), status(), "", 0.0)
    assert (page == 2).all()
    assert text_unit(480) == 11


def test_the_information_is_drawn_anew_when_something_changed() -> None:
    overlay, frame = Overlay(), grey(100, (480, 640))
    first = overlay.compose(frame, frame, Settings(information=True), status(), "", 0.0)
    again = overlay.compose(frame, frame, Settings(information=True), status(), "", 0.1)
    other = overlay.compose(frame, frame, Settings(strength=0.5, information=True), status(), "", 0.1)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert threading.active_count() >= 1
