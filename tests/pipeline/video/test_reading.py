"""The video source on real files: times, upright pictures, colours, and every kind of damage."""

import random
import subprocess
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.common.errors import InputError, InputNotFoundError
from pipeline.frame import Frame
from pipeline.video.reading.picture_sequence import PictureSequenceSource
from pipeline.video.reading.video_file import VideoFileSource
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg


def read(path: Path, size: tuple[int, int] | None = None) -> tuple[list[Frame], VideoFileSource]:
    with VideoFileSource(path, size) as source:
        return list(source), source


def by_ffmpeg(path: Path, size: tuple[int, int]) -> np.ndarray:
    """The first picture as the ffmpeg program shows it, upright."""
    command = [
        make_media.FFMPEG,
        "-v",
        "error",
        "-i",
        path,
        "-frames:v",
        "1",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "bgr24",
        "-",
    ]
    raw = subprocess.run(command, capture_output=True, check=True).stdout  # type: ignore[arg-type]
    return np.frombuffer(raw, np.uint8).reshape(*size, 3)


def test_frames_come_in_order_with_exact_times(tmp_path: Path) -> None:
    frames, source = read(make_media.clip(tmp_path / "a.mp4"))
    assert [f.pts for f in frames] == [Fraction(i, 25) for i in range(25)]
    assert [f.index for f in frames] == list(range(25))
    assert (source.info.size, source.info.rate, source.info.frame_count) == ((48, 64), 25, 25)
    assert source.damage is None
    assert all(f.pixels.flags.c_contiguous and f.pixels.dtype == np.uint8 for f in frames)


def test_ntsc_times_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "ntsc.mp4"
    make_media.ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:r=30000/1001:d=1", *make_media.H264, path)
    frames, source = read(path)
    assert source.info.rate == Fraction(30000, 1001)
    assert [f.pts for f in frames] == [i * Fraction(1001, 30000) for i in range(30)]


@pytest.mark.parametrize("tags", [("bt709", "tv"), ("smpte170m", "tv"), ("bt709", "pc"), ("smpte170m", "pc")])
def test_colours_are_those_ffmpeg_shows(tmp_path: Path, tags: tuple[str, str]) -> None:
    matrix, span = tags
    path = tmp_path / "c.mkv"
    convert = f"scale=out_color_matrix={matrix.replace('smpte170m', 'bt601')}:out_range={span},format=yuv420p"
    tagging = ("-colorspace", matrix, "-color_range", span)
    make_media.ffmpeg(*make_media.TESTSRC, "-vf", convert, *make_media.H264, *tagging, path)
    frames, source = read(path)
    assert source.pictures.color.full_range == (span == "pc")
    difference = np.abs(frames[0].pixels.astype(int) - by_ffmpeg(path, (48, 64)))
    assert difference.mean() < 1.0  # two releases of swscale round differently


def test_a_turned_clip_is_upright(tmp_path: Path) -> None:
    turned = make_media.turned(tmp_path / "turned.mp4", make_media.clip(tmp_path / "straight.mp4"))
    frames, source = read(turned)
    assert source.info.size == (64, 48)
    assert np.abs(frames[0].pixels.astype(int) - by_ffmpeg(turned, (64, 48))).mean() < 1.0
    scaled, _ = read(turned, (32, 24))
    assert scaled[0].size == (32, 24)


def test_frames_are_scaled_on_request(tmp_path: Path) -> None:
    frames, source = read(make_media.clip(tmp_path / "a.mp4"), (31, 50))
    assert source.info.size == (31, 50) == frames[-1].size


@pytest.mark.parametrize(("size", "way"), [((20, 30), cv2.INTER_CUBIC), ((4, 6), cv2.INTER_AREA)])
def test_pictures_are_enlarged_smoothly_and_shrunk_by_area(
    tmp_path: Path, size: tuple[int, int], way: int
) -> None:
    pixels = np.random.default_rng(4).integers(0, 256, (8, 12, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "1.png"), pixels)
    with PictureSequenceSource(tmp_path, size) as source:
        (frame,) = source
    assert np.array_equal(frame.pixels, cv2.resize(pixels, size[::-1], interpolation=way))


def test_ten_bits_are_taken_and_said(tmp_path: Path) -> None:
    path = tmp_path / "ten.mkv"
    make_media.ffmpeg(*make_media.TESTSRC, "-c:v", "ffv1", "-pix_fmt", "yuv420p10le", path)
    frames, source = read(path)
    assert len(frames) == 25
    assert "10 bits" in source.notes[0]


