"""Held-out photographs: what a network makes of pictures that training never saw."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.common.errors import InputError
from training.feed_forward.data import center_square, read_rgb, to_tensor
from training.feed_forward.many_styles import Judge, row_shares
from training.feed_forward.recipe import TrainingRecipe

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
def stylize(
    network: nn.Module, image: Tensor, recipe: TrainingRecipe, shares: Tensor | None = None
) -> Tensor:
    """(N, 3, H, W) -> the same, clamped to [0, 1]; ``shares`` of the rows, where the network has any."""
    was_training = network.training
    network.eval()  # batch norms with their running moments, as in a style file
    with autocast(image.device, recipe.precision):
        given = (image.contiguous(memory_format=torch.channels_last), *([] if shares is None else [shares]))
        stylized: Tensor = network(*given)
    network.train(was_training)
    return stylized.float().clamp(0.0, 1.0)


def with_every_row(network: nn.Module, image: Tensor, recipe: TrainingRecipe, rows: int) -> Tensor:
    """(N, 3, H, W) painted with each row in turn, (rows N, 3, H, W); once where there are none."""
    if not rows:
        return stylize(network, image, recipe)
    whole = range(rows)
    painted = [stylize(network, image, recipe, row_shares([row], rows, image.device)[0]) for row in whole]
    return torch.cat(painted)


def validate(
    network: nn.Module, content: Tensor, recipe: TrainingRecipe, judges: Sequence[Judge], rows: int
) -> tuple[Tensor, dict[str, float]]:
    """Photographs that training never saw, painted and judged; with several styles each with another one.

    Args:
        content: (N, 3, H, W), RGB in [0, 1].
        judges: of the rows that paint, the first of the network's ``rows``.

    Returns:
        The pictures, as ``content``, and the mean terms.
    """
    if not rows:
        painted = stylize(network, content, recipe)
        return painted, _mean_terms([(judges[0], *pair) for pair in _fours(content, painted)], len(content))
    places = [number % len(judges) for number in range(len(content))]
    painted = stylize(network, content, recipe, row_shares(places, rows, content.device))
    pairs = ((judges[row], content[n : n + 1], painted[n : n + 1]) for n, row in enumerate(places))
    return painted, _mean_terms(list(pairs), len(content))


def _fours(content: Tensor, painted: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(torch.split(content, 4), torch.split(painted, 4), strict=True)


@torch.no_grad()
def _mean_terms(judged: list[tuple[Judge, Tensor, Tensor]], count: int) -> dict[str, float]:
    sums: dict[str, float] = {}
    for judge, photos, painted in judged:
        for name, value in judge.terms(painted, photos).items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(photos) / count
    return sums
