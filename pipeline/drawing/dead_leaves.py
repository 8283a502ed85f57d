"""Pictures with the statistics of photographs: shapes of every size that cover one another.

The dead leaves model (Lee, Mumford & Huang 2001): edges, plain grounds and textures as often and at as many
sizes as in photographs of anything, where ``scene`` always shows a landscape.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.drawing.textures import Field, Surface, fractal
from pipeline.frame import Pixels

LEAVES = 300
_SMALLEST, _LARGEST = 0.02, 0.6  # half lengths, in heights
_CORNERS = 24


def dead_leaves(random: np.random.Generator, size: tuple[int, int]) -> Pixels:
    """(H, W, 3) uint8 BGR of ``size``, height and width in px; the same for the same state of ``random``."""
    palette = random.uniform(20, 235, (7, 1)) + random.normal(0, 25, (7, 3))
    grains = [fractal(random, size, size[0] / parts, roughness=0.8) for parts in (2, 8, 30)]
    picture = _surface(random, palette, grains)
    for _ in range(LEAVES):
        leaf, soft = _leaf(random, size), 0.4 + random.exponential(0.7)
        left, top, wide, high = cv2.boundingRect(leaf)
        room = round(3 * soft) + 1
        rows = slice(max(0, top - room), max(0, top + high + room))
        columns = slice(max(0, left - room), max(0, left + wide + room))
        under: Surface = picture[rows, columns]
        if not under.size:
            continue
        inside: Field = np.zeros(under.shape[:2], np.float32)
        cv2.fillPoly(inside, [leaf - (columns.start, rows.start)], (1.0,))
        cover = np.asarray(cv2.GaussianBlur(inside, (0, 0), soft))
        laid = _surface(random, palette, [grain[rows, columns] for grain in grains])
        picture[rows, columns] = under + cover[..., None] * (laid - under)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _leaf(random: np.random.Generator, size: tuple[int, int]) -> NDArray[np.int32]:
    """The outline, (N, 2) px: an ellipse or a polygon; half lengths by the law of the inverse square."""
    share = random.random()
    half = size[0] / (share / _LARGEST + (1 - share) / _SMALLEST)
    corners = _CORNERS if random.random() < 0.5 else int(random.integers(3, 7))
    turn = (
        np.sort(random.uniform(0, 2 * np.pi, corners)) if corners < _CORNERS else np.linspace(0, 6.2, corners)
    )
    tilt, flat = random.uniform(0, np.pi), random.uniform(0.3, 1.0)
    x, y = half * np.cos(turn), half * flat * np.sin(turn)
    center = random.uniform(0, 1, 2) * (size[1], size[0])
    outline = np.stack([x * np.cos(tilt) - y * np.sin(tilt), x * np.sin(tilt) + y * np.cos(tilt)], 1) + center
    return np.rint(outline).astype(np.int32)


def _surface(random: np.random.Generator, palette: Surface, grains: list[Field]) -> Surface:
    """A colour of the palette, lit from one side, with one of the grains in it."""
    grain = grains[random.integers(len(grains))]
    down, across = random.normal(0, 22, 2)
    light = np.linspace(-down, down, grain.shape[0])[:, None] + np.linspace(-across, across, grain.shape[1])
    tone = light + random.exponential(16) * grain
    color = palette[random.integers(len(palette))] + random.normal(0, 8, 3)
    surface: Surface = (color + tone[..., None] * random.uniform(0.8, 1.2, 3)).astype(np.float32)
    return surface
