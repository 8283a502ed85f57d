"""Pictures that can be seen through: laid on white for painting, and taken off it again."""

import numpy as np
from numpy.typing import NDArray

from pipeline.frame import Pixels

Alpha = NDArray[np.uint8]
"""(H, W): 0 is clear, 255 opaque."""

_WHITE = 255


def on_white(colors: NDArray[np.uint8], alpha: Alpha) -> Pixels:
    """(H, W, 3) colours as they look on a white sheet; what is under clear pixels does not show."""
    share = alpha[..., None].astype(np.float32) / 255
    laid = colors.astype(np.float32) * share + _WHITE * (1 - share)
    return np.rint(laid).astype(np.uint8)


def off_white(laid: Pixels, alpha: Alpha) -> NDArray[np.uint8]:
    """(H, W, 4): colours that look like ``laid`` on a white sheet, and their alpha: undoes ``on_white``."""
    share = np.maximum(alpha[..., None].astype(np.float32), 1) / 255
    colors = _WHITE + (laid.astype(np.float32) - _WHITE) / share
    colors[alpha == 0] = _WHITE
    return np.dstack((np.rint(colors).clip(0, 255).astype(np.uint8), alpha))
