"""Somebody in a red coat who walks: body, head and limbs painted once, turned about their joints.

Lengths are shares of the figure's height; colours are BGR.
"""

import math
from functools import cached_property

import numpy as np

from pipeline.drawing.layers import Canvas, Points, Sprite
from pipeline.drawing.textures import Color, Surface, between, in_shadow, lit
from pipeline.frame import Pixels

_SKIN: tuple[Color, Color] = ((70, 96, 158), (176, 204, 240))
_COAT: tuple[Color, Color] = ((26, 20, 92), (76, 72, 226))
_JEANS: tuple[Color, Color] = ((48, 30, 20), (140, 96, 66))
_HAIR: tuple[Color, Color] = ((20, 26, 38), (62, 92, 140))
_HAT: tuple[Color, Color] = ((66, 40, 20), (176, 124, 66))
_STEPS_PER_S = 1.4


class Walker:
    """Walks, swings the arms, nods and blinks; drawn facing right."""

    def __init__(self, tall_px: float, random: np.random.Generator) -> None:
        self._tall_px, self._random = tall_px, random

    def draw(self, frame: Pixels, x_px: float, ground_px: float, facing: int, seconds: float) -> None:
        """Draw the figure into ``frame`` as it is at that time, its feet at (x, ground)."""
        swing = math.sin(2 * math.pi * _STEPS_PER_S * seconds)
        bob = 0.012 * abs(swing)

        def lay(sprite: Sprite, x: float, up: float, angle: float = 0.0) -> None:
            at = x_px + facing * x * self._tall_px, ground_px - (up + bob) * self._tall_px
            sprite.over(frame, *at, angle, facing)

        lay(self._arm, -0.035, 0.76, -0.42 * swing)
        for side in (-1, 1):
            angle = 0.36 * swing * side
            bent = 0.28 + 0.3 * max(0.0, -math.cos(2 * math.pi * _STEPS_PER_S * seconds) * side)
            lay(self._thigh, 0.0, 0.49, angle)
            knee = 0.235 * math.sin(angle), 0.49 - 0.235 * math.cos(angle)
            lay(self._shin, *knee, angle - bent * (0.35 if angle > 0 else 1))
        lay(self._body, 0, 0.64)
        lay(self._heads[seconds % 3.1 < 0.12], 0.006, 0.825, 0.03 * math.sin(2 * math.pi * 0.4 * seconds))
        lay(self._arm, 0.0, 0.765, 0.42 * swing)

    def _canvas(self, width: float, height: float) -> Canvas:
        unit = self._tall_px
        return Canvas(max(2, math.ceil(height * unit)), max(2, math.ceil(width * unit)), unit)

    def _cloth(self, canvas: Canvas, colors: tuple[Color, Color], middle: float, half: float) -> Surface:
        """Folds and weave, round about ``middle``: lit from the right."""
        x, _ = canvas.places
        folds = canvas.noise(self._random, 0.09, stretch=0.45, roughness=0.55)
        weave = canvas.noise(self._random, 0.008)
        rounded = 0.55 + 0.3 * np.sin((x - middle) / half * 1.4)
        return between(*colors, rounded + 0.1 * lit(folds, 1.5) + 0.05 * weave)

    def _limb(self, colors: tuple[Color, Color], long: float, thick: tuple[float, float]) -> Canvas:
        """A limb that hangs down from its joint at (0.1, 0.03)."""
        canvas = self._canvas(0.2, long + 0.08)
        cloth = self._cloth(canvas, colors, 0.1, thick[0])
        upper, lower = thick
        canvas.ellipse(0.1, 0.03, upper, upper * 0.8, cloth)
        end = 0.03 + long
        canvas.polygon(
            [(0.1 - upper, 0.03), (0.1 + upper, 0.03), (0.1 + lower, end), (0.1 - lower, end)], cloth
        )
        canvas.ellipse(0.1, end, lower, lower, cloth)
        return canvas

    @cached_property
    def _thigh(self) -> Sprite:
        return self._limb(_JEANS, 0.235, (0.052, 0.04)).sprite(0.1, 0.03)

    @cached_property
    def _shin(self) -> Sprite:
        canvas = self._limb(_JEANS, 0.21, (0.04, 0.03))
        leather = self._cloth(canvas, ((18, 22, 34), (70, 92, 128)), 0.12, 0.06)
        canvas.polygon(
            [(0.068, 0.225), (0.13, 0.225), (0.175, 0.262), (0.175, 0.276), (0.068, 0.276)], leather
        )
        return canvas.sprite(0.1, 0.03)

    @cached_property
    def _arm(self) -> Sprite:
        canvas = self._limb(_COAT, 0.27, (0.036, 0.028))
        canvas.ellipse(0.104, 0.322, 0.024, 0.03, self._skin(canvas, 0.104, 0.322, 0.03))
        return canvas.sprite(0.1, 0.03)

    def _skin(self, canvas: Canvas, x: float, y: float, radius: float) -> Surface:
        xs, ys = canvas.places
        turned = ((xs - x) - 0.8 * (ys - y)) / radius
        blush = canvas.noise(self._random, 0.03)
        pores = canvas.noise(self._random, 0.006)
        colors = between(*_SKIN, 0.62 + 0.24 * turned + 0.05 * blush + 0.03 * pores)
        colors[..., 1] -= 5 * blush
        return colors

    @cached_property
    def _body(self) -> Sprite:
        canvas = self._canvas(0.4, 0.5)
        coat = self._cloth(canvas, _COAT, 0.2, 0.11)
        outline: Points = [
            (0.165, 0.035), (0.11, 0.07), (0.095, 0.16), (0.105, 0.25), (0.075, 0.44),
            (0.325, 0.44), (0.295, 0.25), (0.3, 0.16), (0.285, 0.07), (0.235, 0.035),
        ]  # fmt: skip
        canvas.polygon(outline, coat)
        scarf = self._cloth(canvas, ((40, 110, 170), (120, 214, 250)), 0.2, 0.06)
        canvas.polygon([(0.15, 0.015), (0.26, 0.015), (0.27, 0.06), (0.15, 0.065)], scarf)
        canvas.polygon([(0.23, 0.05), (0.268, 0.05), (0.28, 0.2), (0.235, 0.21)], scarf)
        canvas.box(0.098, 0.262, 0.206, 0.02, (24, 26, 40))
        for up in (0.12, 0.18, 0.24, 0.33, 0.39):
            canvas.ellipse(0.215, up, 0.006, 0.006, (30, 40, 70))
        return canvas.sprite(0.2, 0.23)

    @cached_property
    def _heads(self) -> tuple[Sprite, Sprite]:
        """Awake, and in the middle of a blink."""
        return self._head(0.011), self._head(0.002)

    def _head(self, eye: float) -> Sprite:
        canvas = self._canvas(0.32, 0.28)
        strands = canvas.noise(self._random, 0.08, stretch=0.12, roughness=0.8)
        hair = between(*_HAIR, 0.5 + 0.2 * strands)
        skin = self._skin(canvas, 0.165, 0.15, 0.085)
        canvas.ellipse(0.15, 0.14, 0.092, 0.1, hair)
        canvas.box(0.12, 0.18, 0.07, 0.08, in_shadow(skin, 0.8))
        canvas.ellipse(0.172, 0.152, 0.076, 0.094, skin)
        canvas.ellipse(0.243, 0.16, 0.013, 0.018, skin)
        for x in (0.168, 0.218):
            canvas.ellipse(x, 0.14, 0.017, eye + 0.001, (222, 228, 232))
            canvas.ellipse(x + 0.004, 0.14, 0.008, min(eye, 0.009), (40, 46, 58))
            canvas.polygon(
                [(x - 0.02, 0.118), (x + 0.018, 0.116), (x + 0.02, 0.121), (x - 0.02, 0.124)], hair
            )
        canvas.polygon([(0.195, 0.14), (0.212, 0.176), (0.192, 0.18)], in_shadow(skin, 0.8))
        canvas.polygon(
            [(0.168, 0.2), (0.2, 0.196), (0.216, 0.2), (0.198, 0.212), (0.18, 0.211)], (76, 74, 158)
        )
        canvas.ellipse(0.155, 0.08, 0.1, 0.036, self._cloth(canvas, _HAT, 0.16, 0.1))
        canvas.ellipse(0.155, 0.056, 0.078, 0.045, self._cloth(canvas, _HAT, 0.16, 0.08))
        return canvas.sprite(0.16, 0.25)
