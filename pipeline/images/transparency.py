"""Pictures that can be seen through: laid on white for painting, and taken off it again."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.frame import Alpha, Pixels

_WHITE = 255


def on_white(colors: NDArray[np.uint8], alpha: Alpha) -> Pixels:
    """(H, W, 3) colours as they look on a white sheet; what is under clear pixels does not show."""
    share = alpha[..., None].astype(np.float32) / 255
    laid = colors.astype(np.float32) * share + _WHITE * (1 - share)
    return np.rint(laid).astype(np.uint8)


def off_white(laid: Pixels, alpha: Alpha | None) -> NDArray[np.uint8]:
    """(H, W, 4): colours that look like ``laid`` on a white sheet, and their alpha: undoes ``on_white``.

    Without ``alpha`` everything is opaque.
    """
    if alpha is None:
        return np.dstack((laid, np.full(laid.shape[:2], _WHITE, np.uint8)))
    share = np.maximum(alpha[..., None].astype(np.float32), 1) / 255
    colors = _WHITE + (laid.astype(np.float32) - _WHITE) / share
    colors[alpha == 0] = _WHITE
    return np.dstack((np.rint(colors).clip(0, 255).astype(np.uint8), alpha))


def without_fringe(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 4) uint8 of even sides: what is clear takes the mean colour of what is seen in its 2x2 pixels.

    For formats whose colour differences have half the size: they are those of what is seen, not of white.
    """
    seen = (picture[..., 3:] > 0).astype(np.float32)
    full = picture.shape[1::-1]
    half = full[0] // 2, full[1] // 2
    sums = cv2.resize(np.dstack((picture[..., :3] * seen, seen)), half, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(sums, full, interpolation=cv2.INTER_NEAREST)
    mean = sums[..., :3] / np.maximum(sums[..., 3:], 0.25)
    beside = (seen == 0) & (sums[..., 3:] > 0)
    filled = np.where(beside, np.rint(mean), picture[..., :3]).astype(np.uint8)
    return np.dstack((filled, picture[..., 3]))
