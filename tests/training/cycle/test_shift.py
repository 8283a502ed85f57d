"""How far features move, against sums done by hand."""

from pathlib import Path

import pytest
import torch

from tests.training.cycle.conftest import pictures
from training.cycle.shift import mean_shift, shift_loss
from training.losses.encoder import VggEncoder

WANTED = {"relu1_1": torch.tensor([3.0, 4.0])}


def moved(by: tuple[float, float]) -> float:
    """The loss of features that moved so far on average, and differently from place to place."""
    torch.manual_seed(0)
    source = torch.rand(2, 2, 4, 4)
    uneven = torch.randn(2, 2, 4, 4)
    uneven -= uneven.mean(dim=(2, 3), keepdim=True)
    result = source + torch.tensor(by).view(1, 2, 1, 1) + uneven
    return shift_loss({"relu1_1": result}, {"relu1_1": source}, WANTED).item()


def test_nothing_moved_is_one_and_just_far_enough_is_zero() -> None:
    assert moved((0.0, 0.0)) == pytest.approx(1.0, rel=1e-5)
    assert moved((3.0, 4.0)) == pytest.approx(0.0, abs=1e-9)


def test_too_far_and_aside_both_cost() -> None:
    assert moved((6.0, 8.0)) == pytest.approx(1.0, rel=1e-5)
    assert moved((3.0, 9.0)) == pytest.approx(25 / 25, rel=1e-5)


def test_the_shift_between_two_folders(tmp_path: Path, full_vgg: Path) -> None:
    encoder = VggEncoder(("relu1_1", "relu2_1"), full_vgg)
    dark = sorted(pictures(tmp_path / "dark", 4, (0.2, 0.2, 0.2), 1).rglob("*.png"))
    light = sorted(pictures(tmp_path / "light", 5, (1.0, 1.0, 1.0), 2).rglob("*.png"))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    there = mean_shift(encoder, ("relu2_1",), dark, light, 32)
    back = mean_shift(encoder, ("relu2_1",), [*light, tmp_path / "broken.png"], dark, 32)
    assert there["relu2_1"].shape == (128,)
    assert there["relu2_1"].abs().max() > 0
    assert torch.allclose(there["relu2_1"], -back["relu2_1"], atol=1e-5)
