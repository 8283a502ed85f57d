"""A small landscape with somebody walking: layers painted once and shifted for every frame.

Lengths are shares of the frame's height unless they end in ``_px``; colours are BGR.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.drawing import landscape
from pipeline.drawing.layers import Canvas, Layer
from pipeline.drawing.walker import Walker
from pipeline.frame import Pixels

WHOLE_SWING_S = 12.0
"""Seconds in which the camera goes to the right and comes back."""
_SWING = 0.30  # how far the nearest layer moves to each side
_CLOUDS_PER_S = 0.02
_WALKER_TALL = 0.52


@dataclass(frozen=True)
class Scene:
    """Sky, sun, clouds, mountains, a village, a meadow, somebody walking; surfaces as photographs have them.

    Attributes:
        height_px, width_px: the frame's size.
        seed: another seed, another landscape.
    """

    height_px: int
    width_px: int
    seed: int = 0

    def draw(self, seconds: float) -> Pixels:
        """The frame at that time: (H, W, 3) uint8 BGR, a new buffer. The same for the same arguments."""
        frame = self._sky.copy()
        self._clouds.over(frame, seconds * _CLOUDS_PER_S * self.height_px % (2 * self.width_px))
        camera = math.sin(2 * math.pi * seconds / WHOLE_SWING_S)
        for layer in self._layers:
            layer.over(frame, self._margin_px(layer.depth) * (1 + camera))
        self._draw_walker(frame, seconds)
        return frame

    def _margin_px(self, depth: float) -> float:
        return _SWING * depth * self.height_px

    def _random(self, part: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, part))

    @cached_property
    def _sky(self) -> Pixels:
        return landscape.sky(Canvas(self.height_px, self.width_px), self._random(0))

    @cached_property
    def _clouds(self) -> Layer:
        """One round of clouds, the frame's width added again at the end."""
        round_px = 2 * self.width_px
        canvas = Canvas(math.ceil(self.height_px / 2), round_px + self.width_px + 1, self.height_px)
        landscape.clouds(canvas, self._random(1), round_px)
        return canvas.layer(0.0)

    @cached_property
    def _layers(self) -> tuple[Layer, ...]:
        return (
            self._layer(landscape.mountains, 2, 0.12, landscape.HORIZON + 0.08),
            self._layer(landscape.forest, 3, 0.25, landscape.HORIZON + 0.12),
            self._layer(landscape.village, 4, 0.5, landscape.HORIZON + 0.18),
            self._layer(landscape.meadow, 5, 1.0, 1.0),
        )

    def _layer(
        self, paint: Callable[[Canvas, np.random.Generator], None], part: int, depth: float, bottom: float
    ) -> Layer:
        canvas = Canvas(self.height_px, self.width_px + 2 * math.ceil(self._margin_px(depth)) + 2)
        paint(canvas, self._random(part))
        return canvas.layer(depth, bottom)

    @cached_property
    def _walker(self) -> Walker:
        return Walker(_WALKER_TALL * self.height_px, self._random(6))

    def _draw_walker(self, frame: Pixels, seconds: float) -> None:
        away = (seconds / WHOLE_SWING_S * 2) % 2
        share, facing = (away, 1) if away < 1 else (2 - away, -1)
        x_px = (0.2 + 0.6 * share) * self.width_px
        self._walker.draw(frame, x_px, 0.95 * self.height_px, facing, seconds)
