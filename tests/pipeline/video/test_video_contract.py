"""The file contract on a matrix of real files, judged by ffprobe through ``scripts/compare_media.py``."""

from pathlib import Path

import pytest

from pipeline.common.errors import InputError
from pipeline.video.job import run_video
from pipeline.video.options import VideoOptions
from scripts.compare_media import FFPROBE, differences, look
from tests.support import make_matrix, make_media

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


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_an_empty_sound_track_is_told_and_costs_nothing(tmp_path: Path, invert: str, suffix: str) -> None:
    source, result = tmp_path / "in.mkv", tmp_path / f"out{suffix}"
    nothing, tone = ("-filter:a:0", "atrim=end_sample=0"), ("-f", "lavfi", "-i", "sine=d=1")
    make_media.ffmpeg(
        *make_media.TESTSRC, *tone, *tone, "-map", "0", "-map", "1", "-map", "2", *nothing, *make_media.H264,
        "-c:a", "aac", source,
    )  # fmt: skip
    done = run_video(VideoOptions(source, result, invert, engine="identity"))
    assert done.notes == ("the input's audio track holds nothing",)
    assert done.damage is None
    (empty, sound), kept = make_media.audio_hashes(source), make_media.audio_hashes(result)
    assert kept in ([sound], [empty, sound])


def test_damaged_sound_is_kept_as_far_as_it_goes(tmp_path: Path, invert: str) -> None:
    source, result = tmp_path / "in.mkv", tmp_path / "out.mp4"
    make_media.ffmpeg(
        *make_media.TESTSRC, *make_matrix.TONE, *make_media.H264, "-g", "5", "-c:a", "aac",
        "-cluster_time_limit", "300", source,
    )  # fmt: skip
    head, first, *more, last = source.read_bytes().split(b"\x1f\x43\xb6\x75")
    assert len(more) > 1
    clusters = [head, more[0], first, *more[1:], last]  # in the wrong order: times go backwards
    source.write_bytes(b"\x1f\x43\xb6\x75".join(clusters))
    done = run_video(VideoOptions(source, result, invert, engine="identity"))
    assert done.damage is not None
    assert "sound or subtitles are damaged" in done.damage
    assert len(make_media.probe(result).times) == done.frames


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
