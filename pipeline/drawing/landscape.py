"""The parts of the drawn landscape, each painted once on a canvas: sky, clouds, hills, a village, a meadow.

Lengths are shares of the frame's height unless they end in ``_px``; colours are BGR.
"""

import math

import cv2
import numpy as np

from pipeline.drawing.layers import Canvas, Points
from pipeline.drawing.textures import Color, Field, Surface, between, courses, in_shadow, lit
from pipeline.frame import Pixels

HORIZON = 0.60
SUN = (0.73, 0.17)
"""Share of the width, and height."""
_HAZE: Color = (226, 206, 178)


def sky(canvas: Canvas, random: np.random.Generator) -> Pixels:
    """Deep above, pale at the horizon, the sun's glow, high thin veils; of the canvas's whole size."""
    x, y = canvas.places
    down = np.clip(y / HORIZON, 0, 1)
    colors = between((166, 92, 38), _HAZE, down**1.3)
    veils = np.clip(0.35 + 0.3 * canvas.noise(random, 0.3, stretch=4, roughness=0.65), 0, 1) * (0.2 + down)
    _mix(colors, (244, 236, 228), 0.5 * veils)
    away = np.hypot(x - SUN[0] * canvas.width, y - SUN[1])
    _mix(colors, (176, 226, 255), 0.75 * np.exp(-((away / 0.15) ** 2)) + 0.2 * np.exp(-((away / 0.4) ** 2)))
    _mix(colors, (215, 250, 255), np.clip((0.045 - away) / 0.012, 0, 1))
    canvas.veil(colors * (1 + 0.01 * canvas.noise(random, 0.006))[..., None], np.ones_like(y))
    return canvas.drawn()[0]


def _mix(colors: Surface, other: Color | Surface, share: Field | float) -> None:
    """Move ``colors`` towards ``other`` by ``share`` of the way, 0..1."""
    part = np.clip(np.asarray(share, np.float32), 0, 1)
    colors += (np.asarray(other, np.float32) - colors) * (part[..., None] if part.ndim else part)


def clouds(canvas: Canvas, random: np.random.Generator, round_px: int) -> None:
    """Heaps with bright tops and grey bellies that repeat after ``round_px``, so that they never run out."""
    _, y = canvas.places
    heaps = _repeating(canvas.noise(random, 0.26, stretch=1.8, roughness=0.55), round_px)
    dense = heaps - 0.25 - 9 * (y - 0.17) ** 2
    belly = cv2.GaussianBlur(dense, (0, 0), 0.02 * canvas.unit_px)
    shine = 0.72 + 0.1 * lit(heaps, 0.012 * canvas.unit_px) + 0.05 * lit(heaps) - 0.22 * np.clip(belly, 0, 2)
    canvas.veil(between((150, 128, 112), (250, 250, 252), shine), np.clip(1.8 * dense, 0, 0.97))


def _repeating(field: Field, period: int) -> Field:
    """The same field, faded so that what comes after ``period`` is what it began with."""
    overlap = min(period, field.shape[1] - period)
    fade = np.linspace(0, 1, overlap, dtype=np.float32)
    once = field[:, :period].copy()
    once[:, :overlap] = (1 - fade) * field[:, period : period + overlap] + fade * field[:, :overlap]
    return np.concatenate([once, once], axis=1)[:, : field.shape[1]]


def _ridge(canvas: Canvas, top: float, rough: float, random: np.random.Generator, jagged: float) -> Points:
    """The outline of a range of hills, down to the canvas's bottom; ``jagged`` 0 rolls, 1 has peaks."""
    xs = np.linspace(0, canvas.width, max(2, round(canvas.width * 220)))
    ys = np.full_like(xs, top)
    for octave in range(7):
        per_height = 1.6 * 2**octave
        knots = np.arange(int(canvas.width * per_height) + 3) / per_height
        size = rough * (0.62 if jagged else 0.4) ** octave
        ys += size * np.interp(xs, knots, random.uniform(-1, 1, len(knots)))
    bottom = 1 + 1 / canvas.height_px
    return [*zip(xs.tolist(), ys.tolist(), strict=True), (canvas.width, bottom), (0.0, bottom)]


def mountains(canvas: Canvas, random: np.random.Generator) -> None:
    """Rock with snow above, paler towards the foot."""
    _, y = canvas.places
    rock = canvas.noise(random, 0.22, stretch=0.7, roughness=0.62)
    shine = 0.5 + 0.17 * lit(rock, 2) + 0.08 * lit(rock)
    colors = between((112, 84, 66), (196, 176, 160), shine)
    snow = np.clip((HORIZON - 0.185 + 0.035 * rock - y) * 30, 0, 1)
    _mix(colors, between((206, 176, 150), (255, 252, 248), shine + 0.1), snow)
    _mix(colors, _HAZE, np.clip((y - HORIZON + 0.28) * 2.2, 0.12, 0.75))
    canvas.polygon(_ridge(canvas, HORIZON - 0.19, 0.13, random, 1), colors)


