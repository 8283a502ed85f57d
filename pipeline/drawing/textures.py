"""Natural-looking surfaces: noise with grains of every size, its shading under a light, rows of bricks."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]
"""One number a pixel, (H, W)."""

Surface = NDArray[np.floating[Any]]
"""BGR in 0..255, (H, W, 3)."""

Color = tuple[int, int, int]


def fractal(
    random: np.random.Generator,
    size: tuple[int, int],
    grain_px: float,
    *,
    stretch: float = 1.0,
    roughness: float = 0.6,
) -> Field:
    """Noise of mean 0 and deviation 1, each octave half as coarse and ``roughness`` times as strong.

    Photographs of land and clouds have such a spectrum, so a network sees in it what it was trained on.

    Args:
        size: (height, width).
        grain_px: height of the coarsest grains.
        stretch: their width over their height.
    """
    height, width = size
    rows, columns = max(2, round(height / grain_px)), max(2, round(width / grain_px / stretch))
    field, weight = random.standard_normal((rows, columns), np.float32), 1.0
    while 3 * rows < 2 * height:
        rows, columns, weight = 2 * rows, 2 * columns, weight * roughness
        finer = weight * random.standard_normal((rows, columns), np.float32)
        field = finer + cv2.resize(field, (columns, rows), interpolation=cv2.INTER_CUBIC)
    noise: Field = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)  # type: ignore[assignment]
    noise -= noise.mean()
    noise /= max(float(noise.std()), 1e-6)
    return noise


def lit(field: Field, softness_px: float = 1.0) -> Field:
    """How a relief of that height shines under a light from the upper right: deviation 1 around 0."""
    smooth = cv2.GaussianBlur(field, (0, 0), max(softness_px, 0.5))
    slope = cv2.Sobel(smooth, cv2.CV_32F, 0, 1) - cv2.Sobel(smooth, cv2.CV_32F, 1, 0)
    shine: Field = slope / max(float(slope.std()), 1e-6)
    return shine


def between(dark: Color, light: Color, share: Field) -> Surface:
    """(H, W, 3) float32 from ``dark`` at a share of 0 to ``light`` at 1, no further."""
    share = np.clip(share, 0, 1)
    channels = [
        np.float32(low) + share * np.float32(high - low) for low, high in zip(dark, light, strict=True)
    ]
    colors: Surface = cv2.merge(channels)  # type: ignore[assignment]
    return colors


def in_shadow(surface: Surface, share: float) -> Surface:
    """The same colours with ``share`` of their light, a little bluer."""
    shade: Surface = surface * np.array((1.12 * share, share, 0.92 * share), np.float32)
    return shade


def courses(
    random: np.random.Generator, size: tuple[int, int], tall_px: float, wide_px: float, joint: float
) -> Field:
    """Bricks or tiles in rows, every other row shifted by half a brick.

    Returns:
        (H, W): the brightness of each brick, 0.3 to 1, and 0 in the joints between them.
    """
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    row = np.floor(y / tall_px)
    along = x / wide_px + 0.5 * (row % 2)
    column = np.floor(along)
    tones = random.uniform(0.3, 1.0, (int(row.max()) + 1, int(column.max()) + 1)).astype(np.float32)
    gap_y, gap_x = (y / tall_px) % 1 < joint, along % 1 < joint * tall_px / wide_px
    wall: Field = np.where(gap_y | gap_x, 0, tones[row.astype(int), column.astype(int)]).astype(np.float32)
    return wall
