"""Mean, covariance and the Wasserstein-2 distance against closed forms."""

import pytest
import torch
from torch import Tensor

from training.losses import functional, moments


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gaussian_of(mean: list[float], covariance: list[list[float]]) -> moments.Gaussian:
    return moments.Gaussian(
        torch.tensor([mean], dtype=torch.float64), torch.tensor([covariance], dtype=torch.float64)
    )


def target_of(mean: list[float], covariance: list[list[float]]) -> moments.GaussianTarget:
    seen = gaussian_of(mean, covariance)
    return moments.GaussianTarget(seen.mean, seen.covariance, moments.matrix_root(seen.covariance))


def test_covariance_is_gram_less_the_means() -> None:
    features = draw(2, 5, 6, 7) + 3
    mean = features.mean(dim=(2, 3))
    expected = functional.gram_matrix(features) - mean.unsqueeze(2) @ mean.unsqueeze(1) / 5
    assert torch.allclose(moments.covariance_matrix(features), expected)
    assert torch.allclose(moments.gaussian(features).covariance, 5 * expected)
    assert torch.allclose(
        moments.covariance_matrix(features + 10), moments.covariance_matrix(features), atol=1e-9
    )


def test_matrix_root_squares_to_the_matrix() -> None:
    factor = draw(3, 6, 4)
    matrix = factor @ factor.transpose(1, 2)  # of rank 4: two eigenvalues are zero
    root = moments.matrix_root(matrix)
    assert torch.allclose(root @ root, matrix)
    assert torch.allclose(root, root.transpose(1, 2))


def test_distance_of_one_dimensional_gaussians() -> None:
    seen, target = gaussian_of([2.0], [[9.0]]), target_of([5.0], [[1.0]])
    assert moments.wasserstein_distance(seen, target) == pytest.approx((2 - 5) ** 2 + (3 - 1) ** 2)


def test_distance_of_commuting_covariances() -> None:
    seen, target = gaussian_of([0, 1], [[4, 0], [0, 9]]), target_of([0, 0], [[1, 0], [0, 16]])
    assert moments.wasserstein_distance(seen, target) == pytest.approx(1 + (2 - 1) ** 2 + (3 - 4) ** 2)


def test_distance_of_covariances_that_do_not_commute() -> None:
    # For 2x2, tr (A B)^(1/2) = (tr(A B) + 2 sqrt(det A det B))^(1/2).
    one, other = [[2.0, 1.0], [1.0, 3.0]], [[5.0, -2.0], [-2.0, 1.0]]
    a, b = torch.tensor(one, dtype=torch.float64), torch.tensor(other, dtype=torch.float64)
    root = torch.sqrt(torch.trace(a @ b) + 2 * torch.sqrt(torch.det(a) * torch.det(b)))
    expected = float(torch.trace(a) + torch.trace(b) - 2 * root)
    found = moments.wasserstein_distance(gaussian_of([0, 0], one), target_of([0, 0], other))
    assert found == pytest.approx(expected)


def test_distance_is_nothing_at_the_target_and_one_at_nothing() -> None:
    features = draw(1, 4, 8, 8).relu()
    target = moments.gaussian_target(features)
    assert moments.wasserstein_distance(moments.gaussian(features), target) == pytest.approx(0, abs=1e-9)
    nothing = moments.gaussian(torch.zeros_like(features))
    assert moments.relative_wasserstein_distance(nothing, target) == pytest.approx(1)


def test_gradient_is_finite_where_covariances_are_singular_and_alike() -> None:
    few_positions = draw(1, 16, 2, 2).float().requires_grad_()  # rank 3 of 16
    target = moments.gaussian_target(draw(1, 16, 2, 2, seed=1).float())
    moments.wasserstein_distance(moments.gaussian(few_positions), target).backward()
    assert few_positions.grad is not None
    assert torch.isfinite(few_positions.grad).all()
    flat = torch.ones(1, 4, 3, 3, requires_grad=True)
    equal = moments.GaussianTarget(torch.zeros(1, 4), torch.eye(4)[None], torch.eye(4)[None])
    moments.wasserstein_distance(moments.gaussian(flat), equal).backward()
    assert flat.grad is not None
    assert torch.isfinite(flat.grad).all()


def test_gradient_agrees_with_differences() -> None:
    target = moments.gaussian_target(draw(1, 3, 4, 4, seed=1))

    def distance(features: Tensor) -> Tensor:
        return moments.wasserstein_distance(moments.gaussian(features), target)

    assert torch.autograd.gradcheck(distance, (draw(1, 3, 4, 4).requires_grad_(),))


def test_bfloat16_features_are_centred_in_float32() -> None:
    features = draw(1, 3, 16, 16).float() + 100  # bfloat16 holds a hundred to half a unit
    rounded = features.bfloat16()
    found = moments.covariance_matrix(rounded)
    assert found.dtype == torch.float32
    assert torch.allclose(found, moments.covariance_matrix(rounded.float()))
