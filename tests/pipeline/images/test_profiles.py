"""Pictures with profiles of inks and of grey: their colours become sRGB."""

import struct
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.images.reading import read_picture

INKS = {
    (0, 0, 0, 0): (100, 0, 0),
    (1, 0, 0, 0): (55, -37, -50),
    (0, 1, 0, 0): (48, 74, -3),
    (0, 0, 1, 0): (89, -5, 93),
}
"""CIELAB of paper and of three inks, as in common printing; mixtures are their means, black is black."""


def profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile of version 2.4 with these tags (ICC.1:2001-04)."""
    name = b"a test profile\0"
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78), **tags}
    place, table, content = 128 + 4 + 12 * len(tags), b"", b""
    for tag, data in tags.items():
        data += bytes(-len(data) % 4)
        table += tag + struct.pack(">II", place + len(content), len(data))
        content += data
    d50 = struct.pack(">3i", 63190, 65536, 54061)
    head = struct.pack(">I4s", place + len(content), b"\0" * 4) + b"\x02\x40\0\0" + kind + space + connection
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(24) + bytes(4) + d50
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + content


def of_inks() -> bytes:
    """CMYK to CIELAB by a table of two nodes a side."""
    nodes = b""
    for inks in product((0, 1), repeat=4):
        single = [
            INKS[tuple(int(at == n and ink) for n in range(4))] for at, ink in enumerate(inks[:3]) if ink
        ]
        lab = np.mean(single or [INKS[0, 0, 0, 0]], 0) * (0 if inks[3] else 1)
        nodes += bytes([round(lab[0] * 2.55), round(lab[1] + 128), round(lab[2] + 128)])
    straight = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 * (n % 4 == 0) for n in range(9)))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + straight * 4 + nodes + straight * 3
    return profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table})


def of_grey(gamma: float) -> bytes:
    """Grey with a bare power."""
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    return profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": white, b"kTRC": curve})


def srgb(lab: tuple[float, float, float]) -> np.ndarray:
    """RGB 0..255 of CIELAB with the white of D50, clipped."""
    y = (lab[0] + 16) / 116
    f = np.array([y + lab[1] / 500, y, y - lab[2] / 200])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * [0.9642, 1, 0.8249]
    matrix = [[3.1339, -1.6169, -0.4906], [-0.9788, 1.9161, 0.0335], [0.0719, -0.2290, 1.4052]]
    linear = np.clip(np.array(matrix) @ xyz, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
@pytest.mark.parametrize("progressive", [False, True])
def test_inks_become_srgb(tmp_path: Path, suffix: str, progressive: bool) -> None:
    path = tmp_path / f"print{suffix}"
    picture = Image.new("CMYK", (32 * len(INKS), 32))
    for place, inks in enumerate(INKS):
        picture.paste(tuple(255 * ink for ink in inks), (32 * place, 0, 32 * place + 32, 32))
    options = {"quality": 100, "subsampling": 0, "progressive": progressive} if suffix == ".jpg" else {}
    picture.save(path, icc_profile=of_inks(), **options)
    read = read_picture(path)
    assert any("'a test profile' to sRGB" in note for note in read.notes), read.notes
    for place, lab in enumerate(INKS.values()):
        found = read.pixels[16, 32 * place + 16, ::-1].astype(float)
        np.testing.assert_allclose(found, srgb(lab), atol=4)


def test_a_turned_picture_of_inks_is_upright(tmp_path: Path) -> None:
    picture = Image.new("CMYK", (40, 20), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "print.jpg", icc_profile=of_inks(), exif=exif, quality=95)
    read = read_picture(tmp_path / "print.jpg").pixels
    assert read.shape == (40, 20, 3)
    assert read[5, 10, 2] < 60 < 200 < read[35, 10, 2]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_grey_by_its_own_curve(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"grey{suffix}"
    Image.new("L", (16, 16), 128).save(path, icc_profile=of_grey(1.8))
    read = read_picture(path)
    linear = (128 / 255) ** 1.8
    assert read.pixels[8, 8].tolist() == pytest.approx(
        [255 * (1.055 * linear ** (1 / 2.4) - 0.055)] * 3, abs=2
    )
    assert any("'a test profile' to sRGB" in note for note in read.notes)


def test_inks_without_a_profile_are_read(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save(tmp_path / "print.jpg", progressive=True)
    blue, green, red = read_picture(tmp_path / "print.jpg").pixels[8, 8].tolist()
    assert red < 60 < 150 < min(green, blue)