def test_cover_art_is_not_the_video(tmp_path: Path) -> None:
    path, cover = tmp_path / "music.m4a", tmp_path / "cover.png"
    make_media.ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x32", "-frames:v", "1", cover)
    make_media.ffmpeg(
        "-f", "lavfi", "-i", "sine=d=1", "-i", cover, "-map", "0", "-map", "1", "-c:v", "png",
        "-disposition:v:0", "attached_pic", path,
    )  # fmt: skip
    with pytest.raises(InputError, match="no video stream"):
        VideoFileSource(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_cut_file_gives_its_readable_part_and_says_so(tmp_path: Path, suffix: str) -> None:
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    source = "testsrc=s=320x240:r=25:d=4,noise=alls=20"
    front = ("-movflags", "+faststart") if suffix == ".mp4" else ()
    make_media.ffmpeg("-f", "lavfi", "-i", source, *make_media.H264, "-g", "25", *front, whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    frames, opened = read(cut)
    assert 20 < len(frames) < 80
    assert opened.damage is not None
    assert "\n" not in opened.damage
    assert f"{len(frames)} of about" in opened.damage


def test_flipped_bits_do_not_end_the_reading(tmp_path: Path) -> None:
    whole, flipped = make_media.clip(tmp_path / "whole.mkv", size="320x240"), tmp_path / "flipped.mkv"
    data = bytearray(whole.read_bytes())
    dice = random.Random(3)
    for _ in range(30):
        data[dice.randrange(len(data) // 3, len(data) * 2 // 3)] ^= 1 << dice.randrange(8)
    flipped.write_bytes(data)
    frames, opened = read(flipped)
    assert frames
    assert opened.damage


def test_what_is_no_video_is_refused_with_what_to_do(tmp_path: Path) -> None:
    empty, text, sound = tmp_path / "empty.mp4", tmp_path / "text.mp4", tmp_path / "sound.m4a"
    empty.touch()
    text.write_text("this is no video\n" * 50)
    make_media.ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", sound)
    expected = {
        empty: "is empty",
        text: "not a video",
        sound: "only audio",
        tmp_path: "is a folder",
    }
    for path, reason in expected.items():
        with pytest.raises(InputError, match=reason) as caught:
            VideoFileSource(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputNotFoundError, match="does not exist"):
        VideoFileSource(tmp_path / "missing.mp4")


def test_music_with_a_cover_is_told_from_a_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    make_media.ffmpeg(
        "-f", "lavfi", "-i", "sine=d=0.2", "-f", "lavfi", "-i", "color=red:s=32x32:d=0.04:r=25", "-map", "0",
        "-map", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic", path,
    )  # fmt: skip
    with pytest.raises(InputError, match="no video stream, only audio, a cover picture; name a video file"):
        VideoFileSource(path)


def test_pictures_with_exif_are_read(tmp_path: Path) -> None:
    """FFmpeg gives EXIF as a kind of side data for which PyAV 18 has no name."""
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    for suffix in (".jpg", ".tif"):
        Image.new("RGB", (32, 24), "red").save(tmp_path / f"in{suffix}", exif=exif)
        frames, source = read(tmp_path / f"in{suffix}")
        assert len(frames) == 1
        assert source.damage is None


def test_a_header_without_pictures_is_refused(tmp_path: Path) -> None:
    whole, header = tmp_path / "whole.mkv", tmp_path / "header.mkv"
    make_media.clip(whole, size="320x240")
    header.write_bytes(whole.read_bytes()[:700])
    with pytest.raises(InputError):
        VideoFileSource(header)


def test_a_name_like_an_address_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_media.clip(tmp_path / "a.mp4").rename("concat:b|c.mp4")
    frames, _ = read(Path("concat:b|c.mp4"))
    assert len(frames) == 25


def test_closing_twice_and_early_is_fine(tmp_path: Path) -> None:
    source = VideoFileSource(make_media.clip(tmp_path / "a.mp4"))
    next(iter(source))
    source.close()
    source.close()


def test_the_real_clips_are_read_whole(shared_data: Path) -> None:
    frames = {"park-juggle.mp4": 247, "webcam-person.mkv": 89}
    for name, count in frames.items():
        with VideoFileSource(shared_data / "clips" / name) as source:
            assert sum(1 for _ in source) == count
            assert source.damage is None
