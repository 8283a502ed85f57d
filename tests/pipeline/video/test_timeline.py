"""Clocks that start late, start again or jump: one continuous line of time, sound and picture together."""

import itertools
from fractions import Fraction
from pathlib import Path

import av
import pytest

from pipeline.video.job import VideoOptions, run_video
from pipeline.video.reading.packet_times import picture_times
from pipeline.video.reading.video_file import VideoFileSource
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg

SOUND_BLOCK = Fraction(1024, 44100)


def recording(
    path: Path, *options: str, seconds: str = "1", codec: tuple[str, ...] = make_media.H264
) -> Path:
    make_media.ffmpeg(
        "-f", "lavfi", "-i", f"testsrc=s=64x48:r=10:d={seconds}",
        "-f", "lavfi", "-i", f"sine=d={seconds}:r=44100",
        *codec, "-c:a", "aac", "-ac", "2", *options, path,
    )  # fmt: skip
    return path


def joined(path: Path, *parts: Path) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def tracks(path: Path) -> tuple[list[Fraction], list[Fraction]]:
    """Seconds of every picture and of every block of sound, in order."""
    with av.open(str(path)) as container:
        kinds = [stream.type for stream in container.streams]
        timed = [
            (p.stream_index, p.pts * p.time_base) for p in container.demux() if p.size and p.pts is not None
        ]
    pictures = sorted(seconds for index, seconds in timed if kinds[index] == "video")
    return pictures, sorted(seconds for index, seconds in timed if kinds[index] == "audio")


@pytest.fixture
def style(styles_folder: Path) -> str:
    return str(styles_folder / "invert.onnx")


def assert_continuous(pictures: list[Fraction], sound: list[Fraction], seconds: float) -> None:
    steps = [b - a for a, b in itertools.pairwise(pictures)]
    assert min(steps) >= Fraction(99, 1000)
    assert max(steps) <= Fraction(1, 10) + 2 * SOUND_BLOCK  # the join waits for the longer track
    assert pictures[-1] + Fraction(1, 10) == pytest.approx(seconds, abs=0.1)
    assert sound[-1] + SOUND_BLOCK == pytest.approx(seconds, abs=0.1)
    assert max(b - a for a, b in itertools.pairwise(sound)) < Fraction(1, 10)


@pytest.mark.parametrize("offsets", [(0, 0), (0, 36000), (36000, 0), (50, 0, 90000)])
def test_joined_recordings_follow_each_other(tmp_path: Path, style: str, offsets: tuple[int, ...]) -> None:
    parts = [
        recording(tmp_path / f"{n}.ts", "-output_ts_offset", str(offset)) for n, offset in enumerate(offsets)
    ]
    source = joined(tmp_path / "in.ts", *parts)
    done = run_video(VideoOptions(source, tmp_path / "out.mp4", style, engine="identity"))
    assert done.damage is None
    assert done.frames == 10 * len(parts)
    assert any("starts again or jumps at 1.0" in note for note in done.notes)
    pictures, sound = tracks(tmp_path / "out.mp4")
    assert len(sound) == len(parts) * len(tracks(parts[0])[1])
    assert_continuous(pictures, sound, 1.04 * len(parts))


def test_sound_and_pictures_of_every_part_stay_together(tmp_path: Path) -> None:
    """The first part's pictures end late, the second's begin late: each part is moved in one piece."""
    source = joined(
        tmp_path / "in.ts", *(recording(tmp_path / f"{n}.ts", seconds=s) for n, s in enumerate("21"))
    )
    with VideoFileSource(source) as opened:
        times = [frame.pts for frame in opened]
        assert picture_times(source, opened) == times
    assert times[20] - times[19] == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize("suffix", [".ts", ".mkv", ".mp4"])
def test_a_clock_that_begins_at_hours_begins_at_zero(tmp_path: Path, style: str, suffix: str) -> None:
    source = recording(tmp_path / f"in{suffix}", "-output_ts_offset", "36000")
    done = run_video(VideoOptions(source, tmp_path / "out.mp4", style, engine="identity", segment_frames=4))
    assert any("the clock begins at 3" in note for note in done.notes)
    (before, after), (wanted, heard) = tracks(tmp_path / "out.mp4"), tracks(source)
    assert before[0] == pytest.approx(0, abs=0.05)
    apart = (before[0] - after[0]) - (wanted[0] - heard[0])
    assert abs(apart) <= Fraction(1, 1000)
    assert before[-1] - before[0] == pytest.approx(float(wanted[-1] - wanted[0]), abs=0.001)


def test_a_pause_of_the_pictures_is_no_jump(tmp_path: Path) -> None:
    """Sound goes on for 15 s while one picture stands."""
    make_media.ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x48:r=1:d=20", "-f", "lavfi", "-i", "sine=d=20",
        "-vf", "select='not(between(t,2,17))'", "-fps_mode", "vfr", *make_media.H264, "-c:a", "aac",
        tmp_path / "in.ts",
    )  # fmt: skip
    with VideoFileSource(tmp_path / "in.ts") as source:
        times = [frame.pts for frame in source]
    steps = [b - a for a, b in itertools.pairwise(times) if a is not None and b is not None]
    assert max(steps) >= 15
