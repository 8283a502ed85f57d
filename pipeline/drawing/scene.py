"""A small painted landscape: layers drawn once, shifted and laid over one another for every frame.

Lengths are shares of the frame's height unless they end in ``_px``; colours are BGR.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pipeline.drawing.layers import SHIFT_BITS, Canvas, Color, Layer, Points
from pipeline.frame import Pixels

_HORIZON = 0.60
WHOLE_SWING_S = 12.0
"""Seconds in which the camera goes to the right and comes back."""
_SWING = 0.30  # how far the nearest layer moves to each side
_CLOUDS_PER_S = 0.02


@dataclass(frozen=True)
class Scene:
    """Sky, sun, clouds, hills, a village, a meadow, somebody walking.

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
        self._lay_clouds(frame, seconds)
        camera = math.sin(2 * math.pi * seconds / WHOLE_SWING_S)
        for layer in self._layers:
            layer.over(frame, self._margin_px(layer.depth) * (1 + camera))
        self._draw_walker(frame, seconds)
        return frame

    def _margin_px(self, depth: float) -> float:
        return _SWING * depth * self.height_px

    def _canvas(self, depth: float) -> Canvas:
        return Canvas(self.height_px, self.width_px + 2 * math.ceil(self._margin_px(depth)) + 2)

    def _random(self, part: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, part))

    @cached_property
    def _sky(self) -> Pixels:
        height, width = self.height_px, self.width_px
        down = np.linspace(0, 1 / _HORIZON, height, dtype=np.float32).clip(0, 1)
        stops = np.array([(150, 74, 30), (206, 148, 82), (196, 206, 236), (150, 205, 250)], np.float32)
        columns = [np.interp(down, (0, 0.45, 0.85, 1), stops[:, c]) for c in range(3)]
        sky = np.repeat(np.stack(columns, axis=1)[:, None], width, axis=1).astype(np.float32)
        y, x = np.mgrid[0:height, 0:width].astype(np.float32) / height
        away = np.hypot(x - 0.72 * width / height, y - 0.24)
        glow = np.exp(-((away / 0.22) ** 2))[..., None] * 0.75
        sun = np.clip((0.072 - away) * height + 0.5, 0, 1)[..., None]
        sky += (np.array([150, 225, 255], np.float32) - sky) * glow
        sky += (np.array([190, 245, 255], np.float32) - sky) * sun
        dither = self._random(0).uniform(-0.5, 0.5, sky.shape)
        return np.clip(np.rint(sky + dither), 0, 255).astype(np.uint8)

    @cached_property
    def _clouds(self) -> Layer:
        """One round of clouds, the frame's width added again at the end, so that they never run out."""
        random, round_px = self._random(1), 2 * self.width_px
        canvas = Canvas(self.height_px, round_px + self.width_px + 1)
        round_width = round_px / self.height_px
        for place in np.arange(0.3, round_width, 0.75):
            x, y, size = place + random.uniform(-0.2, 0.2), random.uniform(0.07, 0.32), random.uniform(0.6, 1)
            for dx, dy, radius in (
                (-0.13, 0.02, 0.05),
                (-0.05, -0.015, 0.075),
                (0.05, 0, 0.06),
                (0.13, 0.02, 0.045),
            ):
                for again in (0, round_width):
                    centre = (x + dx * size + again, y + dy * size)
                    canvas.ellipse(*centre, 1.5 * radius * size, radius * size, (226, 232, 246))
        return canvas.layer(0.0, blurred=0.008)

    def _lay_clouds(self, frame: Pixels, seconds: float) -> None:
        self._clouds.over(frame, seconds * _CLOUDS_PER_S * self.height_px % (2 * self.width_px))

    @cached_property
    def _layers(self) -> tuple[Layer, ...]:
        return (self._far_hills(), self._village(), self._meadow())

    def _far_hills(self) -> Layer:
        canvas, random = self._canvas(0.2), self._random(2)
        canvas.polygon(_ridge(canvas, _HORIZON - 0.15, 0.07, random), (168, 128, 92))
        canvas.polygon(_ridge(canvas, _HORIZON - 0.06, 0.04, random), (150, 142, 84))
        canvas.mottle(random, 3)
        return canvas.layer(0.2, bottom=_HORIZON + 0.08)

    def _village(self) -> Layer:
        canvas, random = self._canvas(0.5), self._random(3)
        canvas.polygon(_ridge(canvas, _HORIZON + 0.04, 0.025, random), (70, 140, 96))
        walls = ((196, 214, 232), (150, 190, 226), (206, 206, 196), (140, 160, 214))
        for number, x in enumerate(np.arange(0.08, canvas.width, 0.36)):
            x += random.uniform(0, 0.1)
            _tree(canvas, x + 0.26, _HORIZON + 0.09, random.uniform(0.14, 0.2), (58, 98, 44))
            _house(canvas, x, _HORIZON + 0.10, random.uniform(0.13, 0.18), walls[number % len(walls)])
        canvas.mottle(random, 5)
        return canvas.layer(0.5, bottom=_HORIZON + 0.18)

    def _meadow(self) -> Layer:
        canvas, random = self._canvas(1.0), self._random(4)
        canvas.polygon(_ridge(canvas, _HORIZON + 0.13, 0.02, random), (58, 150, 112))
        far, near = _HORIZON + 0.24, 1.0
        canvas.polygon(
            [(0, far), (canvas.width, far - 0.03), (canvas.width, near), (0, near)], (140, 186, 206)
        )
        canvas.polygon(
            [(0, far + 0.1), (canvas.width, far + 0.07), (canvas.width, 1.01), (0, 1.01)], (48, 124, 84)
        )
        colors: tuple[Color, ...] = ((60, 70, 220), (70, 210, 250), (240, 240, 245), (200, 110, 170))
        for _ in range(int(70 * canvas.width)):
            x, y = random.uniform(0, canvas.width), random.uniform(far + 0.12, 0.99)
            canvas.box(x, y, 0.002, 0.02, (40, 90, 50))
            canvas.ellipse(x, y, 0.007, 0.007, colors[int(random.integers(len(colors)))])
        for x in np.arange(0.02, canvas.width, 0.12):
            canvas.box(x, far - 0.10, 0.012, 0.085, (66, 92, 128))
        canvas.box(0, far - 0.085, canvas.width, 0.010, (72, 100, 138))
        canvas.box(0, far - 0.050, canvas.width, 0.010, (72, 100, 138))
        canvas.mottle(random, 9)
        return canvas.layer(1.0)

    def _draw_walker(self, frame: Pixels, seconds: float) -> None:
        away = (seconds / WHOLE_SWING_S * 2) % 2
        share = away if away < 1 else 2 - away
        x = (0.22 + 0.56 * share) * self.width_px / self.height_px
        Walker(frame, x, 0.93, 0.46, facing=1 if away < 1 else -1).draw(seconds)


