"""Luma and histograms: what keeps a photograph's own colours (Gatys et al. 2016, "Preserving Color")."""

import torch
from torch import Tensor

LUMA_WEIGHTS = (0.299, 0.587, 0.114)  # Y of YIQ, which the paper uses (ITU-R BT.601)


def luma(image: Tensor) -> Tensor:
    """(N, 3, H, W) RGB -> (N, 1, H, W), in the same range."""
    weights = image.new_tensor(LUMA_WEIGHTS).view(1, 3, 1, 1)
    return (image * weights).sum(dim=1, keepdim=True)


def gray(image: Tensor) -> Tensor:
    """Luma in all three channels, which the encoder takes: (N, 3, H, W)."""
    return luma(image).expand_as(image).contiguous()


def with_luma(colors: Tensor, brightness: Tensor) -> Tensor:
    """``colors`` with the luma of ``brightness``, clipped to [0, 1]; I and Q of YIQ stay as they are.

    Adding one number to R, G and B moves Y by that number and neither I nor Q, whose coefficients sum
    to nothing: no colour matrix is needed.

    Args:
        colors: (N, 3, H, W), RGB in [0, 1]. brightness: (N, 1 or 3, H, W) of the same height and width.
    """
    wanted = brightness if brightness.shape[1] == 1 else luma(brightness)
    return (colors + (wanted - luma(colors))).clamp(0.0, 1.0)


def match_histogram(values: Tensor, reference: Tensor) -> Tensor:
    """``values`` moved, in their order, onto the distribution of ``reference``.

    Departure: the paper matches mean and deviation of luma (its eq. 10); the whole histogram is matched
    here, so that no value falls outside the photograph's.

    Args:
        values, reference: any shapes, any range; each counts as one set of numbers.

    Returns:
        The shape of ``values``; equal values stay equal, and rank r of n gets quantile (r + 1/2) / n.
    """
    _distinct, place, counts = torch.unique(values, return_inverse=True, return_counts=True)
    middle = (torch.cumsum(counts, 0) - counts / 2) / values.numel()
    ordered = reference.flatten().sort().values
    at = (middle * len(ordered) - 0.5).clamp(0, len(ordered) - 1)
    below = at.floor().long()
    above = (below + 1).clamp_max(len(ordered) - 1)
    share = (at - below).to(ordered.dtype)
    moved: Tensor = torch.lerp(ordered[below], ordered[above], share)
    return moved[place].reshape(values.shape)
