"""Cameras that misbehave, files and scenes at their own pace on a fake clock, names and addresses."""

import threading
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.common.errors import InputError, InputNotFoundError
from pipeline.live.sources import camera as camera_module
from pipeline.live.sources.addresses import is_address, without_password
from pipeline.live.sources.asked import Asked
from pipeline.live.sources.camera import FAILED_READS, CameraSource
from pipeline.live.sources.camera_list import find_camera, list_cameras, names
from pipeline.live.sources.network import NetworkSource
from pipeline.live.sources.opening import open_live
from pipeline.live.sources.paced import PacedSource, PacedSynthetic
from pipeline.live.sources.synthetic import SyntheticSource
from pipeline.stream import StreamInfo
from tests.support.fake_camera import DAMAGED, UNPLUGGED, FakeCamera, jpeg
from tests.support.live_rig import WaitingClock
from tests.support.make_media import clip, needs_ffmpeg

SMALL, LARGE = (48, 64), (96, 128)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_module, "_PAUSE_AFTER_FAILURE_S", 0.0)


def test_mjpg_size_and_rate_are_asked_for_and_the_answer_told() -> None:
    fake = FakeCamera([jpeg(SMALL, 90)], agrees={cv2.CAP_PROP_FPS: 25.0}, one_buffer=False)
    with CameraSource(0, (480, 640), 30, opener=lambda device: fake) as camera:
        names_asked = [name for name, _ in fake.asked]
        assert names_asked[0] == cv2.CAP_PROP_FOURCC
        assert (cv2.CAP_PROP_FPS, 30) in fake.asked
        assert (cv2.CAP_PROP_BUFFERSIZE, 1) in fake.asked
        assert camera.info == StreamInfo(SMALL, Fraction(25), live=True)
        told = str(camera.negotiated)
    assert told.startswith("64x48, 25 fps, MJPG (FAKE")
    assert "pictures may come late" in told
    assert fake.released


def test_a_busy_camera_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    monkeypatch.setattr(camera_module, "device_path", lambda device: tmp_path / f"video{device}")
    with pytest.raises(InputError, match="another program is probably using it"):
        CameraSource(0, opener=lambda device: FakeCamera([], opens=False))
    silent = FakeCamera([UNPLUGGED])
    with pytest.raises(InputError, match="opens but gives no picture: another program"):
        CameraSource(0, opener=lambda device: silent)
    assert silent.released


def test_an_absent_camera_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(camera_module, "device_path", lambda device: tmp_path / f"video{device}")
    with pytest.raises(InputNotFoundError, match=r"there is no camera 7 .*--list-cameras"):
        CameraSource(7)


def test_what_is_no_camera_is_refused_by_opencv_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "video97").touch()
    monkeypatch.setattr(camera_module, "device_path", lambda device: tmp_path / f"video{device}")
    with pytest.raises(InputError, match="camera 97 cannot be opened"):
        CameraSource(97)


def test_a_damaged_picture_is_left_out() -> None:
    sends = [jpeg(SMALL, 10), DAMAGED, jpeg(SMALL, 60), DAMAGED, DAMAGED, jpeg(SMALL, 90), UNPLUGGED]
    with CameraSource(0, opener=lambda device: FakeCamera(sends)) as camera:
        levels = [round(float(frame.pixels.mean())) for frame in camera]
    assert levels == pytest.approx([10, 60, 90], abs=2)
    assert camera.bad_frames == 3
    assert camera.damage is not None
    assert "no picture came any more after 3 frames, 3 damaged" in camera.damage


def test_unplugged_is_noticed_after_some_failures() -> None:
    fake = FakeCamera([jpeg(SMALL, 10)] * 3 + [UNPLUGGED])
    reads = []
    fake.before_read = lambda: reads.append(1)
    with CameraSource(0, opener=lambda device: fake) as camera:
        assert len(list(camera)) == 3
    assert len(reads) == 3 + FAILED_READS


def test_a_size_that_changes_in_the_stream_is_passed_on() -> None:
    sends = [jpeg(SMALL, 10), jpeg(LARGE, 10), jpeg(SMALL, 10), UNPLUGGED]
    with CameraSource(0, opener=lambda device: FakeCamera(sends)) as camera:
        assert [frame.size for frame in camera] == [SMALL, LARGE, SMALL]


