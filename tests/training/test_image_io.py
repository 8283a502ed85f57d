"""Pictures in and out: depth, profile, orientation, and what is refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms

from pipeline.common.errors import InputError, OutputError
from training import image_io

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ORIENTATION = 0x0112


def ramp(height: int = 40, width: int = 64) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    return torch.stack([rows, columns, rows * columns]).unsqueeze(0)


@pytest.mark.parametrize(("suffix", "bits"), [("png", 8), ("png", 16), ("tif", 8), ("tiff", 16)])
def test_what_is_written_comes_back_with_its_profile(tmp_path: Path, suffix: str, bits: int) -> None:
    path = tmp_path / f"p.{suffix}"
    image_io.write_picture(path, ramp(), bits, PROFILE)
    back = image_io.read_picture(path, "content")
    assert back.image.dtype == torch.float32
    assert (back.image - ramp()).abs().max() <= 0.5001 / (2**bits - 1)
    assert back.icc_profile == PROFILE
    assert list(tmp_path.iterdir()) == [path]


def test_sixteen_bits_are_sixteen_in_the_file(tmp_path: Path) -> None:
    for name in ("p.png", "p.tif"):
        image_io.write_picture(tmp_path / name, ramp(), 16)
        pixels = cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        assert pixels.dtype == np.uint16
        assert len(np.unique(pixels)) > 256
    assert tifffile.imread(tmp_path / "p.tif")[0, -1].tolist() == [0, 65535, 0]  # RGB, not BGR


def test_a_jpeg_keeps_its_profile(tmp_path: Path) -> None:
    image_io.write_picture(tmp_path / "p.jpg", ramp(), 8, PROFILE)
    back = image_io.read_picture(tmp_path / "p.jpg", "content")
    assert back.icc_profile == PROFILE
    assert (back.image - ramp()).abs().max() < 0.06


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(tmp_path: Path, kind: str) -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :30] = 255  # white on the left; orientation 6 shows it turned right: white on top
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[ORIENTATION] = 6
    picture.save(tmp_path / "turned", kind, exif=exif)
    image = image_io.read_picture(tmp_path / "turned", "content").image
    assert image.shape == (1, 3, 60, 40)
    assert image[:, :, :28].mean() > 0.95
    assert image[:, :, 32:].mean() < 0.05


def test_a_profile_for_other_channels_is_not_carried_over(tmp_path: Path) -> None:
    gray_profile = PROFILE[:16] + b"GRAY" + PROFILE[20:]
    Image.new("L", (40, 40), 128).save(tmp_path / "gray.png", icc_profile=gray_profile)
    read = image_io.read_picture(tmp_path / "gray.png", "content")
    assert read.icc_profile is None
    assert read.image.shape == (1, 3, 40, 40)


def test_alpha_is_dropped(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 40), (255, 0, 0, 10)).save(tmp_path / "a.png")
    assert image_io.read_picture(tmp_path / "a.png", "style").image[0, :, 0, 0].tolist() == [1.0, 0.0, 0.0]


def test_what_is_no_usable_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"content .*absent.*no such file"):
        image_io.read_picture(tmp_path / "absent.png", "content")
    (tmp_path / "text.jpg").write_text("not a picture")
    with pytest.raises(InputError, match=r"style .*text.jpg: a picture was expected"):
        image_io.read_picture(tmp_path / "text.jpg", "style")
    Image.new("RGB", (31, 400)).save(tmp_path / "tiny.png")
    with pytest.raises(InputError, match="31x400 is too small; 32 px"):
        image_io.read_picture(tmp_path / "tiny.png", "content")
    whole = tmp_path / "whole.png"
    image_io.write_picture(whole, ramp(200, 200))
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:60])
    with pytest.raises(InputError, match=r"cut.png: a picture"):
        image_io.read_picture(tmp_path / "cut.png", "content")


def test_a_huge_picture_is_refused_with_its_memory_unless_forced(tmp_path: Path) -> None:
    Image.new("L", (8200, 40)).save(tmp_path / "wide.png")
    with pytest.raises(InputError, match=r"8200x40 is over 8192 px and needs 0\.0 GB.*--force"):
        image_io.read_picture(tmp_path / "wide.png", "content")
    assert image_io.read_picture(tmp_path / "wide.png", "content", force=True).image.shape[3] == 8200


def test_what_could_not_be_written_is_refused_before(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.png, \.tif, \.tiff was expected for 16 bits"):
        image_io.require_writable(tmp_path / "p.jpg", 16)
    with pytest.raises(OutputError, match=r"\.jpg.* was expected for 8 bits"):
        image_io.require_writable(tmp_path / "p.gif", 8)
    with pytest.raises(OutputError, match="does not exist; make it first"):
        image_io.require_writable(tmp_path / "absent" / "p.png", 8)


def test_fitting_keeps_the_proportions_and_the_range() -> None:
    assert image_io.fitted_size(ramp(40, 64), 32) == (20, 32)
    assert image_io.fit(ramp(), 0) is not None
    assert torch.equal(image_io.fit(ramp(), 64), ramp())
    sharp = torch.zeros(1, 3, 32, 32)
    sharp[..., 16:] = 1.0
    larger = image_io.fit(sharp, 64)
    assert larger.shape == (1, 3, 64, 64)
    assert (larger.min(), larger.max()) == (0.0, 1.0)