def forest(canvas: Canvas, random: np.random.Generator) -> None:
    """Two wooded hills, crown beside crown."""
    for top, haze, dark, light in (
        (HORIZON - 0.06, 0.38, (74, 62, 34), (120, 156, 104)),
        (HORIZON + 0.0, 0.12, (40, 44, 22), (78, 148, 110)),
    ):
        crowns = canvas.noise(random, 0.035, stretch=0.9, roughness=0.75)
        woods = canvas.noise(random, 0.25, stretch=2.5)
        colors = between(dark, light, 0.42 + 0.16 * lit(crowns) + 0.1 * woods)
        autumn = np.clip(0.6 * canvas.noise(random, 0.09, stretch=1.4) - 0.7, 0, 0.5)
        _mix(colors, (54, 120, 176), autumn)
        _mix(colors, _HAZE, haze)
        canvas.polygon(_ridge(canvas, top, 0.055, random, 1), colors)


def village(canvas: Canvas, random: np.random.Generator) -> None:
    """Brick and plaster houses with tiled roofs among trees, on a slope of grass."""
    canvas.polygon(_ridge(canvas, HORIZON + 0.045, 0.02, random, 0), _grass(canvas, random))
    size, unit_px = (canvas.height_px, canvas.width_px), canvas.unit_px
    brick = courses(random, size, 0.0105 * unit_px, 0.024 * unit_px, 0.16)
    tiles = courses(random, size, 0.014 * unit_px, 0.013 * unit_px, 0.22)
    weather = canvas.noise(random, 0.16, stretch=0.6)
    walls = [
        between((104, 118, 136), (92, 116, 190), brick + 0.14 * weather),
        between((150, 172, 186), (214, 230, 240), 0.6 + 0.2 * weather + 0.06 * lit(weather)),
        between((120, 152, 176), (160, 204, 232), 0.6 + 0.2 * weather + 0.06 * lit(weather)),
    ]
    roof = between((46, 44, 74), (74, 92, 176), 0.75 * tiles + 0.18 * weather + 0.1)
    for number, x in enumerate(np.arange(0.04, canvas.width, 0.38)):
        at = x + random.uniform(0, 0.08)
        _tree(canvas, at + 0.27, HORIZON + 0.105, random.uniform(0.17, 0.26), random)
        _house(canvas, at, HORIZON + 0.115, random.uniform(0.14, 0.18), walls[number % 3], roof)
        _tree(canvas, at - 0.035, HORIZON + 0.125, random.uniform(0.06, 0.09), random)


def _house(canvas: Canvas, x: float, ground: float, size: float, wall: Surface, roof: Surface) -> None:
    eaves, dark = ground - 0.75 * size, (52, 46, 42)
    canvas.box(x + 0.74 * size, eaves - 0.44 * size, 0.12 * size, 0.36 * size, in_shadow(wall, 0.7))
    canvas.box(x, eaves, size, 0.75 * size, wall)
    canvas.box(x, eaves, 0.3 * size, 0.75 * size, in_shadow(wall, 0.72))
    canvas.box(x, eaves, size, 0.05 * size, in_shadow(wall, 0.55))
    canvas.polygon(
        [(x - 0.08 * size, eaves), (x + size / 2, eaves - 0.5 * size), (x + 1.08 * size, eaves)], roof
    )
    for column in (0.08, 0.66):
        left, top = x + column * size, ground - 0.58 * size
        canvas.box(left - 0.02 * size, top - 0.02 * size, 0.27 * size, 0.29 * size, (206, 220, 226))
        canvas.box(left, top, 0.23 * size, 0.24 * size, dark)
        mirrored = [(left, top), (left + 0.17 * size, top), (left, top + 0.2 * size)]
        canvas.polygon(mirrored, (206, 186, 158))  # the sky in the panes
        canvas.box(left + 0.1 * size, top, 0.02 * size, 0.24 * size, (206, 220, 226))
    canvas.box(x + 0.41 * size, ground - 0.42 * size, 0.18 * size, 0.42 * size, (48, 62, 84))


