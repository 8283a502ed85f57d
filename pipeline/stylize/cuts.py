"""Cuts: where the picture changes as a whole from one frame to the next."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.frame import Pixels

_THUMBNAIL_WH = (32, 18)
_LEAST_CHANGE = 18.0
_TIMES_THE_LAST = 3.0


class CutDetector:
    """Tells for each frame whether it begins a new scene.

    A cut is a mean change of the thumbnail's colours that is large and also far above the change before
    it, so that a pan or a shaking camera is none. Depends on the three latest frames only: a run that
    begins anywhere agrees with one from the start after three frames.
    """

    def __init__(self) -> None:
        """Nothing was seen yet; the first frame is no cut."""
        self._before: NDArray[np.float32] | None = None
        self._last_change: float | None = None

    def __call__(self, pixels: Pixels) -> bool:
        """Whether (H, W, 3) uint8 ``pixels`` begins a scene; call once a frame, in order."""
        small = cv2.resize(pixels, _THUMBNAIL_WH, interpolation=cv2.INTER_AREA).astype(np.float32)
        change = None if self._before is None else float(np.abs(small - self._before).mean())
        last, self._before, self._last_change = self._last_change, small, change
        return change is not None and change > max(_LEAST_CHANGE, _TIMES_THE_LAST * (last or 0.0))
