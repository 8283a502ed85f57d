"""Sources that come back: the schedule on a fake clock, and a real stream over loopback that dies."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from pipeline.common.errors import InputError
from pipeline.frame import Frame
from pipeline.live.sources import camera as camera_module
from pipeline.live.sources.asked import Asked
from pipeline.live.sources.camera import CameraSource
from pipeline.live.sources.network import REOPEN_S
from pipeline.live.sources.opening import open_live
from pipeline.live.sources.reconnecting import PAUSES_S, ReconnectingSource
from pipeline.stream import Source, StreamInfo
from tests.support.fake_camera import UNPLUGGED, FakeCamera, jpeg
from tests.support.live_rig import LONG_S, WaitingClock, own_threads
from tests.support.make_media import FFMPEG, needs_ffmpeg

pytestmark = pytest.mark.xdist_group("clock")  # on one worker: they wait for screens, threads and time

SMALL = (48, 64)
WITHIN_S = 3.0
OPENING_S = 1.0
"""What a source that is there takes to open; an FFmpeg stream is analysed for at most that long."""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_module, "_PAUSE_AFTER_FAILURE_S", 0.0)


def test_an_unplugged_camera_comes_back_and_its_numbers_go_on() -> None:
    stop, told = threading.Event(), []
    attempts: Iterator[FakeCamera] = iter(
        [
            FakeCamera([jpeg(SMALL, 10)] * 3 + [UNPLUGGED]),
            FakeCamera([], opens=False),
            FakeCamera([], opens=False),
            FakeCamera([jpeg(SMALL, 60)] * 1000),
        ]
    )
    asked = Asked("0", SMALL, 30)
    with open_live(asked, stop, told.append, lambda device: next(attempts)) as source:
        source._pauses_s = (0.0,)  # type: ignore[attr-defined]
        frames = [frame for frame, _ in zip(source, range(6), strict=False)]
    assert [frame.index for frame in frames] == list(range(6))
    assert round(float(frames[-1].pixels.mean())) == pytest.approx(60, abs=2)
    assert told[0].startswith("camera 0: 64x48")
    assert "camera 0 is gone (no picture came any more after 3 frames); trying" in told[1]
    assert "still gone, attempt 1" in told[2]
    assert "still gone, attempt 2" in told[3]
    assert told[-1].startswith("camera 0 is back after")


def test_waiting_for_a_camera_ends_with_the_stop_event() -> None:
    stop = threading.Event()
    cameras = iter([FakeCamera([jpeg(SMALL, 1), UNPLUGGED])])

    def open_once(again: bool) -> Source:
        if again:
            raise InputError("camera 0 is not there; plug it in")
        return CameraSource(0, opener=lambda device: next(cameras))

    def tell(line: str) -> None:
        if "still gone" in line:
            stop.set()

    with ReconnectingSource("camera 0", open_once, tell=tell, stop=stop, pauses_s=(0.0,)) as source:
        assert len(list(source)) == 1


class Brief(Source):
    """One frame, then it breaks off."""

    def __init__(self) -> None:
        self.info = StreamInfo((2, 2), None, live=True)

    def __iter__(self) -> Iterator[Frame]:
        yield Frame(np.zeros((2, 2, 3), np.uint8), 0, 0.0)
        self.damage = "pulled out"


class Absent:
    """Cannot be opened before ``returns_at``; then opening takes OPENING_S.

    Meanwhile it refuses at once, or, where it is silent, lets every attempt wait for REOPEN_S; an attempt
    that begins before its return finds it only where there is time left to open it.
    """

    def __init__(self, returns_at: float, silent: bool) -> None:
        self.clock = WaitingClock()
        self.returns_at, self.silent = self.clock.now + returns_at, silent

    def open(self, again: bool) -> Source:
        began_at = self.clock.now
        if not again:
            return Brief()
        if began_at < self.returns_at and not self.silent:
            raise InputError("nobody answers; is it on?")
        ready_at = max(began_at, self.returns_at) + OPENING_S
        self.clock.now = min(ready_at, began_at + REOPEN_S)
        if ready_at > began_at + REOPEN_S:
            raise InputError("nothing came; is it on?")
        return Brief()


@pytest.mark.parametrize("silent", [False, True])
def test_a_source_that_is_back_is_found_within_three_seconds(silent: bool) -> None:
    """Whenever it returns, the worst case of the back-off and of unlucky attempts."""
    for returns_at in np.arange(0.0, 20.0, 0.05):
        away, told = Absent(float(returns_at), silent), list[str]()
        source = ReconnectingSource(
            "camera 0", away.open, tell=told.append, stop=away.clock, clock=away.clock  # type: ignore[arg-type]
        )  # fmt: skip
        frames = [frame for _, frame in zip(range(2), source, strict=False)]
        assert [frame.index for frame in frames] == [0, 1]
        assert away.clock.now - away.returns_at < WITHIN_S, f"back at {returns_at} s"
        assert told[0].startswith("camera 0 is gone (pulled out)")
        assert told[-1].startswith("camera 0 is back after")


def test_pauses_grow() -> None:
    assert list(PAUSES_S) == sorted(PAUSES_S)
    assert 2 * OPENING_S + PAUSES_S[-1] < WITHIN_S


class Broadcast:
    """ffmpeg playing a test pattern to a UDP port, like a network camera."""

    def __init__(self, port: int) -> None:
        assert FFMPEG is not None
        self.process = subprocess.Popen(
            [FFMPEG, "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=s=160x120:r=15", "-t", "60",
             "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15",
             "-f", "mpegts", f"udp://127.0.0.1:{port}?pkt_size=1316"],
        )  # fmt: skip

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def broadcast(free_udp_port: int) -> Iterator[Callable[[], Broadcast]]:
    started: list[Broadcast] = []

    def start() -> Broadcast:
        started.append(Broadcast(free_udp_port))
        return started[-1]

    yield start
    for one in started:
        one.kill()


@pytest.fixture
def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
@needs_ffmpeg
def test_a_network_camera_that_dies_comes_back(
    broadcast: Callable[[], Broadcast], free_udp_port: int
) -> None:
    """Killed in the middle and started again: frames come again within seconds, and it is said.

    The schedule's own bound is held above, without a clock; here a loaded machine starts a process."""
    stop, told = threading.Event(), []
    frames: list[Frame] = []
    came = threading.Condition()
    first = broadcast()
    address = f"udp://127.0.0.1:{free_udp_port}"
    source = open_live(Asked(address), stop, told.append)

    def read() -> None:
        for frame in source:
            with came:
                frames.append(frame)
                came.notify()
            if stop.is_set():  # as the live loop's reader looks, between frames
                return

    def wait_for(count: int) -> bool:
        with came:
            return came.wait_for(lambda: len(frames) >= count, LONG_S)

    reader = threading.Thread(target=read, name="brushstream-test-reader")
    reader.start()
    try:
        assert wait_for(5)
        first.kill()
        while not any("is gone" in line for line in told):
            time.sleep(0.05)
        before, restarted_at = len(frames), time.monotonic()
        broadcast()
        assert wait_for(before + 5)
        again_after_s = frames[before].captured_at - restarted_at
        print(f"frames again {again_after_s:.2f} s after the restart")
    finally:
        stop.set()
        reader.join(LONG_S)
        source.close()
    assert again_after_s < 10 * WITHIN_S
    assert frames[0].size == (120, 160)
    indices = [frame.index for frame in frames]
    assert indices == sorted(set(indices))
    assert any("is gone (nothing came for 1.5 s)" in line for line in told)
    assert any("is back after" in line for line in told)
    assert own_threads() == []
