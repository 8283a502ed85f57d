"""Segments by Ray on this machine: the same output as without it, and resumable."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.common.adapters import is_installed
from pipeline.video.job import run_video
from pipeline.video.options import VideoOptions
from pipeline.video.reading.packet_times import picture_times
from pipeline.video.reading.video_file import VideoFileSource
from scripts import kill_resume
from tests.support import make_media

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
import threading
from pathlib import Path
from pipeline.video.cluster import Cluster
from pipeline.video.options import VideoOptions
from pipeline.video.plan import VideoPlan
told = []
def tell(event):
    print(event.facts["engine"]) if event.kind == "engine" else told.append(event.facts["frames"])
options = VideoOptions(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], engine="identity",
                       preset="ultrafast", segment_frames=20)
with Cluster() as cluster:
    done = cluster.run(VideoPlan.of(options), tell, threading.Event())
print(done.frames, *told)
"""
COMMAND = "from pipeline.cli.main import main; main()"


def in_a_process(home: Path, code: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Ray writes into the user's folder, and its threads outlive a test."""
    own = {"HOME": str(home), "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(
        command, env={**os.environ, **own}, capture_output=True, text=True, timeout=250, check=False
    )


@pytest.mark.slow
@needs_ray
def test_a_cluster_makes_the_same_file(tmp_path: Path, clip: Path, styles_folder: Path) -> None:
    alone, spread, style = tmp_path / "alone.mp4", tmp_path / "spread.mp4", styles_folder / "invert.onnx"
    common = {"engine": "identity", "preset": "ultrafast", "segment_frames": 20}
    run_video(VideoOptions(clip, alone, str(style), **common))  # type: ignore[arg-type]
    done = in_a_process(tmp_path, SPREAD, clip, spread, style)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == ["identity 1, cpu, fp32", "50 20 40 50"]
    assert kill_resume.decoded_hash(spread) == kill_resume.decoded_hash(alone)
    assert make_media.probe(spread) == make_media.probe(alone)


@pytest.mark.slow
@needs_ray
def test_a_folder_is_spread_too_and_told_as_json(tmp_path: Path, clip: Path, styles_folder: Path) -> None:
    folder, out, style = tmp_path / "in", tmp_path / "out", styles_folder / "invert.onnx"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        (folder / name).write_bytes(clip.read_bytes())
    (folder / "broken.mp4").write_text("no video")
    torn = tmp_path / "torn.mkv"
    make_media.ffmpeg("-i", clip, "-c", "copy", torn)
    (folder / "torn.mkv").write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])
    line = ["video", folder, "-o", out, "--style", style, "--engine", "identity", "--json"]
    done = in_a_process(tmp_path, COMMAND, *line, "--cluster", "local")
    assert done.returncode == 3, done.stderr[-2000:]
    events = [json.loads(text) for text in done.stdout.splitlines()]
    ends = {Path(e["input"]).name: e["event"] for e in events if e["event"] in ("done", "failed")}
    assert ends == {"a.mp4": "done", "b.mp4": "done", "broken.mp4": "failed", "torn.mkv": "done"}
    assert {e["frames"] for e in events if e["event"] == "progress" and "torn" not in e["input"]} == {50}
    counts = {path.stem.removesuffix("-invert"): len(make_media.probe(path).times) for path in out.iterdir()}
    assert 0 < counts.pop("torn") < 50
    assert counts == {"a": 50, "b": 50}
    told = next(e for e in events if e["event"] == "done" and "torn" in e["input"])
    assert "torn.mkv is damaged" in json.dumps(told)


@pytest.mark.slow
@needs_ray
def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path, clip: Path, styles_folder: Path) -> None:
    style = styles_folder / "invert.onnx"
    line = ["video", clip, "-o", tmp_path / "out.mp4", "--style", style, "--cluster", "auto"]
    done = in_a_process(tmp_path, COMMAND, *line)
    assert done.returncode == 6
    assert "no Ray cluster answers at 'auto'" in done.stderr.splitlines()[-1]
