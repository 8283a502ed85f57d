"""The last picture of a screen recording stands long: its time is kept, and nothing counts as missing."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from pipeline.video.job import VideoOptions, run_video
from pipeline.video.reading.packet_times import picture_times
from pipeline.video.reading.video_file import VideoFileSource
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg


def standing(path: Path) -> Path:
    """One second of 25 pictures, of which the last is shown 15 s."""
    short, long = path.with_name("short.mp4"), path.with_name("long.mp4")
    make_media.clip(short)
    stands = "setts=duration=if(eq(N\\,24)\\,15/TB\\,DURATION)"
    make_media.ffmpeg("-i", short, "-c", "copy", "-bsf:v", stands, long)
    if path.suffix == ".mp4":
        return long.rename(path)
    make_media.ffmpeg("-i", long, "-c", "copy", path)
    return path


def seconds(path: Path) -> float:
    with av.open(str(path)) as container:
        assert container.duration is not None
        return container.duration / av.time_base


@pytest.fixture
def style(styles_folder: Path) -> str:
    return str(styles_folder / "invert.onnx")


@pytest.mark.parametrize("source", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("target", [".mp4", ".mkv", ".gif"])
def test_the_last_picture_stands_as_long_as_in_the_source(
    tmp_path: Path, style: str, source: str, target: str
) -> None:
    clip, result = standing(tmp_path / f"in{source}"), tmp_path / f"out{target}"
    done = run_video(VideoOptions(clip, result, style, engine="identity"))
    assert done.damage is None
    assert (done.frames, round(seconds(result), 2)) == (25, 15.96)


def test_a_gif_is_not_faster_than_browsers_show(tmp_path: Path, style: str) -> None:
    """They show a picture of one hundredth of a second for ten."""
    clip, result = make_media.clip(tmp_path / "in.mp4", seconds=1.0, rate=60), tmp_path / "out.gif"
    done = run_video(VideoOptions(clip, result, style, engine="identity"))
    assert done.frames == 50
    assert "60 pictures a second became 50: players slow faster ones down" in done.notes
    with av.open(str(result)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert {packet.duration * packet.time_base for packet in packets} == {Fraction(1, 50)}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_an_even_rate_shows_it_to_the_end(tmp_path: Path, suffix: str) -> None:
    with VideoFileSource(standing(tmp_path / f"in{suffix}"), fps=Fraction(25)) as source:
        planned = picture_times(source.path, source, Fraction(25))
        shown = [frame.pts for frame in source]
    assert len(shown) == 399
    assert planned == shown


def test_a_cut_matroska_file_is_still_found_damaged(tmp_path: Path) -> None:
    path = make_media.clip(tmp_path / "in.mkv", seconds=4.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with VideoFileSource(path) as source:
        assert len(list(source)) < 80
    assert source.damage is not None
    assert "are missing" in source.damage
