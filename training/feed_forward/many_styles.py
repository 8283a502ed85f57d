"""One network for several styles: which row each picture of a batch is painted with, and judged by."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

PHOTOGRAPH = "photograph"
"""Name of the row that leaves a photograph as it is."""


class Judge(Protocol):
    """What a row is trained by; ``losses.objective.Objective`` is one."""

    def terms(self, image: Tensor, content: Tensor | None = None) -> dict[str, Tensor]:
        """The unweighted terms of ``image``, (N, 3, H, W): ``content``, ``style`` and ``tv``."""


class SamePicture:
    """The photograph's row: its content term is the squared difference of pixels and of slopes.

    Each is divided by the photograph's own, so that a grey picture has 1; flat photographs, of which the
    norms leave nothing, count for less.
    """

    def terms(self, image: Tensor, content: Tensor | None = None) -> dict[str, Tensor]:
        """See ``Judge``."""
        assert content is not None, "the photograph's row is judged by the photograph"
        apart, nothing = image - content, image.new_zeros(())
        pixels = apart.square().mean() / content.var(dim=(2, 3)).mean().clamp_min(1e-2)
        slopes = _slopes(apart) / _slopes(content).clamp_min(1e-4)
        return {"content": pixels + 0.3 * slopes, "style": nothing, "tv": nothing}


def _slopes(image: Tensor) -> Tensor:
    down, across = image.diff(dim=2), image.diff(dim=3)
    return down.square().mean() + across.square().mean()


def rows_of_step(step: int, batch_size: int, rows: int, seed: int) -> list[int]:
    """The row of each picture of a step: decks of all rows, each shuffled, dealt on from step to step."""
    dealt = range(step * batch_size, (step + 1) * batch_size)
    decks = {place // rows for place in dealt}
    shuffled = {deck: np.random.default_rng((seed, 1 << 41, deck)).permutation(rows) for deck in decks}
    return [int(shuffled[place // rows][place % rows]) for place in dealt]


def row_shares(places: Sequence[int], rows: int, device: torch.device) -> Tensor:
    """(N, rows) with a 1 at each picture's row: what the network is called with."""
    return torch.eye(rows, device=device)[list(places)]