def test_the_list_has_names_modes_and_the_backends_word(tmp_path: Path) -> None:
    for number, name, index in ((0, "Good Webcam", "0"), (1, "Good Webcam", "1"), (2, "Capture Card", "0")):
        folder = tmp_path / f"video{number}"
        folder.mkdir()
        (folder / "name").write_text(name + "\n")
        (folder / "index").write_text(index + "\n")
    assert names(tmp_path) == {0: "Good Webcam", 2: "Capture Card"}
    fakes = {
        0: FakeCamera([], agrees={cv2.CAP_PROP_FPS: 30.0, cv2.CAP_PROP_FRAME_WIDTH: 640,
                                  cv2.CAP_PROP_FRAME_HEIGHT: 480}),
        2: FakeCamera([], opens=False),
    }  # fmt: skip
    good, card = list_cameras(sysfs=tmp_path, opener=lambda device: fakes[device])
    assert [str(mode) for mode in good.modes] == ["640x480 at 30 fps MJPG"]
    assert (good.name, good.backend, card.modes) == ("Good Webcam", "FAKE", ())
    assert all(fake.released for fake in fakes.values())


@pytest.mark.parametrize(("wanted", "device"), [("3", 3), ("/dev/video2", 2), ("capture", 4)])
def test_a_camera_by_number_path_or_name(wanted: str, device: int) -> None:
    assert find_camera(wanted, {0: "Good Webcam", 4: "Capture Card"}) == device


@pytest.mark.parametrize("wanted", ["c", "nothing like it"])
def test_a_name_that_is_not_one_camera_lists_all(wanted: str) -> None:
    with pytest.raises(InputNotFoundError, match="0: Good Webcam, 4: Capture Card"):
        find_camera(wanted, {0: "Good Webcam", 4: "Capture Card"})


def test_a_file_plays_at_its_own_pace_and_again() -> None:
    clock = WaitingClock()
    source = PacedSource(
        lambda: SyntheticSource((8, 8), 10, 3),
        loop=True,
        stop=clock,
        clock=clock,  # type: ignore[arg-type]
    )
    got = [
        (frame.index, round(frame.captured_at - 100, 6)) for frame, _ in zip(source, range(7), strict=False)
    ]
    assert got == [(n, round(n / 10, 6)) for n in range(7)]
    assert source.info.live
    assert source.info.frame_count is None


def test_a_late_reader_makes_frames_old_not_the_clock_slow() -> None:
    clock = WaitingClock()
    source = PacedSource(lambda: SyntheticSource((8, 8), 10, 4), stop=clock, clock=clock)  # type: ignore[arg-type]
    due = []
    for frame in source:
        due.append(round(frame.captured_at - 100, 6))
        clock.now += 0.25
    assert due == [0.0, 0.1, 0.2, 0.3]
    assert clock.now - 100 == pytest.approx(1.0)


@pytest.mark.parametrize("beforehand", [False, True])
def test_a_schedule_skips_what_nobody_could_have_taken(beforehand: bool) -> None:
    clock = WaitingClock()
    source = PacedSynthetic((8, 8), 10, 12, pictures=2, beforehand=beforehand, stop=clock, clock=clock)  # type: ignore[arg-type]
    got = []
    for frame in source:
        got.append((frame.index, round(frame.captured_at - 100, 6)))
        clock.now += 0.35 if frame.index == 2 else 0.0
    assert got[:5] == [(0, 0.0), (1, 0.1), (2, 0.2), (5, 0.5), (6, 0.6)]


@needs_ffmpeg
def test_a_file_is_a_source_too(tmp_path: Path) -> None:
    path = clip(tmp_path / "in.mp4", seconds=0.2)
    told: list[str] = []
    with open_live(Asked(str(path), rotate=90), threading.Event(), told.append) as source:
        assert told == ["in.mp4: 64x48, 25 fps"]
        assert source.info.size == (64, 48)
        assert [frame.size for frame in source] == [(64, 48)] * 5


def test_turning_is_clockwise() -> None:
    stop = threading.Event()
    upright = open_live(Asked("synthetic", (32, 48), 1000), stop, lambda line: None)
    turned = open_live(Asked("synthetic", (32, 48), 1000, rotate=90), stop, lambda line: None)
    a, b = next(iter(upright)), next(iter(turned))
    np.testing.assert_array_equal(b.pixels, cv2.rotate(a.pixels, cv2.ROTATE_90_CLOCKWISE))
    with pytest.raises(InputError, match="0, 90, 180 or 270"):
        open_live(Asked("synthetic", rotate=45), stop, lambda line: None)


def test_a_missing_file_is_no_camera(tmp_path: Path) -> None:
    with pytest.raises(InputNotFoundError, match="does not exist"):
        open_live(Asked(str(tmp_path / "no.mp4")), threading.Event(), lambda line: None)


def test_addresses_are_known_and_passwords_not_told() -> None:
    assert is_address("rtsp://camera/stream")
    assert not is_address("clip.mp4")
    assert not is_address("/dev/video0")
    assert without_password("rtsp://me:secret@cam:554/a?key=1") == "rtsp://cam:554/a"


def test_nobody_there_is_an_input_error() -> None:
    with pytest.raises(InputError, match=r"http://127.0.0.1:9/x gives no video \(.*\); check the address"):
        NetworkSource("http://user:secret@127.0.0.1:9/x", again=True)
