"""AVI, which counts pictures and holds no times: an even rate, sound in its place, a line for the rest."""

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.common.errors import OutputError
from pipeline.video.job import VideoOptions, VideoSummary, run_video
from pipeline.video.reading.video_file import VideoFileSource
from pipeline.video.writing.recording import VideoFileSink
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg


def run(source: Path, target: Path, styles_folder: Path, **options: object) -> VideoSummary:
    style = str(styles_folder / "invert.onnx")
    return run_video(VideoOptions(source, target, style, engine="identity", **options))  # type: ignore[arg-type]


def pixels(path: Path) -> np.ndarray:
    with VideoFileSource(path) as source:
        return np.stack([frame.pixels for frame in source]).astype(int)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_each_picture_once_at_an_uneven_looking_rate(
    suffix: str, tmp_path: Path, styles_folder: Path
) -> None:
    """Matroska rounds the times of 29.97 to a millisecond: no picture comes twice for it."""
    source = tmp_path / f"in{suffix}"
    make_media.ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x48:r=30000/1001:d=2", *make_media.H264, "-bf", "2", source
    )
    done = run(source, tmp_path / "out.avi", styles_folder, codec="ffv1", segment_frames=13)
    assert done.notes == ("avi holds no times and no languages: pictures come evenly, 29.97 a second",)
    np.testing.assert_allclose(pixels(tmp_path / "out.avi"), pixels(source), atol=1)
    with VideoFileSource(tmp_path / "out.avi") as result:
        assert result.info.rate == Fraction(30000, 1001)


@pytest.mark.parametrize("fps", [None, Fraction(10)])
def test_a_stopped_clock_becomes_repeated_pictures(
    fps: Fraction | None, tmp_path: Path, styles_folder: Path
) -> None:
    source = tmp_path / "in.mp4"
    make_media.ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=2", "-vf", "select='not(between(n,5,9))'",
        "-fps_mode" if _has_fps_mode() else "-vsync", "vfr", *make_media.H264, source,
    )  # fmt: skip
    run(source, tmp_path / "out.avi", styles_folder, fps=fps, codec="ffv1")
    made = pixels(tmp_path / "out.avi")
    assert len(made) in (20, 21)  # some ffmpeg programs let the last picture stand twice as long
    assert all((made[number] == made[4]).all() for number in range(5, 10))


def _has_fps_mode() -> bool:
    listed = subprocess.run(
        [str(make_media.FFMPEG), "-h", "full"], capture_output=True, text=True, check=True
    )
    return "-fps_mode" in listed.stdout


def test_what_avi_cannot_hold_is_told(tmp_path: Path, styles_folder: Path) -> None:
    (tmp_path / "text.srt").write_text("1\n00:00:00,100 --> 00:00:00,500\nhello\n")
    (tmp_path / "chapters.txt").write_text(
        ";FFMETADATA1\ntitle=A film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=one\n"
    )
    make_media.ffmpeg(
        *make_media.TESTSRC, "-f", "lavfi", "-i", "sine=d=1", "-i", tmp_path / "text.srt",
        "-i", tmp_path / "chapters.txt", "-map", "0", "-map", "1", "-map", "2", "-map_metadata", "3",
        "-map_chapters", "3", *make_media.H264, "-c:a", "aac", "-c:s", "mov_text", tmp_path / "in.mp4",
    )  # fmt: skip
    done = run(tmp_path / "in.mp4", tmp_path / "out.avi", styles_folder)
    told = "; ".join(done.notes)
    assert "chapters are left out: avi holds none" in told
    assert "subtitle track 1 is left out: avi cannot hold mov_text" in told
    assert "encoded again as pcm_s16le: many players cannot read aac in avi" in told
    assert done.damage is None
    listed = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "format_tags=title:stream=codec_name,has_b_frames",
         "-of", "compact", tmp_path / "out.avi"], capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "tag:title=A film" in listed
    assert "codec_name=h264|has_b_frames=0" in listed


def test_sound_that_begins_late_keeps_its_place(tmp_path: Path, styles_folder: Path) -> None:
    make_media.ffmpeg(
        *make_media.TESTSRC, "-itsoffset", "0.7", "-f", "lavfi", "-i", "sine=d=0.3:r=44100", *make_media.H264,
        "-c:a", "libmp3lame", tmp_path / "in.mkv",
    )  # fmt: skip
    done = run(tmp_path / "in.mkv", tmp_path / "out.avi", styles_folder)
    assert done.damage is None
    assert any("avi begins every track at zero" in note for note in done.notes)
    command = ["ffmpeg", "-v", "error", "-i", tmp_path / "out.avi", "-ac", "1", "-f", "f32le", "-"]
    raw = subprocess.run([str(part) for part in command], capture_output=True, check=True).stdout
    loud = np.abs(np.frombuffer(raw, np.float32)) > 0.02
    assert loud.argmax() / 44100 == pytest.approx(0.7, abs=0.06)


def test_a_live_recording_is_not_written_as_avi(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"choose one of \.mp4 \.m4v \.mov \.mkv \.webm$"):
        VideoFileSink(tmp_path / "out.avi")
