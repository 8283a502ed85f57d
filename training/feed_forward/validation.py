"""Held-out photographs: what a network makes of pictures that training never saw."""

import itertools
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.common.errors import InputError
from training.feed_forward.data import center_square, read_rgb, to_tensor
from training.feed_forward.recipe import TrainingRecipe
from training.losses.objective import Objective

HELD_OUT_SIDE_PX = 256
HELD_OUT_PHOTOS = 16


def held_out_batch(photos: list[Path]) -> Tensor:
    """Centre squares of up to 16 held-out photographs, (N, 3, 256, 256); see ``squares_of``."""
    return squares_of(photos, HELD_OUT_SIDE_PX, HELD_OUT_PHOTOS)


def squares_of(photos: list[Path], side_px: int, count: int) -> Tensor:
    """Centre squares of the first ``count`` readable photographs, (N, 3, side, side), RGB in [0, 1].

    Raises:
        InputError: none of them is readable.
    """
    readable = (pixels for path in photos if (pixels := read_rgb(path)) is not None)
    chosen = itertools.islice(readable, count)
    squares = [to_tensor(center_square(pixels, side_px)) for pixels in chosen]
    if not squares:
        raise InputError("none of the photographs set aside for validation can be read")
    return torch.stack(squares)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The region in which the network runs: bfloat16 or float16 by ``precision``, off for fp32."""
    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(device.type, dtype, enabled=precision != "fp32")


@torch.no_grad()
def stylize(network: nn.Module, image: Tensor, recipe: TrainingRecipe) -> Tensor:
    """(N, 3, H, W) -> the same, clamped to [0, 1]."""
    was_training = network.training
    network.eval()  # batch norms with their running moments, as in a style file
    with autocast(image.device, recipe.precision):
        stylized: Tensor = network(image.contiguous(memory_format=torch.channels_last))
    network.train(was_training)
    return stylized.float().clamp(0.0, 1.0)


@torch.no_grad()
def validate(objective: Objective, content: Tensor, stylized: Tensor) -> dict[str, float]:
    """Mean terms over photographs that training never saw.

    Args:
        content, stylized: (N, 3, H, W), RGB in [0, 1].
    """
    sums: dict[str, float] = {}
    for photos, painted in zip(torch.split(content, 4), torch.split(stylized, 4), strict=True):
        for name, value in objective.terms(painted, photos).items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(photos) / len(content)
    return sums
