"""Closed forms for the loss mathematics."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from training.losses import functional as fn


def random_features(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def checkerboard(side: int) -> Tensor:
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return ((rows + columns) % 2).double().expand(1, 3, side, side)


def test_gram_of_ones_is_one_over_channels() -> None:
    gram = fn.gram_matrix(torch.ones(2, 4, 5, 6))
    assert torch.allclose(gram, torch.full((2, 4, 4), 1 / 4))


def test_gram_of_disjoint_channels_is_diagonal() -> None:
    features = torch.zeros(1, 2, 2, 2)
    features[0, 0, 0, 0], features[0, 1, 1, 1] = 3.0, 4.0
    assert fn.gram_matrix(features)[0].tolist() == [[9 / 8, 0.0], [0.0, 16 / 8]]


def test_gram_equals_an_independent_numpy_computation() -> None:
    features = random_features(2, 7, 9, 11)
    flat = features.numpy().reshape(2, 7, 99)
    expected = np.einsum("nij,nkj->nik", flat, flat) / (7 * 9 * 11)
    assert np.abs(fn.gram_matrix(features).numpy() - expected).max() < 1e-12


def test_gram_is_symmetric_and_positive_semi_definite() -> None:
    gram = fn.gram_matrix(random_features(3, 8, 5, 5) - 0.5)
    torch.testing.assert_close(gram, gram.transpose(1, 2), rtol=1e-12, atol=1e-15)
    assert torch.linalg.eigvalsh(gram).min() > -1e-12


def test_gram_does_not_depend_on_the_size_of_a_repeated_texture() -> None:
    tile = random_features(1, 3, 4, 4)
    assert torch.allclose(fn.gram_matrix(tile), fn.gram_matrix(tile.repeat(1, 1, 3, 5)))


def test_gram_in_bfloat16_is_close_and_comes_in_float32() -> None:
    features = random_features(1, 16, 32, 32, dtype=torch.float32)
    gram = fn.gram_matrix(features.bfloat16())
    assert gram.dtype == torch.float32
    assert torch.allclose(gram, fn.gram_matrix(features), rtol=0.02)


def test_gram_refuses_half_precision_and_other_ranks() -> None:
    with pytest.raises(TypeError, match="float16"):
        fn.gram_matrix(torch.ones(1, 1, 2, 2, dtype=torch.float16))
    with pytest.raises(ValueError, match=r"\(N, C, H, W\).*\(2, 2\)"):
        fn.gram_matrix(torch.ones(2, 2))


def test_gram_distance_is_zero_at_the_target_and_one_at_nothing() -> None:
    target = fn.gram_matrix(random_features(1, 5, 6, 6))
    assert fn.gram_distance(target, target) == 0
    assert fn.gram_distance(torch.zeros_like(target), target) == pytest.approx(1.0)
    assert fn.gram_distance(3 * target.repeat(4, 1, 1), target) == pytest.approx(4.0)


def test_gram_distance_to_a_black_painting_is_finite() -> None:
    assert math.isfinite(fn.gram_distance(torch.zeros(1, 3, 3), torch.zeros(1, 3, 3)))


def test_content_distance_is_relative_to_the_target() -> None:
    target = random_features(2, 3, 4, 4) + 0.5
    assert fn.content_distance(target, target) == 0
    assert fn.content_distance(torch.zeros_like(target), target) == pytest.approx(1.0)
    assert fn.content_distance(10 * target, 10 * target * 1.5) == pytest.approx((0.5 / 1.5) ** 2)


def test_content_distance_refuses_unequal_shapes() -> None:
    with pytest.raises(ValueError, match="must agree"):
        fn.content_distance(torch.ones(1, 3, 4, 4), torch.ones(2, 3, 4, 4))


def test_content_gradient_is_the_difference() -> None:
    features = random_features(1, 2, 3, 3).requires_grad_()
    target = random_features(1, 2, 3, 3, seed=1)
    fn.content_distance(features, target).backward()
    expected = 2 * (features - target) / features.numel() / target.square().mean()
    assert features.grad is not None
    assert torch.allclose(features.grad, expected.detach())


def test_total_variation_of_a_checkerboard_is_two() -> None:
    assert fn.total_variation(checkerboard(6)) == pytest.approx(2.0)


def test_total_variation_of_a_ramp_is_its_slope() -> None:
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    assert fn.total_variation(ramp) == pytest.approx(1.0)
    assert fn.total_variation(torch.full((1, 3, 4, 4), 0.3)) == 0


def test_blur_keeps_flat_pictures_and_removes_a_checkerboard() -> None:
    flat = torch.full((1, 3, 9, 7), 0.25, dtype=torch.float64)
    assert torch.allclose(fn.blur(flat), flat)
    assert torch.allclose(fn.blur(checkerboard(12)), torch.full((1, 3, 12, 12), 0.5, dtype=torch.float64))


def test_blur_of_a_point_is_the_binomial_kernel() -> None:
    point = torch.zeros(1, 1, 9, 9)
    point[0, 0, 4, 4] = 256.0
    row = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0])
    assert torch.equal(fn.blur(point)[0, 0, 2:7, 2:7], torch.outer(row, row))


def test_pyramid_halves_rounding_up() -> None:
    sizes = [tuple(level.shape[2:]) for level in fn.image_pyramid(torch.rand(1, 3, 65, 100), 3)]
    assert sizes == [(65, 100), (33, 50), (17, 25)]


def test_pyramid_refuses_what_is_too_small() -> None:
    with pytest.raises(ValueError, match="too small for 3 octaves; 32 pixels"):
        fn.image_pyramid(torch.rand(1, 3, 31, 64), 3)
    with pytest.raises(ValueError, match="at least 1"):
        fn.image_pyramid(torch.rand(1, 3, 64, 64), 0)


def test_the_mean_form_is_the_sum_over_the_gram_matrix_entries_divided() -> None:
    gram, target = torch.rand(2, 5, 5), torch.rand(1, 5, 5)
    assert torch.allclose(fn.mean_style_distance(gram, target), (gram - target).square().mean())
    assert fn.CONTENT_DISTANCES.keys() == fn.GRAM_DISTANCES.keys()


def test_total_variation_has_four_forms() -> None:
    image = torch.rand(2, 3, 8, 9)
    down, across = image.diff(dim=2), image.diff(dim=3)
    expected = {
        "l1-sum": (down.abs().sum() + across.abs().sum()) / 2,
        "squared-sum": (down.square().sum() + across.square().sum()) / 2,
        "l1-mean": down.abs().mean() + across.abs().mean(),
        "squared-mean": down.square().mean() + across.square().mean(),
    }
    assert tuple(expected) == fn.TV_FORMS
    for form, value in expected.items():
        assert torch.allclose(fn.total_variation(image, form), value)


def test_shares_of_a_batch_have_the_relative_content_term_of_the_whole() -> None:
    features, target = (
        torch.rand(4, 3, 5, 5),
        torch.rand(4, 3, 5, 5) * torch.tensor([1, 2, 3, 4]).view(4, 1, 1, 1),
    )
    whole = fn.content_distance(features, target)
    mean = target.square().mean()
    parts = [fn.content_distance(features[s], target[s], lambda _: mean) for s in (slice(0, 2), slice(2, 4))]
    assert torch.allclose(torch.stack(parts).mean(), whole)
    alone = [fn.content_distance(features[s], target[s]) for s in (slice(0, 2), slice(2, 4))]
    assert not torch.allclose(torch.stack(alone).mean(), whole, rtol=1e-3)
