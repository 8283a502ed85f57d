"""The frame: what travels from source through engine to sink."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""(H, W, 3), uint8, BGR (OpenCV's order), C-contiguous."""

Alpha = NDArray[np.uint8]
"""(H, W): 0 is clear, 255 opaque."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture and when it was.

    Two clocks, never mixed: ``captured_at`` is when this process got the frame, ``pts`` is where the
    frame stands in its medium.

    Attributes:
        pixels: (H, W, 3) uint8 BGR, C-contiguous. Whoever holds the frame may read it; nobody writes
            into it.
        index: counts the source's frames from 0; a gap means dropped frames.
        captured_at: seconds on the monotonic clock (``time.monotonic``).
        pts: exact seconds in the media's own time, or None where the source has no such time.
        alpha: (H, W) uint8 where the source can be seen through; ``pixels`` are laid on white then.
    """

    pixels: Pixels
    index: int
    captured_at: float
    pts: Fraction | None = None
    alpha: Alpha | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]


def check_pixels(pixels: Pixels, name: str = "pixels") -> None:
    """Raise ValueError unless ``pixels`` is (H, W, 3) uint8 with H and W of at least 1."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(f"{name} must have shape (H, W, 3), BGR; got {pixels.shape}")
    if pixels.dtype != np.uint8:
        raise ValueError(f"{name} must be uint8 in 0..255; got {pixels.dtype}")
