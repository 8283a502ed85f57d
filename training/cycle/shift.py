"""How far two folders' features lie apart on average, and whether results move just that far.

Upchurch et al. 2017 make a face older by moving its features along the difference of two sets' means (Deep
Feature Interpolation, equation 2) and optimising a picture for them. Here the difference is of means over
places too, so that faces need not lie alike, and a network is held to it in training.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from training.feed_forward.data import center_square, read_rgb, to_tensor
from training.losses.encoder import VggEncoder

Shift = Mapping[str, Tensor]


@torch.no_grad()
def mean_shift(
    encoder: VggEncoder, layers: Sequence[str], source: Sequence[Path], target: Sequence[Path], side_px: int
) -> Shift:
    """Mean of the target's features minus the source's by layer, each (C,), float32.

    Args:
        source, target: pictures, looked at as squares of ``side_px``; unreadable ones are passed over.
    """
    means = [_means(encoder, layers, pictures, side_px) for pictures in (source, target)]
    return {layer: means[1][layer] - means[0][layer] for layer in layers}


def _means(
    encoder: VggEncoder, layers: Sequence[str], pictures: Sequence[Path], side_px: int
) -> dict[str, Tensor]:
    sums = {layer: torch.zeros(()) for layer in layers}
    readable = 0
    for pixels in filter(lambda found: found is not None, map(read_rgb, pictures)):
        assert pixels is not None
        image = to_tensor(center_square(pixels, side_px)).unsqueeze(0).to(encoder.mean.device)
        features = encoder(image, layers)
        sums = {layer: sums[layer].to(image) + _mean(features[layer])[0] for layer in layers}
        readable += 1
    return {layer: value / readable for layer, value in sums.items()}


def shift_loss(painted: Mapping[str, Tensor], real: Mapping[str, Tensor], wanted: Shift) -> Tensor:
    """``|mean(painted) - mean(real) - wanted|^2 / |wanted|^2``, the mean over pictures and layers.

    1 for a result that is its source, 0 for one whose means moved as far as the folders lie apart. Heads see
    features divided by their own size and PatchGANs normalise theirs, so nothing else tells a generator that
    contrast has grown beyond the target's.

    Args:
        painted, real: features (N, C, H, W) by layer of results and of their sources. wanted: (C,) by layer.
    """
    terms = []
    for layer, shift in wanted.items():
        moved = _mean(painted[layer]) - _mean(real[layer])
        terms.append((moved - shift).square().sum(dim=1).mean() / shift.square().sum().clamp_min(1e-12))
    return torch.stack(terms).mean()


def _mean(features: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C) over places, float32."""
    return features.float().mean(dim=(2, 3))
