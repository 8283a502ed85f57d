"""Clips whose motion is known exactly, made from photographs: smooth warps and a moving foreground.

Every layer is a photograph seen through a map from frame to texture that has an inverse in closed form:
two shears by sines (smooth and bent) after a turn, zoom and shift. So the place in the frame before is
known to rounding, and with it what was hidden there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from training.evaluation.material import Photo, Pixels
from training.evaluation.stability import Flow, Mask, Motion, inside, warped

FRAMES = 10
Points = NDArray[np.float64]
"""(..., 2): x and y in px."""


@dataclass(frozen=True)
class Placement:
    """Where a layer stands in one frame: a map between frame and texture, both in px.

    Frame to texture: turn by ``angle`` and zoom about ``center``, shift, then bend: x by
    ``bend sin(y / period)``, then y by ``bend sin(x / period)``. Each part has an exact inverse.

    Attributes:
        center: fixed point of turn and zoom, frame px. angle: radians. zoom: texture px a frame px.
        shift: (x, y), texture px. bend: px. period: px a radian.
    """

    center: tuple[float, float]
    angle: float = 0.0
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    bend: float = 0.0
    period: float = 40.0

    def to_texture(self, points: Points) -> Points:
        """Frame points (..., 2) -> texture points."""
        moved = (points - self.center) @ self._matrix().T + self.center + self.shift
        x = moved[..., 0] + self.bend * np.sin(moved[..., 1] / self.period)
        y = moved[..., 1] + self.bend * np.sin(x / self.period)
        return np.stack([x, y], axis=-1)

    def to_frame(self, points: Points) -> Points:
        """Texture points -> frame points; the inverse of ``to_texture``."""
        y = points[..., 1] - self.bend * np.sin(points[..., 0] / self.period)
        x = points[..., 0] - self.bend * np.sin(y / self.period)
        moved = np.stack([x, y], axis=-1)
        back: Points = (moved - self.shift - self.center) @ np.linalg.inv(self._matrix()).T + self.center
        return back

    def _matrix(self) -> Points:
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        matrix: Points = self.zoom * np.array([[cosine, -sine], [sine, cosine]], np.float64)
        return matrix


@dataclass(frozen=True)
class Ellipse:
    """The outline of a foreground in its texture, px: centre and half axes as (x, y)."""

    center: tuple[float, float]
    axes: tuple[float, float]

    def cover(self, texture_points: Points) -> NDArray[np.float64]:
        """1 within, 0 without, and a ramp of about two px across the edge, in steps of a grey level."""
        radius = np.sqrt((((texture_points - self.center) / self.axes) ** 2).sum(axis=-1))
        ramp = np.clip(0.5 + (1.0 - radius) * min(self.axes) / 2.0, 0.0, 1.0)
        stepped: NDArray[np.float64] = np.rint(ramp * 255.0) / 255.0
        return stepped


@dataclass(frozen=True)
class Layer:
    """A texture (H, W, 3) with its placement in every frame; ``outline`` None fills the frame."""

    texture: Pixels
    placements: Sequence[Placement]
    outline: Ellipse | None = None


@dataclass(frozen=True)
class FlowClip:
    """Frames with the exact motion from each one back to the one before."""

    name: str
    frames: list[Pixels]
    motions: list[Motion]


def make_clip(name: str, background: Layer, foreground: Layer | None, size: tuple[int, int]) -> FlowClip:
    """Draw the layers in frames of ``size`` (height, width); as many as there are placements."""
    count = len(background.placements)
    covers = [_cover(foreground, index, size) for index in range(count)]
    frames = [_draw(background, foreground, covers[index], index, size) for index in range(count)]
    motions = [_motion(background, foreground, covers, index, size) for index in range(1, count)]
    return FlowClip(name, frames, motions)


def _grid(size: tuple[int, int]) -> Points:
    rows, columns = np.indices(size, dtype=np.float64)
    return np.stack([columns, rows], axis=-1)


def _cover(layer: Layer | None, index: int, size: tuple[int, int]) -> NDArray[np.float64]:
    if layer is None or layer.outline is None:
        return np.zeros(size)
    return layer.outline.cover(layer.placements[index].to_texture(_grid(size)))


def _draw(
    background: Layer,
    foreground: Layer | None,
    cover: NDArray[np.float64],
    index: int,
    size: tuple[int, int],
) -> Pixels:
    picture = _sampled(background, index, size)
    if foreground is not None:
        picture += cover[..., None] * (_sampled(foreground, index, size) - picture)
    frame: Pixels = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return frame


def _sampled(layer: Layer, index: int, size: tuple[int, int]) -> NDArray[np.float64]:
    """The layer's texture in one frame, mirrored beyond its edges."""
    points = layer.placements[index].to_texture(_grid(size)).astype(np.float32)
    texture = layer.texture.astype(np.float32)
    drawn = cv2.remap(texture, points[..., 0], points[..., 1], cv2.INTER_CUBIC, None, cv2.BORDER_REFLECT_101)
    return drawn.astype(np.float64)


