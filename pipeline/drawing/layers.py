"""What a drawn scene is made of: a canvas to draw on, layers to lay over one another, sprites that turn.

Lengths are shares of the frame's height unless they end in ``_px``; colours are BGR.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.drawing.textures import Color, Field, Surface, fractal
from pipeline.frame import Pixels

Paint = Color | Surface
"""One colour, or a picture of the canvas's size in the frame's pixels, (H, W, 3) in 0..255."""

Points = list[tuple[float, float]]

_SHIFT_BITS = 4  # cv2 takes coordinates in sixteenths of a pixel
_SUPERSAMPLED = 2


class Canvas:
    """Draws with anti-aliasing in units of the frame's height, and remembers where it drew."""

    def __init__(self, height_px: int, width_px: int, unit_px: float | None = None) -> None:
        """A blank canvas; ``unit_px`` is what lengths are shares of, else its height."""
        self.height_px, self.width_px, self.unit_px = height_px, width_px, unit_px or height_px
        size = (height_px * _SUPERSAMPLED, width_px * _SUPERSAMPLED)
        self._colors: Pixels = np.zeros((*size, 3), np.uint8)
        self._cover: NDArray[np.uint8] = np.zeros(size, np.uint8)

    @property
    def width(self) -> float:
        """The canvas's width in units."""
        return self.width_px / self.unit_px

    @property
    def places(self) -> tuple[Field, Field]:
        """x and y of every pixel."""
        y, x = np.mgrid[: self.height_px, : self.width_px].astype(np.float32)
        return x / self.unit_px, y / self.unit_px

    def noise(
        self, random: np.random.Generator, grain: float, *, stretch: float = 1.0, roughness: float = 0.6
    ) -> Field:
        """``fractal`` noise all over, ``grain`` in units."""
        size = (self.height_px, self.width_px)
        return fractal(random, size, grain * self.unit_px, stretch=stretch, roughness=roughness)

    def polygon(self, points: Points, paint: Paint) -> None:
        """Fill a polygon."""
        places = np.asarray(points) * self.unit_px
        corners = np.rint(places * (_SUPERSAMPLED << _SHIFT_BITS)).astype(np.int32)
        cv2.fillPoly(self._cover, [corners], 255, cv2.LINE_8, _SHIFT_BITS)
        if isinstance(paint, tuple):
            cv2.fillPoly(self._colors, [corners], paint, cv2.LINE_8, _SHIFT_BITS)
            return
        left, top = np.maximum(np.floor(places.min(axis=0)).astype(int), 0)
        right, bottom = np.ceil(places.max(axis=0)).astype(int) + 1
        here = _enlarged(paint[top:bottom, left:right])
        part = self._colors[_SUPERSAMPLED * top :, _SUPERSAMPLED * left :][: here.shape[0], : here.shape[1]]
        inside = np.zeros(part.shape[:2], np.uint8)
        corners -= (np.array((left, top)) * (_SUPERSAMPLED << _SHIFT_BITS)).astype(np.int32)
        cv2.fillPoly(inside, [corners], 255, cv2.LINE_8, _SHIFT_BITS)
        cv2.copyTo(here, inside, part)

    def box(self, left: float, top: float, width: float, height: float, paint: Paint) -> None:
        """Fill a rectangle."""
        right, bottom = left + width, top + height
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], paint)

    def ellipse(self, x: float, y: float, across: float, tall: float, paint: Paint) -> None:
        """Fill an ellipse of half-axes ``across`` and ``tall``."""
        corners = max(7, min(40, round(3 * max(across, tall) * self.unit_px)))
        angles = np.linspace(0, 2 * math.pi, corners, endpoint=False)
        self.polygon([(x + across * math.cos(a), y + tall * math.sin(a)) for a in angles], paint)

    def veil(self, paint: Surface, cover: Field) -> None:
        """Cover everything by ``paint`` as far as ``cover`` says, 0..1; for a canvas of nothing else."""
        self._colors, self._cover = _enlarged(paint), _enlarged(cover * 255)

    def drawn(self) -> tuple[Pixels, NDArray[np.uint8]]:
        """Colours times cover, and cover, at the frame's resolution."""
        size_wh = (self.width_px, self.height_px)
        shown = cv2.multiply(self._colors, cv2.merge([self._cover] * 3), scale=1 / 255)
        colors = cv2.resize(shown, size_wh, interpolation=cv2.INTER_AREA)
        cover = cv2.resize(self._cover, size_wh, interpolation=cv2.INTER_AREA)
        return colors, cover  # type: ignore[return-value]

    def layer(self, depth: float, bottom: float = 1.0) -> "Layer":
        """What was drawn, at the frame's resolution.

        Args:
            depth: how far it moves with the camera, 0..1.
            bottom: what is below, nearer layers hide.
        """
        colors, cover = self.drawn()
        rows = math.ceil(bottom * self.height_px)
        return Layer(colors[:rows], cover[:rows], depth)

    def sprite(self, x: float, y: float) -> "Sprite":
        """What was drawn, to be turned about (x, y)."""
        return Sprite(*self.drawn(), (x * self.unit_px, y * self.unit_px))


def _enlarged(field: Surface) -> Pixels:
    """As bytes, each pixel as large as it is drawn."""
    whole = np.clip(field + 0.5, 0, 255).astype(np.uint8)
    enlarged: Pixels = whole.repeat(_SUPERSAMPLED, axis=0).repeat(_SUPERSAMPLED, axis=1)
    return enlarged


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


class Sprite:
    """A drawn piece that is laid on a frame anywhere, turned about its joint."""

    def __init__(self, colors: Pixels, cover: NDArray[np.uint8], joint_px: tuple[float, float]) -> None:
        """Args: as for ``Layer``; ``joint_px`` is (x, y) in the piece."""
        self._colors, self._behind = colors, cv2.merge([255 - cover] * 3)
        self._joint_px = joint_px

    def over(self, frame: Pixels, x_px: float, y_px: float, angle: float = 0.0, facing: int = 1) -> None:
        """Lay it over ``frame``, its joint at (x, y).

        Args:
            angle: in radians, a leg that is turned by a small positive one points forward.
            facing: 1 as it was drawn, -1 mirrored.
        """
        cos, sin = math.cos(angle), math.sin(angle)
        turn = np.array([[facing * cos, facing * sin], [-sin, cos]])
        height, width = self._colors.shape[:2]
        corners = (np.array([(0, 0), (width, 0), (0, height), (width, height)]) - self._joint_px) @ turn.T
        corners += (x_px, y_px)
        left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(corners.max(axis=0)).astype(int), frame.shape[1::-1])
        if right <= left or bottom <= top:
            return
        move = np.column_stack([turn, np.array([x_px - left, y_px - top]) - turn @ self._joint_px])
        size_wh, box = (int(right - left), int(bottom - top)), frame[top:bottom, left:right]
        behind = cv2.warpAffine(self._behind, move, size_wh, borderValue=(255, 255, 255))
        cv2.multiply(box, behind, dst=box, scale=1 / 255)
        cv2.add(box, cv2.warpAffine(self._colors, move, size_wh), dst=box)
