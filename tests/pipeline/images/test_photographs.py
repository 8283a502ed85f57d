"""What people's pictures carry beside their pixels: more bytes, transparency, profiles, EXIF, motion."""

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from pipeline.common.errors import InputError
from pipeline.images.job import ImageOptions, ImageSummary, run_images
from pipeline.images.reading import read_image, read_picture, upright

_TURNED = ExifTags.Base.Orientation


@pytest.fixture
def identity(styles_folder: Path) -> str:
    return str(styles_folder / "invert.onnx")


def paint(source: Path, target: Path, style: str) -> ImageSummary:
    """With an engine that changes nothing."""
    return run_images(ImageOptions((source,), target, style, engine="identity"))


def disc(alpha: int = 255) -> Image.Image:
    """A red disc, clear elsewhere over hidden green; one half of it ``alpha``."""
    y, x = np.mgrid[:40, :60]
    inside = (y - 20) ** 2 + (x - 30) ** 2 < 15**2
    pixels = np.zeros((40, 60, 4), np.uint8)
    pixels[..., 1] = 255
    pixels[inside] = (255, 0, 0, 255)
    pixels[inside & (x < 30), 3] = alpha
    return Image.fromarray(pixels)


def test_bytes_behind_a_jpeg_do_not_matter(tmp_path: Path) -> None:
    plain, motion, cut = tmp_path / "a.jpg", tmp_path / "motion.jpg", tmp_path / "cut.jpg"
    Image.effect_noise((64, 48), 60).convert("RGB").save(plain, quality=90)
    data = plain.read_bytes()
    motion.write_bytes(data + b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 4 + b"\xff\xda" + b"\0" * 40)
    assert np.array_equal(read_image(motion), read_image(plain))
    cut.write_bytes(data[: len(data) // 2] + b"\0")
    with pytest.raises(InputError, match="is cut off"):
        read_image(cut)


def test_a_jpeg_with_a_thumbnail_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    thumbnail = BytesIO()
    Image.new("RGB", (16, 16), "red").save(thumbnail, "JPEG")
    whole = BytesIO()
    Image.effect_noise((64, 48), 60).save(whole, "JPEG")
    inside = thumbnail.getvalue()
    segment = b"\xff\xe1" + (len(inside) + 2).to_bytes(2, "big") + inside
    data = whole.getvalue()[:2] + segment + whole.getvalue()[2:]
    (tmp_path / "cut.jpg").write_bytes(data[:-200])
    with pytest.raises(InputError, match="is cut off"):
        read_image(tmp_path / "cut.jpg")


@pytest.mark.parametrize("source", ["in.png", "in.webp", "in.tif"])
@pytest.mark.parametrize("target", ["out.png", "out.tif", "out.webp"])
@pytest.mark.parametrize("alpha", [255, 128])
def test_transparency_is_kept(tmp_path: Path, identity: str, source: str, target: str, alpha: int) -> None:
    lossless = {"lossless": True, "exact": True} if source.endswith("webp") else {}
    disc(alpha).save(tmp_path / source, **lossless)
    done = paint(tmp_path / source, tmp_path / target, identity)
    assert done.notes == ()
    before = np.asarray(disc(alpha)).astype(int)
    with Image.open(tmp_path / target) as image:
        after = np.asarray(image.convert("RGBA")).astype(int)
    assert np.array_equal(after[..., 3], before[..., 3])
    flat = np.zeros((40, 60), bool)
    flat[14:26, 20:40] = True
    off = np.abs(after - before)[flat][..., :3].max()
    assert off <= (8 if target.endswith("webp") else 1)
    assert after[0, 0, :3].tolist() == [255, 255, 255], "what is hidden does not come out"


def test_a_target_without_alpha_gets_white_and_a_line(tmp_path: Path, identity: str) -> None:
    disc().save(tmp_path / "in.png")
    done = paint(tmp_path / "in.png", tmp_path / "out.jpg", identity)
    assert done.notes == (f"{tmp_path / 'in.png'}: its transparency was laid on white: .jpg holds none",)
    assert np.all(read_image(tmp_path / "out.jpg")[0, 0] > 250)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_eight_orientations_are_those_of_exif(orientation: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (4, 6, 4), np.uint8)
    exif = Image.Exif()
    exif[_TURNED] = orientation
    stored = BytesIO()
    Image.fromarray(pixels).save(stored, "PNG", exif=exif)
    with Image.open(stored) as image:
        from PIL import ImageOps

        wanted = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(upright(pixels, orientation), wanted)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_a_turned_picture_with_alpha_stands_upright(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[_TURNED] = 6
    disc(128).save(tmp_path / f"in{suffix}", exif=exif)
    picture = read_picture(tmp_path / f"in{suffix}")
    assert picture.pixels.shape == (60, 40, 3)
    assert picture.alpha is not None
    assert (picture.alpha[25, 20], picture.alpha[35, 20], picture.alpha[0, 0]) == (128, 255, 0)


def _wide_gamut() -> bytes:
    """An RGB profile with another red and green than sRGB: its own bytes, with two columns exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132], "big")
    entries = {bytes(profile[132 + 12 * n : 136 + 12 * n]): 136 + 12 * n for n in range(count)}
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = profile[green : green + 4], profile[red : red + 4]
    place = profile.find("sRGB".encode("utf-16-be"))
    profile[place : place + 8] = "odd!".encode("utf-16-be")
    return bytes(profile)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_colours_are_converted_by_their_profile_and_exif_is_kept(
    tmp_path: Path, identity: str, suffix: str
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[_TURNED] = "A camera", 6
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2020:01:02 03:04:05"
    source, target = tmp_path / "in.jpg", tmp_path / f"out{suffix}"
    Image.new("RGB", (32, 16), (200, 40, 60)).save(source, quality=100, icc_profile=_wide_gamut(), exif=exif)
    done = paint(source, target, identity)
    assert done.notes == (f"{source}: its colours were converted from 'odd! built-in' to sRGB",)
    with Image.open(target) as image:
        assert image.size == (16, 32)
        assert "icc_profile" not in image.info
        kept = image.getexif()
        assert kept[ExifTags.Base.Make] == "A camera"
        assert kept.get(_TURNED, 1) == 1
        assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == "2020:01:02 03:04:05"
        assert np.abs(np.asarray(image.convert("RGB"))[8, 8].astype(int) - (40, 200, 60)).max() <= 4


def test_srgb_is_left_as_it_is_and_a_broken_profile_is_told(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile, words in ((srgb, ""), (b"no profile" * 20, "colour profile cannot be used")):
        Image.new("RGB", (8, 8), (200, 40, 60)).save(tmp_path / "in.png", icc_profile=profile)
        picture = read_picture(tmp_path / "in.png")
        assert picture.pixels[0, 0].tolist() == [60, 40, 200]
        assert words in "".join(picture.notes)
        assert bool(picture.notes) is bool(words)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_is_told(tmp_path: Path, identity: str, suffix: str) -> None:
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "green", "blue")]
    frames[0].save(tmp_path / f"in{suffix}", save_all=True, append_images=frames[1:], duration=100)
    done = paint(tmp_path / f"in{suffix}", tmp_path / "out.png", identity)
    (note,) = done.notes
    assert "the first of 3 pictures is painted; for all use `brushstream video`" in note


def tiff_of_16_bits(path: Path, red: int, green: int, blue: int, alpha: int) -> Path:
    """Four pixels with alpha that is not multiplied into the colours (TIFF 6.0, ExtraSamples 2)."""
    at = 8 + 2 + 11 * 12 + 4
    short, long = 3, 4
    entries = [
        (256, long, 1, 2), (257, long, 1, 2), (258, short, 4, at), (259, short, 1, 1), (262, short, 1, 2),
        (273, long, 1, at + 8), (277, short, 1, 4), (278, long, 1, 2), (279, long, 1, 32), (284, short, 1, 1),
        (338, short, 1, 2),
    ]  # fmt: skip
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries) + struct.pack("<I", 0)
    bits, pixels = struct.pack("<4H", 16, 16, 16, 16), struct.pack("<4H", red, green, blue, alpha) * 4
    path.write_bytes(head + body + bits + pixels)
    return path


def test_tiff_of_16_bits_keeps_its_colours_under_alpha(tmp_path: Path) -> None:
    picture = read_picture(tiff_of_16_bits(tmp_path / "in.tif", 10000, 40000, 60000, 128 * 257))
    assert picture.alpha is not None
    assert set(picture.alpha.ravel().tolist()) == {128}
    wanted = [value / 257 * 128 / 255 + 127 for value in (60000, 40000, 10000)]
    np.testing.assert_allclose(picture.pixels, np.broadcast_to(wanted, (2, 2, 3)), atol=1)
