"""What an imported file turns into: a torch network, its conventions, and what it is compared with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.common.errors import CheckpointError
from pipeline.frame import Pixels
from pipeline.style import Control

NAMES_SHOWN = 3
SIZE_MULTIPLE = 4
"""Of every network here: two convolutions of stride 2, undone by two doublings."""


@dataclass(frozen=True)
class OriginalRun:
    """The imported file itself, run by its own format's runtime.

    Attributes:
        draw: (H, W, 3) uint8 BGR in and out.
        sizes: (height, width) of the frames it can take.
    """

    draw: Callable[[Pixels], Pixels]
    sizes: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class ForeignNetwork:
    """A recognised network with its weights.

    Attributes:
        network: takes and gives (N, 3, H, W), RGB in ``value_range``, H and W multiples of 4, float32.
        layout: the layout's name, ``pytorch-examples`` for example.
        architecture: for the card's ``network``.
        parameters: number of weights in the file that the network uses.
        value_range: black and white in the network's numbers, in and out.
        run: the file run as it came, where its format allows; None leaves ``network`` as the only word.
        control: a further input of ``network`` and its ``draw``; without it both take its default.
    """

    network: nn.Module
    layout: str
    architecture: str
    parameters: int
    value_range: tuple[float, float]
    run: OriginalRun | None = None
    control: Control | None = None


def renamed(tensors: Mapping[str, Tensor], names: Mapping[str, str], layout: str) -> dict[str, Tensor]:
    """The tensors under our names.

    Args:
        names: our name by theirs, for every tensor the layout has.
        layout: for the message.

    Raises:
        CheckpointError: a tensor is missing, or there is one the layout does not have.
    """
    missing = [theirs for theirs in names if theirs not in tensors]
    surplus = [theirs for theirs in tensors if theirs not in names]
    if missing or surplus:
        differs = [f"lacks {listed(missing)}"] * bool(missing) + [f"has {listed(surplus)}"] * bool(surplus)
        raise CheckpointError(f"this is almost a network of {layout}, but {' and '.join(differs)}")
    return {ours: tensors[theirs].float() for theirs, ours in names.items()}


def count(weights: Mapping[str, Tensor]) -> int:
    """Number of values in all of them."""
    return sum(value.numel() for value in weights.values())


def fill(network: nn.Module, weights: Mapping[str, Tensor], layout: str) -> nn.Module:
    """``network`` with these weights, in eval mode.

    Raises:
        CheckpointError: a shape differs, or a weight is no finite number.
    """
    wanted = network.state_dict()
    for name, value in weights.items():
        if value.shape != wanted[name].shape:
            raise CheckpointError(
                f"this is almost a network of {layout}, but {name} has shape {tuple(value.shape)} where "
                f"{tuple(wanted[name].shape)} was expected"
            )
        if not value.isfinite().all():
            raise CheckpointError(f"the network is damaged: {name} holds values that are no finite number")
    network.load_state_dict(dict(weights))
    return network.eval().requires_grad_(False)


def channelwise(scale: float, shift: float) -> nn.Conv2d:
    """``scale x + shift`` of each colour, as the convolution into which export can fold order and range."""
    layer = nn.Conv2d(3, 3, 1)
    layer.weight.data = scale * torch.eye(3).view(3, 3, 1, 1)
    layer.bias.data = torch.full((3,), shift)  # type: ignore[union-attr]
    return layer


def listed(names: Sequence[str], most: int = NAMES_SHOWN) -> str:
    """The first few names, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
