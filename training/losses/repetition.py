"""Cells: a pattern of one size that repeats over plain ground, which Gram matrices do not see.

A network that is the same everywhere has nothing on plain ground to be different by, and where the style
asks for strokes it repeats one. In the spectrum such a pattern is a peak; strokes and grain are spread.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses.color import luma

WINDOW_PX, STRIDE_PX = 80, 28
LONGEST_PX, SHORTEST_PX = 34.0, 6.0
"""Periods that are looked at: finer ones are grain, coarser ones the photograph."""
_ALLOWED = 2.0
"""Times as strong as its neighbours a frequency may be; strokes of a painting are, by chance."""


def repetition(image: Tensor) -> Tensor:
    """How much of ``image`` repeats itself: 0 in paintings and most photographs, 1 to 4 where cells show.

    The mean power spectrum of windows (Welch 1967) of the luma; each frequency of the periods above counts by
    its share of their power and by the square of the logarithm of how far it stands above its neighbours.

    Args:
        image: (N, 3, H, W), float32, RGB, both sides at least 16.

    Returns:
        A scalar, the mean over N.
    """
    side = min(WINDOW_PX, *image.shape[2:])
    windows = luma(image)[:, 0].unfold(1, side, STRIDE_PX).unfold(2, side, STRIDE_PX).flatten(1, 2)
    hann = torch.hann_window(side, device=image.device)
    tapered = (windows - windows.mean((-1, -2), keepdim=True)) * hann[:, None] * hann
    power = torch.fft.fftshift(torch.fft.fft2(tapered), (-1, -2)).abs().square().mean(1)
    above = (power + 1e-6).log() - (_neighbours(power) + 1e-6).log() - math.log(_ALLOWED)
    heard = power * _looked_at(side, image.device)
    total = heard.sum((1, 2)).clamp_min(1e-3)
    found: Tensor = (heard * above.clamp_min(0.0).square()).sum((1, 2)) / total
    return found.mean()


def _neighbours(power: Tensor) -> Tensor:
    """The mean of the 11x11 frequencies round each, without the 3x3 in the middle that a peak covers."""
    kernel = torch.ones(1, 1, 11, 11, device=power.device)
    kernel[..., 4:7, 4:7] = 0.0
    padded = F.pad(power[:, None], (5, 5, 5, 5), mode="reflect")
    return F.conv2d(padded, kernel / kernel.sum())[:, 0]


def _looked_at(side: int, device: torch.device) -> Tensor:
    """(side, side): 1 where a frequency's period is between SHORTEST_PX and LONGEST_PX, else 0."""
    places = torch.arange(side, device=device) - side // 2
    period = side / (places[:, None] ** 2 + places**2).sqrt().clamp_min(0.5)
    return ((period >= SHORTEST_PX) & (period <= LONGEST_PX)).float()