def _tree(canvas: Canvas, x: float, ground: float, size: float, random: np.random.Generator) -> None:
    """A trunk and some hundred tufts of leaves, dark below, lit from the upper right."""
    foot, fork, up = 0.035 * size, 0.014 * size, ground - 0.6 * size
    canvas.polygon([(x - foot, ground), (x + foot, ground), (x + fork, up), (x - fork, up)], (52, 66, 84))
    hue = random.uniform(-0.35, 0.35)
    boughs = [(0.0, 0.64, 0.3), (-0.2, 0.5, 0.2), (0.19, 0.52, 0.21), (0.03, 0.84, 0.2), (-0.13, 0.74, 0.2)]
    tufts = []
    for dx, up, radius in boughs:
        for angle, share in random.uniform((0, 0), (2 * math.pi, 1), (70, 2)):
            away = radius * math.sqrt(share)
            tufts.append((dx + away * math.cos(angle), up + away * math.sin(angle), up))
    for dx, up, centre in sorted(tufts, key=lambda tuft: tuft[1] + random.uniform(-0.12, 0.12)):
        light = 0.42 + 0.9 * (up - centre) + 0.55 * dx + 0.35 * (up - 0.6) + random.uniform(-0.2, 0.2)
        share = min(1.0, max(0.0, light))
        color = (24 + 44 * share, 48 + 110 * share - 24 * hue, 30 + 74 * share + 60 * hue * share + 20 * hue)
        tuft = size * random.uniform(0.018, 0.042)
        canvas.ellipse(x + dx * size, ground - up * size, tuft, 0.8 * tuft, _bytes(color))


def _bytes(color: tuple[float, float, float]) -> Color:
    blue, green, red = (min(255, max(0, round(value))) for value in color)
    return blue, green, red


def _grass(canvas: Canvas, random: np.random.Generator) -> Surface:
    patches, blades = canvas.noise(random, 0.2, stretch=2.5), canvas.noise(random, 0.02, stretch=0.45)
    colors = between((28, 74, 48), (84, 176, 142), 0.45 + 0.16 * patches + 0.17 * blades)
    dry = np.clip(0.5 * canvas.noise(random, 0.12, stretch=3) - 0.4, 0, 0.6)
    _mix(colors, (86, 164, 186), dry)
    return colors


def meadow(canvas: Canvas, random: np.random.Generator) -> None:
    """Grass, a fence, a sandy path, tall grass with flowers in front."""
    canvas.polygon(_ridge(canvas, HORIZON + 0.13, 0.012, random, 0), _grass(canvas, random))
    far, wide = HORIZON + 0.24, canvas.width
    _fence(canvas, random, far)
    ruts, pebbles = canvas.noise(random, 0.07, stretch=5), canvas.noise(random, 0.012, stretch=1.6)
    sand = between((92, 124, 146), (178, 208, 226), 0.5 + 0.14 * ruts + 0.13 * lit(pebbles))
    upper = [(x, far - 0.01 * x + 0.004 * math.sin(31 * x)) for x in np.linspace(0, wide, 60)]
    canvas.polygon([*upper, (wide, 1.01), (0, 1.01)], sand)
    canvas.polygon(_ridge(canvas, far + 0.105, 0.012, random, 1), _grass(canvas, random))
    _tall_grass(canvas, random, far)


def _fence(canvas: Canvas, random: np.random.Generator, far: float) -> None:
    grain = canvas.noise(random, 0.05, stretch=7, roughness=0.8)
    boards = between((44, 58, 76), (128, 152, 172), 0.5 + 0.2 * grain)
    posts = between((40, 52, 70), (120, 146, 166), 0.5 + 0.2 * canvas.noise(random, 0.3, stretch=0.05))
    for up in (0.088, 0.052):
        canvas.box(0, far - up, canvas.width, 0.013, boards)
        canvas.box(0, far - up + 0.010, canvas.width, 0.004, (38, 48, 60))
    for x in np.arange(0.02, canvas.width, 0.13):
        canvas.box(x + random.uniform(-0.01, 0.01), far - random.uniform(0.1, 0.115), 0.016, 0.11, posts)


def _tall_grass(canvas: Canvas, random: np.random.Generator, far: float) -> None:
    petals: tuple[Color, ...] = ((70, 76, 216), (76, 206, 244), (236, 238, 240), (190, 110, 164))
    blades = random.uniform((0, far + 0.11), (canvas.width, 1.04), (int(900 * canvas.width), 2))
    for x, y in blades[np.argsort(blades[:, 1])]:
        near = (y - far) / (1 - far)
        tall, lean, light = random.uniform((0.02, -0.4, 0.2), (0.07, 0.4, 1.0)) * (near, 1, 1)
        color = _bytes((26 + 60 * light, 66 + 116 * light, 40 + 106 * light))
        canvas.polygon([(x - 0.002, y), (x + 0.002, y), (x + lean * tall, y - tall)], color)
        if random.uniform() < 0.1:
            flower = (0.0025 + 0.005 * near) * random.uniform(0.6, 1.2)
            canvas.ellipse(x + lean * tall, y - tall, flower, 0.8 * flower, petals[int(random.integers(4))])
