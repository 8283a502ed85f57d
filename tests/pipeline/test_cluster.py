"""Segments by Ray on this machine: the same output as without it, and resumable."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import make_media
import pytest

from pipeline.registry import is_installed
from pipeline.sources.packet_times import picture_times
from pipeline.sources.video_file import VideoFileSource
from pipeline.video_job import VideoOptions, run_video
from scripts import kill_resume

pytestmark = make_media.needs_ffmpeg
needs_ray = pytest.mark.skipif(not is_installed("ray"), reason="ray is not installed (extra `cluster`)")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "in.mp4"
    make_media.ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2", *make_media.H264,
        "-bf", "2", "-g", "12", path,
    )  # fmt: skip
    return path


@pytest.mark.parametrize("fps", [None, Fraction(10)])
def test_times_are_known_without_decoding(clip: Path, fps: Fraction | None) -> None:
    with VideoFileSource(clip, fps=fps) as source:
        assert picture_times(clip, source, fps) == [frame.pts for frame in source]


SPREAD = """
import sys
from pathlib import Path
from pipeline.cluster import run_on_cluster
from pipeline.video_job import VideoOptions
told = []
options = VideoOptions(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], engine="identity",
                       preset="ultrafast", segment_frames=20)
done = run_on_cluster(options, on_progress=lambda progress: told.append(progress.frames))
print(done.frames, *told)
"""


@needs_ray
def test_a_cluster_makes_the_same_file(tmp_path: Path, clip: Path, styles_folder: Path) -> None:
    alone, spread, style = tmp_path / "alone.mp4", tmp_path / "spread.mp4", styles_folder / "invert.onnx"
    common = {"engine": "identity", "preset": "ultrafast", "segment_frames": 20}
    run_video(VideoOptions(clip, alone, str(style), **common))  # type: ignore[arg-type]
    home = {"HOME": str(tmp_path), "RAY_USAGE_STATS_ENABLED": "0"}  # Ray writes into the user's folder
    done = subprocess.run(
        [sys.executable, "-c", SPREAD, str(clip), str(spread), str(style)],
        env={**os.environ, **home, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["50", "20", "40", "50"]
    assert kill_resume.decoded_hash(spread) == kill_resume.decoded_hash(alone)
    assert make_media.probe(spread) == make_media.probe(alone)
