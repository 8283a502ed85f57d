"""Transparent video: what is hidden stays hidden, on white."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.video.reading.media import Position, pixels_crc
from pipeline.video.reading.video_file import VideoFileSource
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg

DISC = "lt(hypot(X-32,Y-24),16)"


def disc(path: Path, *encoder: str) -> Path:
    """A red disc, alpha 0 elsewhere over hidden green, half transparent in the last eight rows."""
    planes = f"geq=r='if({DISC},255,0)':g='if({DISC},0,255)':b=0:a='if({DISC},255,if(gte(Y,40),128,0))'"
    make_media.ffmpeg(
        "-f", "lavfi", "-i", "color=black:s=64x48:r=5:d=0.6,format=rgba", "-vf", planes, *encoder, path
    )  # fmt: skip
    return path


@pytest.mark.parametrize(
    "encoder",
    [
        ("-c:v", "qtrle", "-pix_fmt", "argb"),
        ("-c:v", "png", "-pix_fmt", "rgba"),
        ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"),
        ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-crf", "5", "-b:v", "0"),
        ("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-crf", "4", "-b:v", "4M"),
    ],
)
@pytest.mark.parametrize("size", [None, (24, 32)])
def test_transparent_video_is_laid_on_white(
    tmp_path: Path, encoder: tuple[str, ...], size: tuple[int, int] | None
) -> None:
    exact = 0 if "argb" in encoder or "rgba" in encoder else 6 if "prores_ks" in encoder else 12
    suffix = ".webm" if "yuva420p" in encoder else ".mov"
    with VideoFileSource(disc(tmp_path / f"in{suffix}", *encoder), size) as source:
        pixels = next(iter(source)).pixels.astype(int)
        list(source)
    middle, corner, low = pixels[pixels.shape[0] // 2, pixels.shape[1] // 2], pixels[1, 1], pixels[-2, 1]
    assert np.abs(middle - (0, 0, 255)).max() <= exact
    assert np.abs(corner - 255).max() <= exact
    assert np.abs(low - (127, 255, 127)).max() <= exact
    assert source.notes[-1] == "3 transparent pictures were laid on white"


def test_opaque_pictures_with_an_alpha_channel_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "in.mov"
    make_media.ffmpeg(*make_media.TESTSRC, "-c:v", "qtrle", "-pix_fmt", "argb", path)
    with VideoFileSource(path) as source:
        frames = list(source)
    assert len(frames) == 25
    assert source.notes == []


def test_a_transparent_webm_is_resumed_where_it_was(tmp_path: Path) -> None:
    path = disc(tmp_path / "in.webm", "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p")
    with VideoFileSource(path) as source:
        frames = list(source)
    with VideoFileSource(path) as source:
        before = frames[1]
        source.skip_to(Position(1, before.pts, pixels_crc(before.pixels)))
        rest = list(source)
    assert [frame.pts for frame in rest] == [frames[2].pts]
    np.testing.assert_array_equal(rest[0].pixels, frames[2].pixels)
