"""Distances against closed forms: equal pictures, shifted and scaled Gaussians, known patterns."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from training.evaluation import distances
from training.losses import moments
from training.losses.encoder import VggEncoder


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def relative(seen: Tensor, target: Tensor) -> float:
    return distances.relative_wasserstein(moments.gaussian(seen), moments.gaussian_target(target))


@pytest.fixture(scope="module")
def encoder(random_vgg: Path) -> VggEncoder:
    return VggEncoder(distances.LAYERS, random_vgg)


@pytest.fixture(scope="module")
def painting() -> Tensor:
    return torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(1))


def test_a_gaussian_is_no_distance_from_itself() -> None:
    features = drawn(1, 12, 9, 11)
    assert relative(features, features) == pytest.approx(0.0, abs=1e-6)


def test_many_weak_directions_do_not_count_below_nothing() -> None:
    """Eigenvalues far below the largest: with a floor the distance would be off by several percent."""
    scales = torch.logspace(0, -6, 64, dtype=torch.float64).view(1, -1, 1, 1)
    features = drawn(1, 64, 20, 20) * scales
    target = moments.gaussian_target(features)
    assert relative(features, features) == pytest.approx(0.0, abs=1e-6)
    floored = moments.wasserstein_distance(moments.gaussian(features), target)
    assert float(floored) < -0.01


def test_a_shift_counts_in_deviations_of_the_target() -> None:
    features = drawn(1, 5, 40, 40)
    spread = float(moments.gaussian(features).covariance.diagonal(dim1=1, dim2=2).sum())
    shifted = features + torch.tensor([3.0, 0, 4.0, 0, 0], dtype=torch.float64).view(1, 5, 1, 1)
    assert relative(shifted, features) == pytest.approx(5.0 / spread**0.5, rel=1e-6)


def test_a_scale_counts_by_its_excess() -> None:
    features = drawn(1, 5, 40, 40)
    features = features - features.mean(dim=(2, 3), keepdim=True)
    assert relative(1.5 * features, features) == pytest.approx(0.5, rel=1e-6)


def test_the_painting_itself_and_its_crops_bound_the_scale(encoder: VggEncoder, painting: Tensor) -> None:
    style = distances.StyleDistance(encoder, painting)
    assert style(painting) == pytest.approx(0.0, abs=1e-5)
    assert style.own > 0.01
    assert style.normalized(style.own, 3.0) == 0.0
    assert style.normalized(3.0, 3.0) == 1.0
    flat = torch.full((1, 3, 64, 64), 0.5)
    assert style.normalized(style.own, style.own) is None
    assert style(flat) > style.own
    grams = distances.GramDistance(encoder, painting)
    assert grams(painting) == pytest.approx(0.0, abs=1e-9)
    assert grams(flat) > 0.0


def test_crops_are_the_corners_at_three_quarters(painting: Tensor) -> None:
    cut = distances.crops(painting)
    assert [tuple(crop.shape) for crop in cut] == [(1, 3, 72, 96)] * 4
    assert torch.equal(cut[3], painting[:, :, 24:, 32:])
    assert torch.equal(cut[1], painting[:, :, :72, 32:])


def test_self_similarity_of_known_patterns() -> None:
    one, other = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    halves = torch.stack([one, one, other, other], dim=1).view(1, 2, 2, 2)
    stripes = torch.stack([one, other, one, other], dim=1).view(1, 2, 2, 2)
    assert distances.self_similarity(halves, halves) == pytest.approx(1.0)
    assert distances.self_similarity(3.0 * halves, halves) == pytest.approx(1.0)
    assert distances.self_similarity(halves.flip(1), halves) == pytest.approx(
        1.0
    )  # other features, same pattern
    assert distances.self_similarity(stripes, halves) == pytest.approx(0.5)


def test_luma_structure_ignores_brightness_and_contrast() -> None:
    photo = torch.rand(1, 3, 40, 48, generator=torch.Generator().manual_seed(3))
    assert distances.luma_structure(photo, photo) == pytest.approx(1.0)
    assert distances.luma_structure(0.3 + 0.5 * photo, photo) == pytest.approx(1.0, abs=0.01)
    assert distances.luma_structure(1.0 - photo, photo) == pytest.approx(-1.0, abs=0.05)
    other = torch.rand(1, 3, 40, 48, generator=torch.Generator().manual_seed(4))
    assert abs(distances.luma_structure(other, photo)) < 0.2


def test_an_untouched_photograph_keeps_its_content(encoder: VggEncoder, painting: Tensor) -> None:
    kept = distances.content_figures(encoder, painting, painting)
    assert kept == pytest.approx({"content": 0.0, "self_similarity": 1.0, "luma_structure": 1.0}, abs=1e-6)
    lost = distances.content_figures(encoder, painting, painting.flip(3))
    assert lost["content"] > 0.01
    assert max(lost["self_similarity"], lost["luma_structure"]) < 0.98
