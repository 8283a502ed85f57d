"""Pictures from files and folders, and the scene the program draws."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.common.errors import InputError, InputNotFoundError
from pipeline.images.job import ImageOptions, run_images
from pipeline.images.reading import list_images, read_image
from pipeline.live.sources.synthetic import SyntheticSource


def save(path: Path, pixels: np.ndarray) -> Path:
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())
    return path


def picture(height: int = 20, width: int = 30) -> np.ndarray:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2] = (200, 30, 60)
    return pixels


def test_a_folder_comes_in_natural_order_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ("img10.png", "IMG2.PNG", "img1.jpg", ".hidden.png"):
        (tmp_path / name).touch()
    (tmp_path / "notes.txt").touch()
    assert [p.name for p in list_images([tmp_path])] == ["img1.jpg", "IMG2.PNG", "img10.png"]


def test_names_of_any_alphabet_are_read(tmp_path: Path) -> None:
    path = save(tmp_path / "绘画 é.png", picture())
    assert np.array_equal(read_image(path), picture())


def test_grey_and_sixteen_bits_become_bgr_of_eight(tmp_path: Path) -> None:
    grey = save(tmp_path / "grey.png", np.full((4, 5), 77, np.uint8))
    deep = save(tmp_path / "deep.png", np.full((4, 5, 3), 77 * 257, np.uint16))
    for path in (grey, deep):
        pixels = read_image(path)
        assert (pixels.shape, pixels.dtype) == ((4, 5, 3), np.uint8)
        assert np.all(pixels == 77)


@pytest.mark.parametrize("deep", [False, True])
def test_what_is_transparent_is_laid_on_white(tmp_path: Path, deep: bool) -> None:
    rgba = np.zeros((2, 2, 4), np.uint16 if deep else np.uint8)
    rgba[0, 0, 3] = 65535 if deep else 255
    pixels = read_image(save(tmp_path / "a.png", rgba))
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[1, 1].tolist() == [255, 255, 255]


def test_the_exif_tag_turns_a_photo_upright(tmp_path: Path) -> None:
    data = cv2.imencode(".jpg", picture(20, 30))[1].tobytes()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # 6: turn right
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    path = tmp_path / "turned.jpg"
    path.write_bytes(data[:2] + segment + data[2:])
    pixels = read_image(path)
    assert pixels.shape == (30, 20, 3)
    assert pixels[:, -4:].mean() > pixels[:, :4].mean()  # what was on top is on the right


def test_broken_files_are_left_out_and_named(tmp_path: Path, styles_folder: Path) -> None:
    save(tmp_path / "1.png", picture())
    (tmp_path / "2.png").write_text("no picture")
    (tmp_path / "3.jpg").touch()
    whole = save(tmp_path / "4.jpg", picture(200, 300)).read_bytes()
    (tmp_path / "4.jpg").write_bytes(whole[: len(whole) // 2])
    save(tmp_path / "5.webp", picture(8, 9))
    told: list[tuple[int, int]] = []
    style = str(styles_folder / "invert.onnx")
    wanted = ImageOptions((tmp_path,), tmp_path / "out", style, engine="identity")
    done = run_images(wanted, lambda number, count: told.append((number, count)))
    assert [path.name for path in done.written] == ["1.png", "5.webp"]
    assert [path.name for path, _ in done.skipped] == ["2.png", "3.jpg", "4.jpg"]
    assert told == [(number, 5) for number in range(1, 6)]


def test_inputs_that_cannot_be_are_refused(tmp_path: Path, styles_folder: Path) -> None:
    with pytest.raises(InputNotFoundError, match="does not exist"):
        list_images([tmp_path / "missing.png"])
    with pytest.raises(InputError, match="no pictures"):
        list_images([tmp_path])
    with pytest.raises(InputError, match="named"):
        list_images([])
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(InputError, match="none of 1 pictures"):
        run_images(ImageOptions((tmp_path,), tmp_path / "out", str(styles_folder / "invert.onnx")))


def test_the_scene_moves_and_is_the_same_on_every_run() -> None:
    first, again = SyntheticSource((48, 64)), SyntheticSource((48, 64))
    assert np.array_equal(first.frame(7).pixels, again.frame(7).pixels)
    assert not np.array_equal(first.frame(7).pixels, first.frame(8).pixels)
    other = SyntheticSource((48, 64), seed=1)
    assert not np.array_equal(first.frame(7).pixels, other.frame(7).pixels)


def test_the_scene_ends_when_it_should() -> None:
    frames = list(SyntheticSource((16, 20), rate=10, frames=4))
    assert [f.index for f in frames] == [0, 1, 2, 3]
    assert [float(f.pts or 0) for f in frames] == [0.0, 0.1, 0.2, 0.3]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (8, 8), (359, 641), (16, 1024), (512, 16)])
def test_the_scene_takes_every_size(size: tuple[int, int]) -> None:
    frame = SyntheticSource(size).frame(11)
    assert frame.size == size
    assert frame.pixels.dtype == np.uint8


def test_the_scene_has_edges_texture_and_colours() -> None:
    pixels = SyntheticSource((120, 160)).frame(0).pixels
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(float)
    steps = np.abs(np.diff(grey, axis=1))
    assert 0.1 < (steps < 3).mean() < 0.5
    assert (steps > 40).mean() > 0.005
    assert len(np.unique(pixels.reshape(-1, 3) // 32, axis=0)) > 30


def test_the_scene_refuses_nonsense() -> None:
    with pytest.raises(InputError, match="positive"):
        SyntheticSource((0, 10))
    with pytest.raises(InputError, match="positive"):
        SyntheticSource((10, 10), frames=0)
