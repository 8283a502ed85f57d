"""Identity in, identity out: no level of a flat area moves, pass after pass, whatever the pixel format."""

from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.images.writing import write_image
from pipeline.video.job import VideoOptions, run_video
from pipeline.video.reading.video_file import VideoFileSource
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg

PASSES = 8
FORMATS = (
    "gray",
    "gray10le",
    "yuv420p",
    "yuv422p",
    "yuv444p",
    "yuv411p",
    "yuv410p",
    "yuv420p10le",
    "yuv422p12le",
    "yuv444p16le",
    "nv12",
    "yuyv422",
    "uyvy422",
    "gbrp",
    "gbrp10le",
    "rgb24",
    "rgb48le",
    "bgra",
    "yuva420p",
)


def run(source: Path, target: Path, style: str, codec: str = "auto") -> Path:
    run_video(VideoOptions(source, target, style, engine="identity", crf=0, codec=codec, preset="ultrafast"))
    return target


@pytest.fixture
def style(styles_folder: Path) -> str:
    return str(styles_folder / "invert.onnx")


def first_planes(path: Path) -> list[np.ndarray]:
    """Y, U, V of the first picture as int."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert frame.format.name in ("yuv420p", "yuvj420p")
    return [np.frombuffer(p, np.uint8).reshape(p.height, -1)[:, : p.width].astype(int) for p in frame.planes]


def many_passes(source: Path, style: str) -> Path:
    for number in range(PASSES):
        source = run(source, source.with_name(f"pass{number}.mp4"), style)
    return source


def patches(path: Path, values: str, *encoder: str) -> Path:
    """Two pictures of 256x256 whose planes are ``values``, formulas of the geq filter."""
    make_media.ffmpeg(
        "-f", "lavfi", "-i", "color=black:s=256x256:r=5:d=0.4,format=yuv420p", "-vf", values, *encoder, path
    )
    return path


def test_every_grey_of_a_film_survives_eight_passes(tmp_path: Path, style: str) -> None:
    grey = "geq=lum='clip(floor(X/16)+16*floor(Y/16),16,235)':cb=128:cr=128"
    source = patches(tmp_path / "greys.mp4", grey, "-c:v", "libx264", "-qp", "0")
    for before, after in zip(first_planes(source), first_planes(many_passes(source, style)), strict=True):
        assert np.array_equal(before, after)


def test_flat_colours_survive_eight_passes(tmp_path: Path, style: str) -> None:
    """Colours that RGB holds: Y in the middle, differences of up to 40."""
    color = "geq=lum='100+2*floor(X/16)':cb='104+3*floor(Y/16)':cr='150-3*floor(X/8)'"
    source = patches(tmp_path / "colors.mp4", color, "-c:v", "libx264", "-qp", "0")
    for before, after in zip(first_planes(source), first_planes(many_passes(source, style)), strict=True):
        assert np.array_equal(before, after)


def test_a_picture_with_edges_moves_by_one_level_at_most(tmp_path: Path, style: str) -> None:
    """Stripes of one pixel in brightness, of two in colour: nothing that 4:2:0 itself cannot hold."""
    stripes = (
        "geq=lum='110+30*mod(X,2)+X/8':cb='128+20*mod(floor(X),2)+Y/16':cr='128-20*mod(floor(Y),2)-X/16'"
    )
    source = patches(tmp_path / "edges.mp4", stripes, "-c:v", "libx264", "-qp", "0")
    for before, after in zip(first_planes(source), first_planes(many_passes(source, style)), strict=True):
        assert np.abs(before - after).max() <= 1


def test_greys_of_pictures_get_no_tint(tmp_path: Path, style: str) -> None:
    greys = np.repeat(np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16), 16, 0), 16, 1)
    pixels = np.dstack([greys] * 3)
    (tmp_path / "in").mkdir()
    write_image(tmp_path / "in" / "1.png", pixels)
    film = run(tmp_path / "in", tmp_path / "film.mp4", style)
    luma, blue, red = first_planes(film)
    assert (blue == 128).all()
    assert (red == 128).all()
    assert np.abs(luma - (16 + greys.astype(int) * 219 / 255)).max() < 0.51  # to the nearest level
    back = run(film, tmp_path / "back.mkv", style, "ffv1")
    with VideoFileSource(back) as source:
        shown = next(iter(source)).pixels.astype(int)
    assert np.ptp(shown, axis=2).max() == 0
    assert np.abs(shown - pixels).max() <= 1  # 256 greys in 220 levels


@pytest.mark.parametrize(
    "pixel_format",
    FORMATS,
)
def test_flat_areas_of_every_pixel_format_are_read_to_the_level(tmp_path: Path, pixel_format: str) -> None:
    """Greys that all formats hold: those of which 219 and 255 levels agree."""
    path, greys = tmp_path / "in.nut", (0, 51, 85, 102, 170, 204, 255)
    drawn = ",".join(
        f"drawbox=x={32 * n}:w=32:h=32:c=0x{g:02x}{g:02x}{g:02x}:t=fill" for n, g in enumerate(greys)
    )
    make_media.ffmpeg(
        "-f", "lavfi", "-i", f"color=black:s=256x32:r=5:d=0.2,format=gbrp,{drawn}",
        "-sws_flags", "accurate_rnd+full_chroma_inp+full_chroma_int", "-pix_fmt", pixel_format,
        "-c:v", "rawvideo", path,
    )  # fmt: skip
    with VideoFileSource(path) as source:
        pixels = next(iter(source)).pixels[16]
    shown = {number: pixels[32 * number + 16].tolist() for number in range(len(greys))}
    assert shown == {number: [grey] * 3 for number, grey in enumerate(greys)}


def test_moving_pictures_that_are_not_painted_stay_as_they_are(tmp_path: Path, styles_folder: Path) -> None:
    source, style = (
        make_media.lossless(tmp_path / "in.mkv", "64x48", frames=12),
        styles_folder / "invert.onnx",
    )
    for name, how in (("identity.mkv", {"engine": "identity"}), ("none.mkv", {"strength": 0.0})):
        run_video(VideoOptions(source, tmp_path / name, str(style), codec="ffv1", **how))  # type: ignore[arg-type]
        with VideoFileSource(source) as before, VideoFileSource(tmp_path / name) as after:
            for one, other in zip(before, after, strict=True):
                np.testing.assert_array_equal(other.pixels, one.pixels)
