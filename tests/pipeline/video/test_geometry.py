"""Shapes: pixels that are not square, sizes that change in the stream, files that want a part shown."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.common.errors import OutputError
from pipeline.video.color import VideoColor
from pipeline.video.job import VideoOptions, run_video
from pipeline.video.outputs.base import OutputRequest
from pipeline.video.outputs.opening import open_assembler
from pipeline.video.picture_format import PictureFormat
from pipeline.video.reading.video_file import VideoFileSource
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg


@pytest.fixture
def style(styles_folder: Path) -> str:
    return str(styles_folder / "invert.onnx")


def anamorphic(path: Path) -> Path:
    """A circle on 144x114 pixels of 64:45."""
    source = "color=black:s=144x114:r=5:d=0.4"
    make_media.ffmpeg("-f", "lavfi", "-i", source, "-vf", "setsar=64/45", *make_media.H264, path)
    return path


SHOWN = 144 * 64 / 45 / 114


def test_size_keeps_the_shown_shape(tmp_path: Path, style: str) -> None:
    target = tmp_path / "out.mp4"
    done = run_video(
        VideoOptions(anamorphic(tmp_path / "in.mp4"), target, style, engine="identity", size=(58, 72))
    )
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        shown = stream.width * float(stream.sample_aspect_ratio or 1) / stream.height
        assert (stream.width, stream.height) == (72, 58)
    assert shown == pytest.approx(SHOWN, rel=0.002)
    assert any("its shape stays" in note for note in done.notes)


@pytest.mark.parametrize(("size", "wanted"), [(None, (114, 205)), ((58, 72), (58, 104))])
@pytest.mark.parametrize("name", ["out.gif", "out/%03d.png"])
def test_pixels_become_square_where_the_target_knows_no_others(
    tmp_path: Path, style: str, name: str, size: tuple[int, int] | None, wanted: tuple[int, int]
) -> None:
    source = anamorphic(tmp_path / "in.mp4")
    done = run_video(VideoOptions(source, tmp_path / name, style, engine="identity", size=size))
    assert done.size == wanted
    assert any("became square" in note for note in done.notes)
    if name.endswith("png"):
        picture = cv2.imread(str(next((tmp_path / "out").iterdir())))
        assert picture is not None
        assert picture.shape[:2] == wanted


def test_size_of_square_pixels_is_as_it_was_asked(tmp_path: Path) -> None:
    with VideoFileSource(make_media.clip(tmp_path / "in.mp4"), (32, 32)) as source:
        assert (source.info.size, source.pictures.aspect, source.notes) == ((32, 32), Fraction(1), [])


def test_other_sizes_in_the_stream_are_framed_in_black(tmp_path: Path) -> None:
    data = b""
    for size in ("64x48", "48x64", "128x72"):
        part = tmp_path / f"{size}.ts"
        make_media.ffmpeg("-f", "lavfi", "-i", f"color=white:s={size}:r=10:d=0.5", *make_media.H264, part)
        data += part.read_bytes()
    path = tmp_path / "in.ts"
    path.write_bytes(data)
    with VideoFileSource(path) as source:
        frames = [frame.pixels for frame in source]
    assert {frame.shape for frame in frames} == {(48, 64, 3)}
    boxes = []
    for number in (0, 7, 12):
        rows, columns = np.nonzero(frames[number][..., 1] > 128)
        boxes.append((int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1))
    assert boxes == [(48, 64), (48, 36), (36, 64)]
    assert "10 pictures have another size: framed in black to 64x48" in source.notes


def with_clap(path: Path, *numbers: int) -> Path:
    """A file of 64x48 whose sample entry wants a part shown: eight numbers as in ISO/IEC 14496-12."""
    data = bytearray(make_media.clip(path).read_bytes())
    box = struct.pack(">I4s8i", 40, b"clap", *numbers)
    at = data.find(b"avcC") - 4
    data[at:at] = box
    for name in (b"avc1", b"stsd", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        start = data.rfind(name, 0, at) - 4
        data[start : start + 4] = struct.pack(
            ">I", struct.unpack(">I", data[start : start + 4])[0] + len(box)
        )
    path.write_bytes(data)
    return path


def test_the_clean_aperture_is_what_is_shown(tmp_path: Path) -> None:
    whole = make_media.clip(tmp_path / "whole.mp4")
    with VideoFileSource(whole) as source:
        wanted = next(iter(source)).pixels[6:38, 12:60]
    path = with_clap(tmp_path / "clap.mp4", 48, 1, 32, 1, 4, 1, -2, 1)
    with VideoFileSource(path) as source:
        shown = next(iter(source)).pixels
    assert np.array_equal(shown, wanted)
    assert source.notes == ["only 48x32 of 64x48 is meant to be shown, and was kept"]
    with VideoFileSource(path, (16, 24)) as source:
        assert next(iter(source)).pixels.shape == (16, 24, 3)


def with_pixel_crop(path: Path, top: int, bottom: int, left: int, right: int) -> Path:
    """A Matroska file of 64x48 with a crop in the place of its colours (RFC 9559, 5.1.4.1.28)."""
    tags = [part for name in ("color_primaries", "color_trc", "colorspace") for part in (f"-{name}", "bt709")]
    made = path.with_name("tagged.mkv")
    make_media.ffmpeg(*make_media.TESTSRC, *make_media.H264, *tags, made)
    data = bytearray(made.read_bytes())
    crop = struct.pack(
        ">HBBHBBHBBHBB", 0x54AA, 0x81, bottom, 0x54BB, 0x81, top, 0x54CC, 0x81, left, 0x54DD, 0x81, right
    )
    at = data.find(b"\x55\xb0")
    room = 3 + (data[at + 2] & 0x7F)
    data[at : at + room] = crop + bytes((0xEC, 0x80 | room - len(crop) - 2)) + bytes(room - len(crop) - 2)
    path.write_bytes(data)
    return path


def test_the_pixel_crop_of_matroska_is_what_is_shown(tmp_path: Path) -> None:
    path = with_pixel_crop(tmp_path / "in.mkv", top=6, bottom=10, left=12, right=4)
    with VideoFileSource(tmp_path / "tagged.mkv") as source:
        height, width = source.info.size
    with VideoFileSource(path) as source:
        shown = next(iter(source)).pixels
    assert shown.shape == (height - 16, width - 16, 3)
    assert source.notes == [
        f"only {width - 16}x{height - 16} of {width}x{height} is meant to be shown, and was kept"
    ]
    assert source.pictures.aspect == 1


def test_sides_that_a_gif_cannot_count_are_refused_at_once(tmp_path: Path) -> None:
    pictures = PictureFormat((2, 65536), Fraction(25), Fraction(1, 100), VideoColor())
    with pytest.raises(OutputError, match="at most 65535 pixels a side, 65536x2 were wanted"):
        open_assembler(OutputRequest(tmp_path / "out.gif", pictures))
    assert list(tmp_path.iterdir()) == []
