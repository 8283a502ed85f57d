"""Plain ground beside a photograph: where a network repeats one cell, if nothing keeps it from it.

On a picture that is plain all over the norms leave nothing but noise, and no cells show; on the wall behind a
person they do. So each photograph is painted once more with plain ground over five eighths of it, and what is
painted there is looked at by ``losses.repetition``.
"""

from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.feed_forward.data import plain_picture, to_tensor
from training.losses.repetition import repetition

_EDGE_PX = 12  # beside the photograph, and at the picture's edges
_SMOOTHED_PX = 9


def with_plain_ground(content: Tensor, seed: int, numbers: Iterable[int]) -> Tensor:
    """(N, 3, S, S) photographs, each with a flat, dark or graded ground of its own on the left.

    Args:
        numbers: of the samples; the same number and seed give the same ground.
    """
    side, wide = content.shape[-1], _wide(content.shape[-1])
    rngs = [np.random.default_rng((seed, 1 << 42, number)) for number in numbers]
    grounds = torch.stack([to_tensor(plain_picture(rng, side)) for rng in rngs])
    room = _SMOOTHED_PX // 2
    smooth = F.avg_pool2d(F.pad(grounds, (room,) * 4, mode="reflect"), _SMOOTHED_PX, 1)
    covered = content.clone()
    covered[..., :wide] = smooth[..., :wide].to(content)
    return covered


def repetition_on_ground(painted: Tensor) -> Tensor:
    """Of what was painted on the ground of ``with_plain_ground``; a scalar."""
    side = painted.shape[-1]
    edge = min(_EDGE_PX, side // 16)
    return repetition(painted[..., edge : side - edge, edge : _wide(side) - edge])


def _wide(side: int) -> int:
    return 5 * side // 8
