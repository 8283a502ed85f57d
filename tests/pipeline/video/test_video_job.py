"""The video job as a whole, on real files and tiny styles."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.common.errors import (
    BrushstreamError,
    InputError,
    InputNotFoundError,
    OutputError,
    StyleNotFoundError,
)
from pipeline.frame import Pixels
from pipeline.stylize.stylizer import Stylizer
from pipeline.video.job import run_video
from pipeline.video.options import VideoOptions
from pipeline.video.progress import LoopProgress
from pipeline.video.reading.video_file import VideoFileSource
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg


def first_picture(path: Path) -> Pixels:
    with VideoFileSource(path) as source:
        return next(iter(source)).pixels


@pytest.fixture
def invert(styles_folder: Path) -> str:
    return str(styles_folder / "invert.onnx")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_video_is_stylized_with_its_times_and_sound(tmp_path: Path, invert: str) -> None:
    source, target = make_media.with_sound(tmp_path / "in.mp4", 1.0, 0.5), tmp_path / "out.mp4"
    engines: list[str] = []
    done = run_video(VideoOptions(source, target, invert), on_engine=engines.append)
    before, after = make_media.probe(source), make_media.probe(target)
    assert (after.times, after.audio, after.size) == (before.times, before.audio, before.size)
    difference = np.abs(255 - first_picture(source).astype(int) - first_picture(target))
    assert difference.mean() < 12  # 4:2:0 smears the test pattern's coloured edges
    assert (done.frames, done.size, done.rate, done.damage) == (25, (48, 64), 25, None)
    assert not done.interrupted
    assert set(done.busy_share) == {"decode", "stylize", "encode", "cpu"}
    assert done.busiest in done.busy_share
    assert engines == [done.engine]
    assert names(tmp_path) == ["in.mp4", "out.mp4"]


def test_size_is_that_of_the_output(tmp_path: Path, invert: str) -> None:
    source, target = make_media.clip(tmp_path / "in.mp4"), tmp_path / "out.mkv"
    done = run_video(VideoOptions(source, target, invert, size=(30, 40), strength=0.5, keep_colors=True))
    assert done.size == (30, 40) == make_media.probe(target).size


@pytest.mark.parametrize("size", ["1x1", "641x359", "4096x16"])
def test_odd_sizes_are_taken(tmp_path: Path, invert: str, size: str) -> None:
    source, target = make_media.lossless(tmp_path / "in.mkv", size), tmp_path / "out.mp4"
    done = run_video(VideoOptions(source, target, invert))
    width, height = map(int, size.split("x"))
    assert done.frames == 5
    assert make_media.probe(target).size == (height + height % 2, width + width % 2)
    assert bool(done.notes) == bool(height % 2 or width % 2)


def test_the_readable_part_of_a_cut_video_is_kept(tmp_path: Path, invert: str) -> None:
    whole, cut, target = tmp_path / "whole.mkv", tmp_path / "cut.mkv", tmp_path / "out.mp4"
    make_media.ffmpeg("-f", "lavfi", "-i", "testsrc=s=320x240:d=4,noise=alls=20", *make_media.H264, whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    done = run_video(VideoOptions(cut, target, invert))
    assert done.damage
    assert not done.interrupted
    assert len(make_media.probe(target).times) == done.frames > 10


def test_refusals_come_before_any_work_and_leave_nothing(tmp_path: Path, invert: str) -> None:
    source = make_media.clip(tmp_path / "in.mp4")
    taken = tmp_path / "taken.mp4"
    taken.write_text("precious")
    out = tmp_path / "out.mp4"
    cases: list[tuple[VideoOptions, type[BrushstreamError], str]] = [
        (VideoOptions(tmp_path / "no.mp4", out, invert), InputNotFoundError, "does not exist"),
        (VideoOptions(taken, out, invert), InputError, "not a video"),
        (VideoOptions(source, source, invert, overwrite=True), OutputError, "both"),
        (VideoOptions(source, taken, invert), OutputError, "already there"),
        (VideoOptions(source, tmp_path / "no" / "o.mp4", invert), OutputError, "does not exist"),
        (VideoOptions(source, tmp_path, invert), OutputError, "is a folder"),
        (VideoOptions(source, tmp_path / "o.xyz", invert), OutputError, "choose one of"),
        (VideoOptions(source, out, "no-such-style"), StyleNotFoundError, "no style"),
        (VideoOptions(source, out, invert, size=(0, 10)), InputError, "size must lie"),
    ]
    for options, error, reason in cases:
        with pytest.raises(error, match=reason) as caught:
            run_video(options)
        assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["in.mp4", "taken.mp4"]
    assert taken.read_text() == "precious"


def test_an_engine_that_fails_leaves_nothing(
    tmp_path: Path, invert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Stylizer) -> Pixels:
        raise RuntimeError("engine broke")

    monkeypatch.setattr(Stylizer, "collect", broken)
    source = make_media.clip(tmp_path / "in.mp4")
    with pytest.raises(RuntimeError, match="engine broke"):
        run_video(VideoOptions(source, tmp_path / "out.mp4", invert))
    assert names(tmp_path) == ["in.mp4"]


def test_stopping_leaves_a_playable_file(tmp_path: Path, invert: str) -> None:
    source, target = make_media.with_sound(tmp_path / "in.mp4", 1.0), tmp_path / "out.mp4"
    stop = threading.Event()
    slow = slowed(stop, after=5)
    done = run_video(VideoOptions(source, target, invert), slow, stop=stop)
    if not done.interrupted:  # the machine was faster than the event
        assert done.output == target
        return
    assert done.output == tmp_path / "out.partial.mp4"  # the final name is for what is whole
    assert len(make_media.probe(done.output).times) == done.frames
    assert not target.exists()


def slowed(stop: threading.Event, after: int) -> Callable[[LoopProgress], None]:
    def on_progress(progress: LoopProgress) -> None:
        if progress.frames >= after:
            stop.set()

    return on_progress


SLOW_JOB = """
import sys, time
from pathlib import Path
from pipeline.stylize.stylizer import Stylizer
from pipeline.video.job import run_video
from pipeline.video.options import VideoOptions
stylize = Stylizer.__call__
def slow(self, pixels, controls=None):
    time.sleep(0.03)
    return stylize(self, pixels, controls)
