"""Differentiable augmentation of what the discriminators see (Zhao et al. 2020), real and generated alike.

A discriminator shown a few hundred pictures learns them by heart; seen through random changes that pass
gradients on, it cannot, and the generator is not taught the changes.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Augment = Callable[[Tensor], Tensor]
KINDS = ("color", "translation", "cutout")
_LARGEST_SHIFT = 0.125
_CUTOUT_SIDE = 0.4


def drawn(
    kinds: tuple[str, ...], count: int, generator: torch.Generator, share: slice = slice(None)
) -> Augment:
    """One random augmentation of ``count`` pictures, to be applied to as many batches as wanted.

    Args:
        kinds: of ``KINDS``; none leaves pictures alone.
        share: the pictures given are this share of the ``count`` that are drawn for.
    """
    known = {"color": _color, "translation": _translation, "cutout": _cutout}
    steps = [known[kind](torch.rand(count, 3, generator=generator)[share]) for kind in kinds]

    def augment(image: Tensor) -> Tensor:
        for step in steps:
            image = step(image)
        return image

    return augment


def _color(numbers: Tensor) -> Augment:
    """Brightness by up to 0.25, saturation 0.5 to 1.5, contrast 0.75 to 1.25."""
    brightness, saturation, contrast = ((n - 0.5).view(-1, 1, 1, 1) for n in numbers.T)

    def change(image: Tensor) -> Tensor:
        b, s, c = (value.to(image) for value in (brightness, saturation, contrast))
        image = image + 0.5 * b
        grey = image.mean(dim=1, keepdim=True)
        image = grey + (image - grey) * (1 + s)
        mean = image.mean(dim=(1, 2, 3), keepdim=True)
        changed: Tensor = mean + (image - mean) * (1 + 0.5 * c)
        return changed

    return change


def _translation(numbers: Tensor) -> Augment:
    """By up to an eighth of the side each way; what comes in is the picture reflected."""

    def move(image: Tensor) -> Tensor:
        height, width = image.shape[2:]
        moved = []
        for one, (down, across, _) in zip(image, (numbers - 0.5).tolist(), strict=True):
            rows = _reflected(height, round(2 * _LARGEST_SHIFT * down * height)).to(image.device)
            columns = _reflected(width, round(2 * _LARGEST_SHIFT * across * width)).to(image.device)
            moved.append(one.index_select(1, rows).index_select(2, columns))
        return torch.stack(moved)

    return move


def _reflected(length: int, shift: int) -> Tensor:
    place = (torch.arange(length) + shift).abs()
    return torch.where(place < length, place, 2 * (length - 1) - place)


def _cutout(numbers: Tensor) -> Augment:
    """A square of 0.4 of the side somewhere is made grey."""

    def cut(image: Tensor) -> Tensor:
        height, width = image.shape[2:]
        side = round(_CUTOUT_SIDE * min(height, width))
        kept = torch.ones(len(image), 1, height, width)
        for mask, (down, across, _) in zip(kept, numbers.tolist(), strict=True):
            top, left = round(down * height - side / 2), round(across * width - side / 2)
            mask[:, max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)] = 0.0
        kept = kept.to(image)
        return image * kept + 0.5 * (1.0 - kept)

    return cut
