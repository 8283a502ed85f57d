"""One size for a stream whose frames change theirs."""

import cv2
import numpy as np

from pipeline.frame import Pixels


def letterbox(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture scaled into ``size`` (height, width), black where its shape leaves room.

    (H, W, 3) uint8 BGR; the same array comes back where the size is right already.
    """
    if pixels.shape[:2] == size:
        return pixels
    height, width = size
    shrink = min(height / pixels.shape[0], width / pixels.shape[1])
    inner = max(1, round(pixels.shape[0] * shrink)), max(1, round(pixels.shape[1] * shrink))
    way = cv2.INTER_AREA if shrink < 1 else cv2.INTER_LINEAR
    page = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    page[top : top + inner[0], left : left + inner[1]] = cv2.resize(
        pixels, (inner[1], inner[0]), interpolation=way
    )
    return page
