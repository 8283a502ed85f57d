"""What a drawn scene is made of: a canvas to draw on, and layers to lay over one another.

Lengths are shares of the frame's height unless they end in ``_px``; colours are BGR.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.frame import Pixels

Color = tuple[int, int, int]
Points = list[tuple[float, float]]

SHIFT_BITS = 4  # cv2 takes coordinates in sixteenths of a pixel
_SUPERSAMPLED = 2


class Canvas:
    """Draws with anti-aliasing in units of the frame's height, and remembers where it drew."""

    def __init__(self, height_px: int, width_px: int, scale: int = _SUPERSAMPLED) -> None:
        self.height_px, self.width_px, self._scale = height_px, width_px, scale
        size = (height_px * scale, width_px * scale)
        self._colors: Pixels = np.zeros((*size, 3), np.uint8)
        self._cover: NDArray[np.uint8] = np.zeros(size, np.uint8)

    @property
    def width(self) -> float:
        """The canvas's width in heights."""
        return self.width_px / self.height_px

    def polygon(self, points: Points, color: Color) -> None:
        """Fill a polygon."""
        unit = self.height_px * self._scale * (1 << SHIFT_BITS)
        corners = np.rint(np.asarray(points) * unit).astype(np.int32)
        cv2.fillPoly(self._colors, [corners], color, cv2.LINE_8, SHIFT_BITS)
        cv2.fillPoly(self._cover, [corners], 255, cv2.LINE_8, SHIFT_BITS)

    def box(self, left: float, top: float, width: float, height: float, color: Color) -> None:
        """Fill a rectangle."""
        right, bottom = left + width, top + height
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], color)

    def ellipse(self, x: float, y: float, across: float, tall: float, color: Color) -> None:
        """Fill an ellipse of half-axes ``across`` and ``tall``."""
        angles = np.linspace(0, 2 * math.pi, 40, endpoint=False)
        self.polygon([(x + across * math.cos(a), y + tall * math.sin(a)) for a in angles], color)

    def mottle(self, random: np.random.Generator, strength: float) -> None:
        """Uneven brightness at two grain sizes, so that no area is quite flat."""
        grain = (self._noise(random, 0.05) + self._noise(random, 0.008)) * strength
        brighter = self._colors.astype(np.float32) + grain[..., None]
        self._colors = np.clip(brighter, 0, 255).astype(np.uint8)

    def _noise(self, random: np.random.Generator, cell: float) -> NDArray[np.float32]:
        height, width = self._cover.shape
        cell_px = max(1.0, cell * height)
        coarse = random.standard_normal((int(height / cell_px) + 2, int(width / cell_px) + 2))
        return cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]

    def layer(self, depth: float, bottom: float = 1.0, blurred: float = 0.0) -> "Layer":
        """What was drawn, at the frame's resolution.

        Args:
            depth: how far it moves with the camera, 0..1.
            bottom: what is below, nearer layers hide.
            blurred: softens it by that share of the height.
        """
        size_wh = (self.width_px, self.height_px)
        cover = cv2.resize(self._cover, size_wh, interpolation=cv2.INTER_AREA)
        shown = cv2.bitwise_and(self._colors, cv2.merge([self._cover] * 3))
        colors = cv2.resize(shown, size_wh, interpolation=cv2.INTER_AREA)
        if blurred:
            sigma = blurred * self.height_px
            cover, colors = cv2.GaussianBlur(cover, (0, 0), sigma), cv2.GaussianBlur(colors, (0, 0), sigma)
        rows = math.ceil(bottom * self.height_px)
        return Layer(colors[:rows], cover[:rows], depth)  # type: ignore[arg-type]


class Layer:
    """Colours already multiplied by their cover, and how much of what is behind shows through."""

    def __init__(self, colors: Pixels, cover: NDArray[np.uint8], depth: float) -> None:
        """Keep the rows that have anything in them.

        Args:
            colors: (H, W, 3) uint8 BGR, times cover / 255.
            cover: (H, W) uint8, 255 hides what is behind.
            depth: 0 stands still, 1 moves as far as the camera.
        """
        self.depth = depth
        used = np.flatnonzero(cover.max(axis=1))
        self._top, self._bottom = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 0)
        self._colors = np.ascontiguousarray(colors[self._top : self._bottom])
        shown = cover[self._top : self._bottom]
        self._behind = np.repeat((255 - shown)[..., None], 3, axis=2)
        gaps = np.flatnonzero(shown.min(axis=1) < 255)
        self._solid_from = int(gaps[-1]) + 1 if len(gaps) else 0

    def over(self, frame: Pixels, left_px: float) -> None:
        """Lay the part that begins ``left_px`` from the layer's left edge over ``frame``."""
        split = self._solid_from
        rows = frame[self._top : self._top + split]
        if split:
            cv2.multiply(rows, _shifted(self._behind[:split], left_px, rows), dst=rows, scale=1 / 255)
            cv2.add(rows, _shifted(self._colors[:split], left_px, rows), dst=rows)
        solid = frame[self._top + split : self._bottom]
        if len(solid):
            solid[:] = _shifted(self._colors[split:], left_px, solid)


def _shifted(image: Pixels, left_px: float, like: Pixels) -> Pixels:
    """As much of ``image`` as ``like`` is wide, from ``left_px`` on, between two pixels where that falls."""
    width = like.shape[1]
    whole = math.floor(left_px)
    share = left_px - whole
    here, next_to_it = image[:, whole : whole + width], image[:, whole + 1 : whole + 1 + width]
    shifted: Pixels = cv2.addWeighted(here, 1 - share, next_to_it, share, 0)  # type: ignore[assignment]
    return shifted