def _ridge(canvas: Canvas, top: float, rough: float, random: np.random.Generator) -> Points:
    """The outline of a hill range, down to the canvas's bottom."""
    xs = np.linspace(0, canvas.width, max(2, round(canvas.width * 60)))
    ys = np.full_like(xs, top)
    for waves in (1.3, 2.9, 6.1):
        ys += rough / waves * 1.3 * np.sin(waves * 2.2 * xs + random.uniform(0, 2 * math.pi))
    bottom = 1 + 1 / canvas.height_px
    return [*zip(xs.tolist(), ys.tolist(), strict=True), (canvas.width, bottom), (0.0, bottom)]


def _house(canvas: Canvas, x: float, ground: float, size: float, wall: Color) -> None:
    height, roof, dark = size * 0.8, (62, 74, 168), (70, 58, 52)
    canvas.box(x, ground - height, size, height, wall)
    canvas.box(x + 0.72 * size, ground - height - 0.42 * size, 0.1 * size, 0.3 * size, (80, 90, 130))
    eaves = ground - height
    canvas.polygon(
        [(x - 0.08 * size, eaves), (x + size / 2, eaves - 0.5 * size), (x + 1.08 * size, eaves)], roof
    )
    for column in (0.14, 0.62):
        canvas.box(x + column * size, ground - 0.62 * size, 0.24 * size, 0.24 * size, dark)
        canvas.box(
            x + (column + 0.02) * size, ground - 0.60 * size, 0.09 * size, 0.20 * size, (130, 215, 250)
        )
        canvas.box(
            x + (column + 0.13) * size, ground - 0.60 * size, 0.09 * size, 0.20 * size, (130, 215, 250)
        )
    canvas.box(x + 0.40 * size, ground - 0.36 * size, 0.2 * size, 0.36 * size, (60, 84, 120))


