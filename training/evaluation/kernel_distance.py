"""How near results are to a folder of pictures as a kind: the kernel distance, and what a cycle loses."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.common.errors import InputError
from training.evaluation.material import Paint, Pixels, image_of
from training.feed_forward.data import center_square, find_photos, read_rgb
from training.losses.encoder import VggEncoder

LAYER = "relu4_1"
"""Of VGG-19, whose channels' means stand for a picture."""


def kernel_distance(features: Tensor, target: Tensor) -> float:
    """The squared maximum mean discrepancy of two sets, unbiased, with KID's kernel ``(x.y / d + 1)^3``.

    Binkowski et al. 2018, section 4, on other features: the means of VGG-19's relu4_1 over a picture, divided
    by the target's root mean square, since theirs are near 1 and VGG-19's in the hundreds. 0 on average for
    two sets of one kind; a small set may give less than 0.

    Args:
        features: (M, D). target: (N, D). M and N at least 2.

    Raises:
        ValueError: fewer than two of either.
    """
    if min(len(features), len(target)) < 2:
        raise ValueError(f"two of each kind at least were expected, got {len(features)} and {len(target)}")
    scale = target.double().square().mean().sqrt().clamp_min(1e-12)
    x, y = features.double() / scale, target.double() / scale
    across = _kernel(x, y).mean()
    return float(_mean_of_pairs(_kernel(x, x)) + _mean_of_pairs(_kernel(y, y)) - 2 * across)


def kernel_distance_error(features: Tensor, target: Tensor) -> float:
    """Standard error of ``kernel_distance`` that the few ``features`` give it, by leaving out one at a time.

    The jackknife: ``sqrt((M - 1) / M sum (d_i - mean d)^2)``, d_i being the distance without picture i. With
    a score of pictures it may be as large as what tells two kinds of faces apart.

    Args:
        features: (M, D), M at least 3. target: as for ``kernel_distance``, taken for the whole kind.
    """
    count = len(features)
    without = [kernel_distance(torch.cat([features[:i], features[i + 1 :]]), target) for i in range(count)]
    return float(np.sqrt((count - 1) * np.var(without)))


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    cubed: Tensor = (x @ y.T / x.shape[1] + 1.0) ** 3
    return cubed


def _mean_of_pairs(kernel: Tensor) -> Tensor:
    """The mean without the diagonal, where a picture meets itself."""
    count = len(kernel)
    return (kernel.sum() - kernel.diagonal().sum()) / (count * (count - 1))


class KernelDistance:
    """The kernel distance of frames to the pictures of a folder, all of them as squares of one side."""

    def __init__(self, encoder: VggEncoder, folder: Path, side_px: int) -> None:
        """Look at every readable picture of ``folder``.

        Raises:
            InputError: no folder, or fewer than two pictures in it can be read.
        """
        self._encoder = encoder
        squares = (_square(path, side_px) for path in find_photos(folder, "--targets"))
        self._target = self._means(square for square in squares if square is not None)
        if len(self._target) < 2:
            raise InputError(f"--targets {folder}: two pictures at least were expected that can be read")

    def __call__(self, frames: Sequence[Pixels], named: str = "kernel_distance") -> dict[str, float | None]:
        """Figures ``named`` and ``named_error`` of frames, (H, W, 3) uint8 BGR, at least two.

        Two have no error: None.
        """
        means = self._means(frames)
        error = kernel_distance_error(means, self._target) if len(means) > 2 else None
        return {named: kernel_distance(means, self._target), f"{named}_error": error}

    @torch.no_grad()
    def _means(self, frames: Iterable[Pixels]) -> Tensor:
        device = self._encoder.mean.device
        seen = [
            self._encoder(image_of(frame, device), (LAYER,))[LAYER].float().mean(dim=(2, 3))
            for frame in frames
        ]
        return torch.cat(seen) if seen else torch.zeros(0, 1)


def _square(path: Path, side_px: int) -> Pixels | None:
    rgb = read_rgb(path)
    return None if rgb is None else np.ascontiguousarray(center_square(rgb, side_px)[:, :, ::-1])


def cycle_error(frames: Sequence[Pixels], painted: Sequence[Pixels], back: Paint) -> float:
    """Mean absolute difference, in grey levels, of frames and what ``back`` makes of their results."""
    lost = [
        np.abs(back(result).astype(np.int16) - frame).mean()
        for frame, result in zip(frames, painted, strict=True)
    ]
    return float(np.mean(lost))
