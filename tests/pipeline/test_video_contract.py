"""The file contract on a matrix of real files, judged by ffprobe through ``scripts/compare_media.py``."""

from pathlib import Path

import make_matrix
import make_media
import pytest

from pipeline.errors import InputError
from pipeline.video_job import VideoOptions, run_video
from scripts.compare_media import FFPROBE, differences, look

pytestmark = [
    make_media.needs_ffmpeg,
    pytest.mark.skipif(FFPROBE is None, reason="the ffprobe program is not installed"),
]


@pytest.fixture
def invert(styles_folder: Path) -> str:
    return str(styles_folder / "invert.onnx")


@pytest.mark.parametrize("name", make_matrix.CASES)
def test_nothing_is_lost_and_nothing_out_of_step(tmp_path: Path, invert: str, name: str) -> None:
    case = make_matrix.CASES[name]
    source, result = tmp_path / case.source, tmp_path / f"out{case.result}"
    case.make(source)
    done = run_video(
        VideoOptions(source, result, invert, engine="identity", preset="ultrafast", segment_frames=10)
    )
    assert differences(source, result, left_out=case.left_out, moved=case.moved) == []
    notes = "\n".join(done.notes)
    for words in case.notes:
        assert words in notes
    if not case.notes:
        assert done.notes == ()
    assert done.damage is None


def test_sound_alone_is_refused(tmp_path: Path, invert: str) -> None:
    source = tmp_path / "in.m4a"
    make_media.ffmpeg(*make_matrix.TONE, source)
    with pytest.raises(InputError, match="no video stream"):
        run_video(VideoOptions(source, tmp_path / "out.mp4", invert, engine="identity"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.m4a"]


def test_drop_frame_timecode_goes_along(tmp_path: Path, invert: str) -> None:
    source, result = tmp_path / "in.mov", tmp_path / "out.mov"
    make_matrix.CASES["drop-frame"].make(source)
    run_video(VideoOptions(source, result, invert, engine="identity"))
    assert look(result).video["tags"]["timecode"] == "00:00:59;20"


def test_the_comparison_sees_what_is_wrong(tmp_path: Path) -> None:
    source, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    make_matrix.rich(source)
    make_media.ffmpeg("-i", source, "-map", "0:v", "-r", "12", *make_media.H264, "-map_chapters", "-1", other)
    found = "\n".join(differences(source, other))
    for words in ("streams:", "pictures:", "chapters:"):
        assert words in found
