"""The page refuses strangers and ends with the program; the virtual camera and the overlay."""

import http.client
import importlib
import json
import sys
import threading
import types
from collections.abc import Iterator

import cv2
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
from pipeline.live.sinks.page import ServeSink
from pipeline.live.sinks.page_server import MOST_VIEWERS, host_is_ours
from pipeline.live.sinks.window import DisplayTrial, WindowSink, command_of, why_no_display
from pipeline.stream import StreamInfo
from tests.support.live_rig import grey, own_threads

INFO = StreamInfo((48, 64), None, live=True)


class Page:
    """A served page and what its controls did."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.sink = ServeSink(0, self.do, lambda: {"fps": 30.0})
        self.sink.open(INFO)

    def do(self, command: str) -> None:
        if command == "nonsense":
            raise ValueError("no command 'nonsense'")
        self.done.append(command)

    def ask(
        self, path: str, *, method: str = "GET", body: str | None = None, **headers: str
    ) -> tuple[int, bytes, http.client.HTTPResponse]:
        line = http.client.HTTPConnection("127.0.0.1", self.sink.port, timeout=30)
        line.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = line.getresponse()
        content = answer.read()
        line.close()
        return answer.status, content, answer

    def secret(self, path: str) -> str:
        return f"/{self.sink.token}/{path}"


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
    status, content, _ = page.ask(page.secret("state"))
    assert (status, json.loads(content)) == (200, {"fps": 30.0})
    assert page.sink.address == f"http://127.0.0.1:{page.sink.port}/{page.sink.token}/"
    assert len(page.sink.token) >= 20


@pytest.mark.parametrize("path", ["/", "/wrong/", "/wrong/stream", "/wrong/state", "/stream"])
def test_without_the_token_there_is_nothing(page: Page, path: str) -> None:
    assert page.ask(path)[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "a@127.0.0.1", "192.168.0.9"])
def test_another_hosts_name_is_refused_even_with_the_token(page: Page, host: str) -> None:
    for path in ("", "stream", "state"):
        assert page.ask(page.secret(path), Host=host)[0] == 403
    assert page.ask(page.secret("do"), method="POST", body="quit", Host=host)[0] in (403, 404)
    assert page.done == []


def test_commands_come_from_the_page_alone(page: Page) -> None:
    assert page.ask(page.secret("do"), method="POST", body="style 2")[0] == 200
    assert page.ask(page.secret("do"), method="POST", body="nonsense")[0] == 400
    assert page.ask(page.secret("do"), method="POST", body="x" * 1000)[0] == 400
    assert page.ask(page.secret("do"), method="POST", body="quit", Origin="http://evil.example")[0] == 404
    assert page.ask(page.secret("do"))[0] == 404
    own = f"http://127.0.0.1:{page.sink.port}"
    assert page.ask(page.secret("do"), method="POST", body="steady", Origin=own)[0] == 200
    assert page.done == ["style 2", "steady"]


def test_the_stream_is_jpegs_and_ends_with_the_program(page: Page) -> None:
    line = http.client.HTTPConnection("127.0.0.1", page.sink.port, timeout=30)
    line.request("GET", page.secret("stream"))
    answer = line.getresponse()
    assert "multipart/x-mixed-replace" in (answer.getheader("Content-Type") or "")
    page.sink.write(Frame(grey(90, (48, 64)), 0, 0.0))
    assert answer.readline().startswith(b"--")
    head = {}
    while header := answer.readline().strip():
        name, _, value = header.partition(b": ")
        head[name] = value
    picture = cv2.imdecode(np.frombuffer(answer.read(int(head[b"Content-Length"])), np.uint8), 1)
    assert picture.shape == (48, 64, 3)
    assert abs(picture.mean() - 90) < 2
    page.sink.close()
    answer.read()
    line.close()


def test_there_is_room_for_some_viewers(page: Page) -> None:
    lines = []
    for _ in range(MOST_VIEWERS):
        line = http.client.HTTPConnection("127.0.0.1", page.sink.port, timeout=30)
        line.request("GET", page.secret("stream"))
        line.getresponse()
        lines.append(line)
    assert page.ask(page.secret("stream"))[0] == 503
    for line in lines:
        line.close()


def test_a_port_that_is_taken_is_an_output_error(page: Page) -> None:
    with pytest.raises(OutputError, match=f"cannot serve at 127.0.0.1:{page.sink.port}"):
        ServeSink(page.sink.port, page.do, dict)


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
    assert keys == "n p 1-9 + - ] [ s c t m f r space i h q, Esc"


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
