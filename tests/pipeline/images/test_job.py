"""The image job: files, folders, sizes, names, and inputs that cannot be used."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.common.errors import InputError, InputNotFoundError, OutputError
from pipeline.images import job
from pipeline.images.job import ImageOptions, run_images
from pipeline.images.reading import read_image
from pipeline.images.writing import write_image


@pytest.fixture
def invert(styles_folder: Path) -> str:
    return str(styles_folder / "invert.onnx")


def picture(path: Path, height: int = 12, width: int = 17, value: int = 50) -> Path:
    write_image(path, np.full((height, width, 3), value, np.uint8))
    return path


def test_one_picture_into_one_file(tmp_path: Path, invert: str) -> None:
    target = tmp_path / "out.png"
    done = run_images(ImageOptions((picture(tmp_path / "in.png"),), target, invert))
    assert done.written == (target,)
    assert np.all(read_image(target) == 205)
    assert done.engine


def test_a_folder_of_several_sizes_into_a_new_folder(tmp_path: Path, invert: str) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    sizes = {"a1.png": (12, 17), "a2.png": (12, 17), "a10.png": (1, 1), "b.png": (70, 65)}
    for name, size in sizes.items():
        picture(folder / name, *size)
    seen: list[tuple[int, int]] = []
    done = run_images(ImageOptions((folder,), out, invert), lambda *progress: seen.append(progress))
    assert [p.name for p in done.written] == ["a1.png", "a2.png", "a10.png", "b.png"]
    assert {p.name: read_image(p).shape[:2] for p in done.written} == sizes
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_broken_and_too_large_ones_are_left_out_and_named(
    tmp_path: Path, invert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "MAX_PIXELS", 1000)
    broken = tmp_path / "broken.jpg"
    broken.write_text("no picture")
    inputs = (broken, picture(tmp_path / "large.png", 40, 40), picture(tmp_path / "good.png"))
    done = run_images(ImageOptions(inputs, tmp_path / "out", invert))
    assert [p.name for p in done.written] == ["good.png"]
    assert [(p.name, "--size" in why) for p, why in done.skipped] == [
        ("broken.jpg", False),
        ("large.png", True),
    ]
    with pytest.raises(InputError, match="one piece"):
        run_images(ImageOptions(inputs[1:2], tmp_path / "out2", invert))
    assert not (tmp_path / "out2").exists()


def test_size_scales_each_picture(tmp_path: Path, invert: str) -> None:
    target = tmp_path / "out.jpg"
    run_images(ImageOptions((picture(tmp_path / "in.png", 80, 60),), target, invert, size=(20, 30)))
    assert read_image(target).shape == (20, 30, 3)


def test_equal_names_from_two_folders_both_survive(tmp_path: Path, invert: str) -> None:
    for folder, value in (("x", 10), ("y", 20)):
        (tmp_path / folder).mkdir()
        picture(tmp_path / folder / "same.png", value=value)
    done = run_images(ImageOptions((tmp_path / "x", tmp_path / "y"), tmp_path / "out", invert))
    assert [p.name for p in done.written] == ["same.png", "same-2.png"]
    assert [int(read_image(p)[0, 0, 0]) for p in done.written] == [245, 235]


def test_an_odd_format_becomes_png(tmp_path: Path, invert: str) -> None:
    source = tmp_path / "in.bmp"
    source.write_bytes(cv2.imencode(".bmp", np.zeros((5, 5, 3), np.uint8))[1].tobytes())
    done = run_images(ImageOptions((source,), tmp_path / "out", invert))
    assert [p.name for p in done.written] == ["in.png"]


def test_refusals_leave_everything_as_it_was(tmp_path: Path, invert: str) -> None:
    one, two = picture(tmp_path / "1.png"), picture(tmp_path / "2.png", value=9)
    before = two.read_bytes()
    cases = [
        (ImageOptions((tmp_path / "no.png",), tmp_path / "o.png", invert), InputNotFoundError, "not exist"),
        (ImageOptions((one, two), tmp_path / "o.png", invert), OutputError, "name a folder"),
        (ImageOptions((one,), two, invert), OutputError, "already there"),
        (ImageOptions((one,), one, invert, overwrite=True), OutputError, "over itself"),
        (ImageOptions((one,), tmp_path / "no" / "o.png", invert), OutputError, "does not exist"),
        (ImageOptions((one,), tmp_path, invert), OutputError, "over itself"),
    ]
    for options, error, reason in cases:
        with pytest.raises(error, match=reason):
            run_images(options)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1.png", "2.png"]
    assert two.read_bytes() == before


def test_ctrl_c_keeps_finished_pictures(tmp_path: Path, invert: str) -> None:
    inputs = tuple(picture(tmp_path / f"{i}.png") for i in range(3))

    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    done = run_images(ImageOptions(inputs, tmp_path / "out", invert), interrupt)
    assert done.interrupted
    assert [p.name for p in done.written] == ["0.png", "1.png"]


@pytest.mark.parametrize("name", ["out.bmp", "out.gif", "out.HEIC", "out.mp4"])
def test_a_file_that_is_not_written_does_not_become_a_folder(tmp_path: Path, invert: str, name: str) -> None:
    with pytest.raises(OutputError, match=r"choose one of .png"):
        run_images(ImageOptions((picture(tmp_path / "in.png"),), tmp_path / name, invert))
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]
