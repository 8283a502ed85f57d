"""Mean and covariance of features, and the Wasserstein-2 distance: style statistics besides Gram.

A Gram matrix mixes both moments (G = covariance + mean times its transpose, over C). Pure functions.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from training.losses.functional import gram_matrix

EIGENVALUE_FLOOR = 1e-6  # of the largest; below it a direction counts as empty and gets no gradient


class Gaussian(NamedTuple):
    """Mean (N, C) and covariance (N, C, C) of a feature map over its positions."""

    mean: Tensor
    covariance: Tensor


class GaussianTarget(NamedTuple):
    """What ``wasserstein_distance`` needs of the painting: its moments and the root of the second."""

    mean: Tensor
    covariance: Tensor
    root: Tensor


def covariance_matrix(features: Tensor) -> Tensor:
    """Gram matrix of the features less their mean: divided by C*H*W, so it takes the Gram's weights.

    Unlike a Gram matrix it leaves the mean activation, and so overall brightness and hue, free.

    Args:
        features: (N, C, H, W), float32, float64 or bfloat16 (brought to float32 first, because the
            subtraction would cancel what bfloat16 holds).

    Returns:
        (N, C, C), float32 or float64.
    """
    wide = features if features.dtype == torch.float64 else features.float()
    return gram_matrix(wide - wide.mean(dim=(2, 3), keepdim=True))


def gaussian(features: Tensor) -> Gaussian:
    """Mean and covariance (divided by H*W, not by C) of features (N, C, H, W), float32 or float64."""
    wide = features if features.dtype == torch.float64 else features.float()
    return Gaussian(wide.mean(dim=(2, 3)), covariance_matrix(wide) * features.shape[1])


@torch.no_grad()
def gaussian_target(features: Tensor) -> GaussianTarget:
    """The moments of a painting's features with the matrix root that is the same at every iteration."""
    mean, covariance = gaussian(features)
    return GaussianTarget(mean, covariance, matrix_root(covariance))


def matrix_root(matrix: Tensor) -> Tensor:
    """Symmetric root of positive semi-definite matrices (N, C, C); rounding below zero counts as zero."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp_min(0).sqrt().unsqueeze(-2)) @ vectors.transpose(-2, -1)
    return root


def wasserstein_distance(
    seen: Gaussian, target: GaussianTarget, eigenvalue_floor: float = EIGENVALUE_FLOOR
) -> Tensor:
    """Squared Wasserstein-2 distance of two Gaussians (Bures metric; Dowson & Landau 1982), mean over N.

    ``|m - m_t|^2 + tr(C + C_t - 2 (R C R)^(1/2))`` with R the root of C_t. The trace of the root is
    summed from eigenvalues alone, whose derivative has no 1/(a - b) between near-equal ones, as the
    derivative of eigenvectors would; eigenvalues under ``eigenvalue_floor`` of the largest are taken for
    that floor, because the root's slope is infinite at zero.

    Args:
        seen: moments of the picture. target: of the painting; N of 1 or that of ``seen``.
        eigenvalue_floor: 0 gives the exact distance, for measuring; it has no finite gradient.

    Returns:
        A scalar, in squared units of the features; 0 where the moments agree, up to the floor.
    """
    means = (seen.mean - target.mean).square().sum(dim=1)
    inner = target.root @ seen.covariance @ target.root
    values = torch.linalg.eigvalsh((inner + inner.transpose(1, 2)) / 2)
    floor = (values.detach()[:, -1:] * eigenvalue_floor).clamp_min(torch.finfo(values.dtype).tiny)
    roots = torch.maximum(values, floor).sqrt().sum(dim=1)
    return (means + _trace(seen.covariance) + _trace(target.covariance) - 2 * roots).mean()


def relative_wasserstein_distance(seen: Gaussian, target: GaussianTarget) -> Tensor:
    """``wasserstein_distance`` over the target's second moment: 1 for a picture without any features."""
    power = target.mean.square().sum(dim=1) + _trace(target.covariance)
    return wasserstein_distance(seen, target) / power.mean().clamp_min(1e-12)


def _trace(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=1, dim2=2).sum(dim=1)