def _motion(
    background: Layer,
    foreground: Layer | None,
    covers: Sequence[NDArray[np.float64]],
    index: int,
    size: tuple[int, int],
) -> Motion:
    """Flow of the layer on top; it holds where that layer alone is seen in both frames.

    "Alone" is asked of all four pixels that a bilinear fetch mixes, so that nothing of another layer, nor
    of the soft outline, is compared.
    """
    before, after = covers[index - 1], covers[index]
    behind = _layer_flow(background, index, size)
    mask = (after == 0.0) & _alone(before == 0.0, behind)
    flow = behind
    if foreground is not None:
        front = _layer_flow(foreground, index, size)
        mask |= (after == 1.0) & _alone(before == 1.0, front)
        flow = np.where((after > 0.5)[..., None], front, behind)
    return Motion(flow, mask & inside(flow))


def _layer_flow(layer: Layer, index: int, size: tuple[int, int]) -> Flow:
    grid = _grid(size)
    earlier = layer.placements[index - 1].to_frame(layer.placements[index].to_texture(grid))
    flow: Flow = (earlier - grid).astype(np.float32)
    return flow


def _alone(layer: Mask, flow: Flow) -> Mask:
    """Where every pixel that a bilinear fetch takes is one of ``layer``."""
    alone: Mask = warped(layer.astype(np.float32), flow) > 1.0 - 1e-6
    return alone


def clips_from_photos(photos: Sequence[Photo], count: int, frames: int = FRAMES) -> list[FlowClip]:
    """``count`` clips: photograph 2i behind, 2i + 1 in front, motions drawn from a seed of their own.

    Frames have the photographs' size. The background bends, turns, zooms and drifts by up to about 3 px
    a frame; the foreground, an ellipse of a quarter of the picture, crosses it.
    """
    return [_clip(number, photos, frames) for number in range(min(count, len(photos)))]


def _clip(number: int, photos: Sequence[Photo], frames: int) -> FlowClip:
    rng = np.random.default_rng((711, number))
    behind, front = photos[2 * number % len(photos)], photos[(2 * number + 1) % len(photos)]
    height, width = behind.frame.shape[:2]
    center = (width / 2.0, height / 2.0)
    background = Layer(behind.frame, _drift(rng, center, frames, speed_px=2.0, bend_px=3.0))
    outline = Ellipse(center, (0.3 * width, 0.25 * height))
    foreground = Layer(front.frame, _drift(rng, center, frames, speed_px=4.0, bend_px=1.0), outline)
    name = f"{front.name} over {behind.name}"
    return make_clip(name, background, foreground, (height, width))


def _drift(
    rng: np.random.Generator, center: tuple[float, float], frames: int, speed_px: float, bend_px: float
) -> list[Placement]:
    direction, turn, zoom = rng.uniform(0, 2 * np.pi), rng.uniform(-0.006, 0.006), rng.uniform(-0.004, 0.004)
    start = Placement(center, period=float(rng.uniform(30.0, 60.0)))
    return [
        replace(
            start,
            angle=turn * t,
            zoom=1.0 + zoom * t,
            shift=(speed_px * t * np.cos(direction), speed_px * t * np.sin(direction)),
            bend=bend_px * np.sin(0.35 * t),
        )
        for t in (index - frames / 2.0 for index in range(frames))
    ]
