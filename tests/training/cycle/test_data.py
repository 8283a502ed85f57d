"""Two folders are checked before the work."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipeline.common.errors import InputError
from tests.training.cycle.conftest import RECIPE, pictures
from training.cycle.data import PairedSamples, side_of, two_sides
from training.cycle.recipe import CycleRun


def test_nested_pictures_are_found_and_one_in_ten_set_aside(tmp_path: Path) -> None:
    side = side_of(pictures(tmp_path / "many", 60, (1.0, 1.0, 1.0), 4), "A_FOLDER")
    assert len({*side.train, *side.held_out}) == len(side.train) + len(side.held_out) == 60
    assert 2 <= len(side.held_out) <= 12
    assert {path.parent.name for path in side.train} == {"many", "nested"}


def test_broken_pictures_are_skipped_and_counted(run: CycleRun) -> None:
    samples = PairedSamples.of(two_sides(run), RECIPE)
    drawn = list(samples.batches(2, 0, 10, 1, slice(None)))
    assert {tuple(side.shape) for pair in drawn for side in pair} == {(2, 3, 32, 32)}
    assert samples.broken == 1


def test_what_is_drawn_depends_on_the_step_alone(run: CycleRun) -> None:
    sides = two_sides(run)
    whole = list(PairedSamples.of(sides, RECIPE).batches(2, 0, 6, 1, slice(None)))
    late = list(PairedSamples.of(sides, RECIPE).batches(2, 4, 6, 2, slice(None)))
    assert all(
        torch.equal(x, y)
        for one, other in zip(whole[4:], late, strict=True)
        for x, y in zip(one, other, strict=True)
    )


def few(folder: Path) -> Path:
    return pictures(folder, 9, (1.0, 1.0, 1.0), 3)


def flat(folder: Path) -> Path:
    folder.mkdir()
    for number in range(12):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((32, 32, 3), 20 * number, np.uint8))
    return folder


def broken(folder: Path) -> Path:
    folder.mkdir()
    for number in range(12):
        (folder / f"{number}.jpg").write_bytes(b"not a picture")
    return folder


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder, "B_FOLDER .*: a folder of photographs was expected, there is none"),
        (few, "B_FOLDER .*: 9 pictures can be read; 10 at least are needed"),
        (flat, "B_FOLDER .*: every picture is of one colour"),
        (broken, "B_FOLDER .*: 0 pictures of 12 looked at can be read"),
    ],
)
def test_a_folder_that_will_not_do(tmp_path: Path, make: Callable[[Path], Path], message: str) -> None:
    with pytest.raises(InputError, match=message):
        side_of(make(tmp_path / "side"), "B_FOLDER")


def test_the_same_folder_twice(run: CycleRun, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(run.folder_a)
    with pytest.raises(InputError, match="the same folder twice"):
        two_sides(replace(run, folder_b=link))
