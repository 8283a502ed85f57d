"""Artefacts that a network can learn and a loss does not see: a grid, and blobs."""

import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses.color import luma

GRID_LIMIT = 6.0
BLOB_LIMIT = 0.02
GRID_PERIODS_PX = (2, 4)
_BLOB_BLOCK_PX = 16
_BLOB_DISTANCE = 0.35


def warnings_for(content: Tensor, stylized: Tensor) -> tuple[str, ...]:
    """A plain line for each artefact found in held-out pictures; empty where there is none.

    Args:
        content, stylized: (N, 3, H, W), RGB in [0, 1].
    """
    found = []
    strength, period = max((grid_strength(stylized, period), period) for period in GRID_PERIODS_PX)
    if strength > GRID_LIMIT:
        found.append(
            f"a grid: every {period} px a pattern {strength:.0f} times as strong as its neighbours "
            f"(limit {GRID_LIMIT:.0f}); a head that upsamples before it convolves (hourglass) draws none"
        )
    share = blob_share(content, stylized)
    if share > BLOB_LIMIT:
        found.append(
            f"blobs: {100 * share:.1f} % of the picture is bright or dark where the photograph is not "
            f"(limit {100 * BLOB_LIMIT:.0f} %); raise the content weight or --plain-share, or train longer"
        )
    return tuple(found)


def grid_strength(image: Tensor, period_px: int) -> float:
    """Energy of the pattern that repeats every ``period_px``, beside the neighbouring frequencies'.

    The amplitude spectrum of rows and of columns is averaged over lines, channels and pictures; a
    network's own grid stands at one exact frequency, strokes spread. About 1 without a grid.

    Args:
        image: (N, C, H, W), any range; H and W are cut to multiples of 16.
    """
    height, width = (side // 16 * 16 for side in image.shape[2:])
    image = image[:, :, :height, :width].float()
    ratios = []
    for dimension, length in ((2, height), (3, width)):
        lines = image - image.mean(dim=dimension, keepdim=True)
        spectrum = torch.fft.rfft(lines, dim=dimension).abs().square()
        energy = spectrum.mean(dim=[d for d in range(4) if d != dimension])
        peak = length // period_px
        near = torch.cat([energy[peak - 6 : peak - 1], energy[peak + 2 : peak + 7]])
        ratios.append(float(energy[peak] / near.mean().clamp_min(1e-12)))
    return max(ratios)


def blob_share(content: Tensor, stylized: Tensor) -> float:
    """Share of 16 px blocks whose brightness has nothing to do with the photograph's.

    For each picture the blocks' mean luma is fitted by a line to the photograph's (a style may invert or
    flatten it); a block further than 0.35 from the line counts. 0 for any affine change of brightness.

    Args:
        content, stylized: (N, 3, H, W), RGB in [0, 1], H and W at least 16.
    """
    given, drawn = (F.avg_pool2d(luma(x), _BLOB_BLOCK_PX).flatten(1).double() for x in (content, stylized))
    centred = given - given.mean(dim=1, keepdim=True)
    slope = (centred * drawn).sum(dim=1, keepdim=True) / centred.square().sum(dim=1, keepdim=True).clamp_min(
        1e-9
    )
    expected = drawn.mean(dim=1, keepdim=True) + slope * centred
    return float(((drawn - expected).abs() > _BLOB_DISTANCE).double().mean())
