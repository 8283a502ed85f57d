"""One line chart with a logarithmic upright axis, drawn with Pillow alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

SIZE_WH = (880, 460)
MARGINS = (84, 62, 24, 60)  # left, top, right, bottom, px
PAPER, INK, GRID = (255, 255, 255), (40, 40, 40), (225, 225, 225)
CURVE, LEVEL = (31, 95, 170), (200, 70, 30)


@dataclass(frozen=True)
class Level:
    """A value that does not change along the axis, with its name."""

    label: str
    value: float


def draw_chart(
    title: str, x_label: str, curve_label: str, points: Sequence[tuple[float, float]], level: Level
) -> Image.Image:
    """``points`` (x, y > 0) as a curve and ``level`` as a dashed line across, each named in its colour."""
    image = Image.new("RGB", SIZE_WH, PAPER)
    draw = ImageDraw.Draw(image)
    frame = _Frame(points, level)
    frame.draw_grid(draw, x_label)
    draw.line([frame.at(x, y) for x, y in points], CURVE, 3, joint="curve")
    _dashed(draw, frame.at(frame.x_low, level.value), frame.at(frame.x_high, level.value))
    left = MARGINS[0]
    draw.text((left, 8), title, INK, _font(20))
    draw.text((left, 36), curve_label, CURVE, _font(16))
    draw.text((left + _font(16).getlength(curve_label) + 28, 36), level.label, LEVEL, _font(16))
    return image


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from ``low`` to ``high`` (both > 0) for a logarithmic axis: 1, 2, 5 times ten to n."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    span = math.log10(high / low)
    steps: tuple[float, ...] = (1, 1.5, 2, 3, 5, 7) if span < 1.4 else (1, 2, 5) if span < 4 else (1,)
    values = [step * 10.0**decade for decade in decades for step in steps]
    return [value for value in values if low <= value <= high]


class _Frame:
    """The plotting area: data to pixels."""

    def __init__(self, points: Sequence[tuple[float, float]], level: Level) -> None:
        self.x_low, self.x_high = min(x for x, _ in points), max(x for x, _ in points)
        values = [y for _, y in points] + [level.value]
        self.y_low, self.y_high = min(values) / 1.15, max(values) * 1.15
        left, top, right, bottom = MARGINS
        self.box = (left, top, SIZE_WH[0] - right, SIZE_WH[1] - bottom)

    def at(self, x: float, y: float) -> tuple[float, float]:
        left, top, right, bottom = self.box
        across = (x - self.x_low) / max(self.x_high - self.x_low, 1e-9)
        down = (math.log(self.y_high) - math.log(y)) / math.log(self.y_high / self.y_low)
        return left + across * (right - left), top + down * (bottom - top)

    def draw_grid(self, draw: ImageDraw.ImageDraw, x_label: str) -> None:
        left, top, right, bottom = self.box
        for value in ticks(self.y_low, self.y_high):
            y = self.at(self.x_low, value)[1]
            draw.line([(left, y), (right, y)], GRID, 1)
            draw.text((left - 10, y), f"{value:g}", INK, _font(15), anchor="rm")
        for number in range(6):
            x_value = self.x_low + (self.x_high - self.x_low) * number / 5
            x = self.at(x_value, self.y_low)[0]
            draw.line([(x, bottom), (x, bottom + 5)], INK, 1)
            draw.text((x, bottom + 8), f"{x_value:.4g}", INK, _font(15), anchor="ma")
        draw.line([(left, top), (left, bottom), (right, bottom)], INK, 1)
        draw.text(((left + right) / 2, bottom + 30), x_label, INK, _font(16), anchor="ma")


def _dashed(draw: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float]) -> None:
    x, y = start
    while x < end[0]:
        draw.line([(x, y), (min(x + 12, end[0]), y)], LEVEL, 3)
        x += 20


def _font(points: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(points)
