"""Weights of a network with a row for each style, and of a network of one style: from one to the other."""

from collections.abc import Mapping

import torch
from torch import Tensor


def is_table(name: str) -> bool:
    """Whether the weight of that name is a norm's: the same for one style, a row a style for several."""
    return name.rpartition(".")[0].endswith("norm")


def rows_of(weights: Mapping[str, Tensor]) -> int:
    """How many styles the weights hold in rows; 0 for those of a network of one style."""
    tables = [value for name, value in weights.items() if is_table(name) and value.ndim == 2]
    return len(tables[0]) if tables else 0


def spread(weights: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
    """Weights of one style as those of a network in which every one of ``rows`` rows paints it."""
    return {
        name: value.expand(rows, -1).clone() if is_table(name) else value for name, value in weights.items()
    }


def mixed(weights: Mapping[str, Tensor], shares: Tensor) -> dict[str, Tensor]:
    """Weights of a network of one style that paints what (rows,) ``shares`` of the rows paint together."""
    return {name: shares @ value if is_table(name) else value for name, value in weights.items()}


def fitted(weights: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
    """Weights to begin from in a network of ``rows`` rows, 0 for one style: whatever they were made for.

    Where the numbers differ, every row begins as the mean of those there are.
    """
    held = rows_of(weights)
    if held == rows:
        return dict(weights)
    one = mixed(weights, torch.full((held,), 1.0 / held)) if held else dict(weights)
    return spread(one, rows) if rows else one
