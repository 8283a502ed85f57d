"""A scatter plot with its Pareto front, drawn with Pillow alone."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from training.studies.chart import CURVE, GRID, INK, LEVEL, PAPER

SIZE_WH = (760, 520)
MARGINS = (92, 58, 150, 64)  # left, top, right (for the last labels), bottom, px
DOT_PX = 6
TICKS = 5


@dataclass(frozen=True)
class Point:
    """A labelled point; lower is better on both axes."""

    label: str
    x: float
    y: float


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats on both axes (nor equals on one and beats on the other), by x."""
    return sorted((p for p in points if not any(_dominates(q, p) for q in points)), key=lambda p: (p.x, p.y))


def _dominates(one: Point, other: Point) -> bool:
    return one.x <= other.x and one.y <= other.y and (one.x, one.y) != (other.x, other.y)


def draw_scatter(title: str, x_label: str, y_label: str, points: Sequence[Point]) -> Image.Image:
    """Points with their labels; those of the front stand out, joined by a line in steps.

    Raises:
        ValueError: there is no point.
    """
    if not points:
        raise ValueError("a scatter plot needs a point")
    image = Image.new("RGB", SIZE_WH, PAPER)
    draw = ImageDraw.Draw(image)
    axes = _Axes(points)
    axes.draw(draw, x_label)
    draw.text((14, 8), title, INK, _font(19))
    draw.text((14, 34), y_label, INK, _font(15))
    front = pareto_front(points)
    _draw_steps(draw, [axes.at(p) for p in front])
    taken: list[tuple[float, float, float, float]] = []
    for point in points:
        color = LEVEL if point in front else CURVE
        x, y = axes.at(point)
        draw.ellipse((x - DOT_PX, y - DOT_PX, x + DOT_PX, y + DOT_PX), color)
        _label(draw, point.label, x, y, taken)
    return image


def side_by_side(images: Sequence[Image.Image]) -> Image.Image:
    """Pictures of one height in a row."""
    row = Image.new("RGB", (sum(i.width for i in images), max(i.height for i in images)), PAPER)
    left = 0
    for image in images:
        row.paste(image, (left, 0))
        left += image.width
    return row


def _label(
    draw: ImageDraw.ImageDraw, text: str, x: float, y: float, taken: list[tuple[float, float, float, float]]
) -> None:
    """Write beside a point, moved down past labels that stand there already."""
    font = _font(14)
    box = draw.textbbox((x + DOT_PX + 4, y - 8), text, font)
    while any(_overlap(box, other) for other in taken):
        box = (box[0], box[1] + 4, box[2], box[3] + 4)
    taken.append(box)
    draw.text((box[0], box[1]), text, INK, font, anchor="lt")


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _draw_steps(draw: ImageDraw.ImageDraw, places: Sequence[tuple[float, float]]) -> None:
    for (x0, y0), (x1, y1) in itertools.pairwise(places):
        draw.line([(x0, y0), (x1, y0), (x1, y1)], LEVEL, 2)


class _Axes:
    """Linear axes with a twelfth of room round the points."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.x_low, self.x_high = _roomy([p.x for p in points])
        self.y_low, self.y_high = _roomy([p.y for p in points])
        left, top, right, bottom = MARGINS
        self.box = (left, top, SIZE_WH[0] - right, SIZE_WH[1] - bottom)

    def at(self, point: Point) -> tuple[float, float]:
        left, top, right, bottom = self.box
        across = (point.x - self.x_low) / (self.x_high - self.x_low)
        down = (self.y_high - point.y) / (self.y_high - self.y_low)
        return left + across * (right - left), top + down * (bottom - top)

    def draw(self, draw: ImageDraw.ImageDraw, x_label: str) -> None:
        left, top, right, bottom = self.box
        for number in range(TICKS + 1):
            share = number / TICKS
            x, y = left + share * (right - left), bottom - share * (bottom - top)
            draw.line([(left, y), (right, y)], GRID, 1)
            draw.line([(x, top), (x, bottom)], GRID, 1)
            x_value = self.x_low + share * (self.x_high - self.x_low)
            y_value = self.y_low + share * (self.y_high - self.y_low)
            draw.text((x, bottom + 8), f"{x_value:.3g}", INK, _font(14), anchor="ma")
            draw.text((left - 8, y), f"{y_value:.3g}", INK, _font(14), anchor="rm")
        draw.line([(left, top), (left, bottom), (right, bottom)], INK, 1)
        draw.text(((left + right) / 2, bottom + 32), x_label, INK, _font(15), anchor="ma")


def _roomy(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) / 12 or abs(high) / 4 or 1.0
    return low - room, high + room


def _font(points: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(points)
