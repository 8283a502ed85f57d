"""Pictures of another size: the one way for single pictures and for sequences of them."""

import cv2

from pipeline.frame import Pixels


def resize(pixels: Pixels, size: tuple[int, int] | None) -> Pixels:
    """Scale (H, W, 3) or (H, W) uint8 to ``size`` (height, width): by area when smaller, else cubic.

    The same array comes back where the size is right already, or None.
    """
    if size is None or pixels.shape[:2] == size:
        return pixels
    height, width = size
    smaller = height * width < pixels.shape[0] * pixels.shape[1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return cv2.resize(pixels, (width, height), interpolation=method)  # type: ignore[return-value]
