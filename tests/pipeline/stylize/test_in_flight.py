"""Several frames in flight: in order, never more than there are slots, and the same pictures as with one."""

import threading
from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.common.errors import EngineError
from pipeline.engines.identity import IdentityEngine
from pipeline.frame import Frame, Pixels
from pipeline.live.sinks.null import NullSink
from pipeline.live.sources.synthetic import SyntheticSource
from pipeline.stylize.in_flight import overlapped
from pipeline.video import plan
from pipeline.video.job import run_video
from pipeline.video.loop import run_frames
from pipeline.video.options import VideoOptions
from pipeline.video.progress import LoopProgress
from pipeline.video.segments.journal import unfinished_frames
from scripts import kill_resume
from tests.support import make_media


def frames(count: int) -> list[Frame]:
    return [Frame(np.full((2, 2, 3), i, np.uint8), i, 0.0, Fraction(i, 25)) for i in range(count)]


class Slots:
    """A stage that inverts, with so many slots as its list says for each frame in turn."""

    def __init__(self, slots: Sequence[int]) -> None:
        self._slots, self._taken = slots, 0
        self.waiting: deque[Frame] = deque()
        self.most = 0

    @property
    def slots(self) -> int:
        return self._slots[min(self._taken, len(self._slots) - 1)]

    def submit(self, frame: Frame) -> None:
        assert len(self.waiting) < self.slots
        self.waiting.append(frame)
        self._taken += 1
        self.most = max(self.most, len(self.waiting))

    def collect(self) -> Pixels:
        return 255 - self.waiting.popleft().pixels


@pytest.mark.parametrize(("slots", "most"), [([1], 1), ([2], 2), ([3], 3), ([3, 3, 3, 1, 1, 2, 2], 3)])
def test_results_keep_their_order_and_slots_their_number(slots: list[int], most: int) -> None:
    stage = Slots(slots)
    pairs = list(overlapped(stage, frames(10)))
    assert [frame.index for frame, _ in pairs] == list(range(10))
    assert all(result[0, 0, 0] == 255 - frame.index for frame, result in pairs)
    assert (stage.most, len(stage.waiting)) == (most, 0)


def test_no_frame_is_no_result() -> None:
    assert list(overlapped(Slots([2]), [])) == []


def test_ctrl_c_with_frames_in_flight_keeps_what_was_made() -> None:
    sink = NullSink()

    def interrupt(progress: LoopProgress) -> None:
        if progress.frames:
            raise KeyboardInterrupt

    report = run_frames(SyntheticSource((8, 8), 25, 10**6), Slots([2]), sink, on_progress=interrupt)
    assert (report.interrupted, sink.complete) == (True, False)
    assert not [t for t in threading.enumerate() if t.name.startswith("brushstream")]


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """24 frames with a cut, each pixel with noise of its own."""
    path = tmp_path / "in.mkv"
    cut = "[0][1]concat,noise=alls=20:allf=t"
    make_media.ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=96x64:r=12:d=1", "-f", "lavfi", "-i", "smptebars=s=96x64:r=12:d=1",
        "-filter_complex", cut, "-c:v", "ffv1", "-pix_fmt", "bgr0", path,
    )  # fmt: skip
    return path


@make_media.needs_ffmpeg
@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_two_in_flight_show_what_one_does(
    scenes: Path, styles_folder: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    invert, blur = styles_folder / "invert.onnx", styles_folder / "blur.onnx"

    def hash_with(in_flight: int) -> str:
        monkeypatch.setattr(plan, "IN_FLIGHT", in_flight)
        target = scenes.with_name(f"{in_flight}.mkv")
        done = run_video(
            VideoOptions(
                scenes, target, str(blur), engine=engine, codec="ffv1", segment_frames=7, steady=True,
                schedule=f"0:{blur}@0.3, 0.3:{blur}, 0.8:{invert}@0.7", fade_s=Fraction(1, 2),
            )
        )  # fmt: skip
        assert done.frames == 24
        return kill_resume.decoded_hash(target)

    assert hash_with(2) == hash_with(1)


@make_media.needs_ffmpeg
def test_an_error_of_a_frame_in_flight_is_the_jobs(
    scenes: Path, styles_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = 0

    def broken(self: IdentityEngine) -> Pixels:
        nonlocal seen
        seen += 1
        if seen == 18:
            raise EngineError("the engine failed on a frame")
        return self._waiting.popleft()

    target, style = scenes.with_name("out.mkv"), str(styles_folder / "invert.onnx")
    options = VideoOptions(scenes, target, style, engine="identity", codec="ffv1", segment_frames=6)
    with monkeypatch.context() as patch:
        patch.setattr(IdentityEngine, "_collect", broken)
        with pytest.raises(EngineError, match="failed on a frame"):
            run_video(options)
    assert not target.exists()
    assert unfinished_frames(target) in (6, 12)  # whole segments, of what the encoder got meanwhile
    assert run_video(options).frames == 24
