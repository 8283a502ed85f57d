"""The kernel distance against sums done by hand, and what it says of kinds of pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipeline.common.errors import InputError
from training.evaluation.kernel_distance import (
    LAYER,
    KernelDistance,
    cycle_error,
    kernel_distance,
    kernel_distance_error,
)
from training.losses.encoder import VggEncoder


def test_two_and_two_points_by_hand() -> None:
    """d = 1 and a target of root mean square 1: x = (1, 2), y = (1, -1), k(a, b) = (ab + 1)^3."""
    x, y = torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [-1.0]])
    expected = 3.0**3 + 0.0 - 2 * (8 + 0 + 27 - 1) / 4
    assert kernel_distance(x, y) == pytest.approx(expected)


def test_the_scale_of_features_does_not_count() -> None:
    x, y = torch.rand(5, 8), torch.rand(7, 8) + 0.5
    assert kernel_distance(300 * x, 300 * y) == pytest.approx(kernel_distance(x, y), rel=1e-6)


def test_it_is_unbiased_and_grows_with_the_difference() -> None:
    torch.manual_seed(0)
    same = [kernel_distance(torch.randn(6, 4) + 1, torch.randn(8, 4) + 1) for _ in range(400)]
    spread = float(np.std(same)) / 20
    assert abs(float(np.mean(same))) < 4 * spread
    near, far = (kernel_distance(torch.randn(200, 4) + s, torch.randn(200, 4) + 1) for s in (1.3, 2.0))
    assert 0 < near < far


def test_the_error_is_the_spread_over_sets_of_one_kind() -> None:
    torch.manual_seed(0)
    target = torch.randn(400, 4) + 1
    sets = [torch.randn(30, 4) + 1.2 for _ in range(60)]
    spread = float(np.std([kernel_distance(one, target) for one in sets]))
    told = float(np.median([kernel_distance_error(one, target) for one in sets[:15]]))
    assert told == pytest.approx(spread, rel=0.35)


def test_one_picture_has_no_distance() -> None:
    with pytest.raises(ValueError, match="two of each kind"):
        kernel_distance(torch.rand(1, 3), torch.rand(4, 3))


def test_frames_of_the_folder_are_nearer_than_others(tmp_path: Path, full_vgg: Path) -> None:
    rng = np.random.default_rng(0)
    coarse = [cv2.resize(rng.integers(0, 256, (4, 4, 3), np.uint8), (32, 32)) for _ in range(16)]
    fine = [rng.integers(0, 256, (32, 32, 3), np.uint8) for _ in range(8)]
    for number, picture in enumerate(coarse[:8]):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    (tmp_path / "broken.png").write_bytes(b"no")
    distance = KernelDistance(VggEncoder((LAYER,), full_vgg), tmp_path, 32)
    same, other = distance(coarse[8:]), distance(fine, "other")
    assert same["kernel_distance"] is not None
    assert other["other"] is not None
    assert abs(same["kernel_distance"]) < 0.3 * other["other"]
    assert same["kernel_distance_error"] is not None
    assert distance(fine[:2])["kernel_distance_error"] is None


def test_an_empty_target_is_refused(tmp_path: Path, full_vgg: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(InputError, match=r"--targets .*: two pictures at least"):
        KernelDistance(VggEncoder((LAYER,), full_vgg), tmp_path, 32)


def test_cycle_error_is_in_grey_levels() -> None:
    frames = [np.full((8, 8, 3), value, np.uint8) for value in (10, 200)]
    painted = [255 - frame for frame in frames]
    assert cycle_error(frames, painted, lambda frame: 255 - frame) == 0.0
    assert cycle_error(frames, painted, lambda frame: 250 - frame) == 5.0