def _tree(canvas: Canvas, x: float, ground: float, size: float, leaves: Color) -> None:
    canvas.box(x - 0.05 * size, ground - 0.5 * size, 0.1 * size, 0.5 * size, (52, 70, 92))
    lighter = (leaves[0] + 22, leaves[1] + 36, leaves[2] + 30)
    for dx, dy, radius, color in (
        (0, 0.75, 0.32, leaves),
        (-0.2, 0.6, 0.22, leaves),
        (0.2, 0.6, 0.22, leaves),
        (-0.07, 0.82, 0.2, lighter),
    ):
        canvas.ellipse(x + dx * size, ground - dy * size, radius * size, radius * size, color)


@dataclass
class Walker:
    """Somebody in a red coat who walks, swings the arms, nods and blinks.

    Attributes:
        frame: drawn into.
        x, ground: where the feet are, in heights.
        tall: height of the figure, in heights.
        facing: 1 to the right, -1 to the left.
    """

    frame: Pixels
    x: float
    ground: float
    tall: float
    facing: int

    def draw(self, seconds: float) -> None:
        """Draw the figure as it is at that time."""
        step = math.sin(2 * math.pi * 1.4 * seconds)
        self._bob = 0.012 * abs(step)
        for side, shade in ((-1, 0.7), (1, 1.0)):
            self._limb((0, 0.44), (0.16 * step * side, 0.0), 0.085, _shaded((110, 62, 40), shade))
        self._limb((0, 0.68), (-0.15 * step, 0.42), 0.06, _shaded((52, 52, 196), 0.7))
        self._polygon([(-0.10, 0.78), (0.10, 0.78), (0.15, 0.36), (-0.15, 0.36)], (56, 56, 205))
        self._polygon([(-0.025, 0.78), (0.025, 0.78), (0.02, 0.36), (-0.02, 0.36)], (80, 170, 235))
        self._limb((0, 0.70), (0.15 * step, 0.42), 0.06, (70, 70, 226))
        self._head(seconds)

    def _head(self, seconds: float) -> None:
        look = 0.03 * self.facing
        self._ellipse(0, 0.885, 0.118, 0.125, (40, 62, 98))
        self._ellipse(look * 0.6, 0.87, 0.10, 0.115, (168, 196, 238))
        self._ellipse(0, 0.965, 0.115, 0.05, (150, 96, 40))
        self._ellipse(0, 0.99, 0.075, 0.055, (150, 96, 40))
        blinking = seconds % 3.1 < 0.12
        for side in (-1, 1):
            self._ellipse(look + 0.042 * side, 0.885, 0.017, 0.004 if blinking else 0.018, (50, 40, 40))
            self._ellipse(look + 0.068 * side, 0.845, 0.018, 0.012, (150, 160, 240))
        self._ellipse(look * 1.4, 0.858, 0.012, 0.018, (130, 160, 216))
        self._ellipse(look, 0.818, 0.038, 0.020, (70, 70, 170))
        self._ellipse(look, 0.828, 0.044, 0.016, (168, 196, 238))

    def _point(self, x: float, up: float) -> tuple[float, float]:
        bob = self._bob if up > 0.3 else 0.0
        return self.x + x * self.tall, self.ground - (up + bob) * self.tall

    def _fixed(self, *values: float) -> list[int]:
        unit = self.frame.shape[0] * (1 << SHIFT_BITS)
        return [round(value * unit) for value in values]

    def _polygon(self, points: Points, color: Color) -> None:
        corners = [self._fixed(*self._point(*point)) for point in points]
        cv2.fillPoly(self.frame, [np.array(corners, np.int32)], color, cv2.LINE_AA, SHIFT_BITS)

    def _ellipse(self, x: float, up: float, across: float, tall: float, color: Color) -> None:
        centre = self._fixed(*self._point(x, up))
        axes = self._fixed(across * self.tall, tall * self.tall)
        cv2.ellipse(self.frame, centre, axes, 0, 0, 360, color, cv2.FILLED, cv2.LINE_AA, SHIFT_BITS)

    def _limb(self, start: tuple[float, float], end: tuple[float, float], thick: float, color: Color) -> None:
        (x0, y0), (x1, y1) = start, end
        long = math.hypot(x1 - x0, y1 - y0)
        dx, dy = (y1 - y0) / long * thick / 2, (x0 - x1) / long * thick / 2
        self._polygon([(x0 + dx, y0 + dy), (x1 + dx, y1 + dy), (x1 - dx, y1 - dy), (x0 - dx, y0 - dy)], color)
        self._ellipse(x1, y1, thick / 2, thick / 2, color)


def _shaded(color: Color, share: float) -> Color:
    blue, green, red = color
    return round(blue * share), round(green * share), round(red * share)