Stylizer.__call__ = slow
def show(progress):
    if progress.frames > 3:
        print("running", flush=True)
done = run_video(VideoOptions(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], engine="identity"), show)
print("interrupted", done.interrupted, done.frames)
"""


def test_ctrl_c_leaves_a_playable_file(tmp_path: Path, invert: str) -> None:
    source, target = make_media.clip(tmp_path / "in.mp4", seconds=20), tmp_path / "out.mp4"
    command = [sys.executable, "-c", SLOW_JOB, str(source), str(target), invert]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "running\n"
        job.send_signal(signal.SIGINT)
        rest = job.stdout.read().split()
        assert job.wait(60) == 0
    *_, word, interrupted, frames = rest
    assert (word, interrupted) == ("interrupted", "True")
    assert 3 < int(frames) < 500
    partial = tmp_path / "out.partial.mp4"  # the final name is for what is whole
    assert len(make_media.probe(partial).times) == int(frames)
    kept = [".out.mp4.work"] if int(frames) >= 250 else []  # whole segments wait for the same command
    assert names(tmp_path) == [*kept, "in.mp4", "out.partial.mp4"]


@pytest.mark.slow
def test_memory_does_not_grow_with_length(tmp_path: Path, invert: str) -> None:
    """One process, a short and a three times longer clip: the peak may not follow the length."""
    code = (
        "import sys; from pathlib import Path; from pipeline.common.machine import peak_resident_mb\n"
        "from pipeline.video.job import run_video; from pipeline.video.options import VideoOptions\n"
        "run = lambda i: run_video(VideoOptions(Path(i), Path(sys.argv[3]), sys.argv[4], overwrite=True))\n"
        "for path in sys.argv[1:3]:\n"
        "    run(path); print(peak_resident_mb())\n"
    )
    short = make_media.clip(tmp_path / "short.mp4", size="320x240", seconds=6)
    long = make_media.clip(tmp_path / "long.mp4", size="320x240", seconds=20)
    command = [sys.executable, "-c", code, str(short), str(long), str(tmp_path / "out.mp4"), invert]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    if "None" in done.stdout:
        pytest.skip("this system does not tell a process's peak memory")
    first, second = map(float, done.stdout.split())
    assert second < first + 30  # 350 frames more, of 0.23 MB each, would be 80


def test_a_real_clip_comes_out_as_long_as_it_went_in(tmp_path: Path, invert: str, shared_data: Path) -> None:
    source, target = shared_data / "clips" / "park-juggle.mp4", tmp_path / "out.mp4"
    done = run_video(VideoOptions(source, target, invert, size=(180, 320)))
    before, after = make_media.probe(source), make_media.probe(target)
    assert after.times == before.times
    assert (done.frames, after.size) == (247, (180, 320))
