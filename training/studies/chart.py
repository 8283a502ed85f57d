"""Plots by Matplotlib, without a window: a curve on a logarithmic axis, and figures as pictures."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from PIL import Image

SIZE_WH = (880, 460)
CURVE, LEVEL = "#1f5faa", "#c8461e"
_DPI = 100


@dataclass(frozen=True)
class Level:
    """A value that does not change along the axis, with its name."""

    label: str
    value: float


def new_figure(size_wh: tuple[int, int]) -> Figure:
    """An empty figure of (width, height) pixels."""
    return Figure((size_wh[0] / _DPI, size_wh[1] / _DPI), _DPI, layout="constrained")


def picture_of(figure: Figure) -> Image.Image:
    """The figure drawn, in RGB."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return Image.open(file).convert("RGB")


def draw_chart(
    title: str, x_label: str, curve_label: str, points: Sequence[tuple[float, float]], level: Level
) -> Image.Image:
    """``points`` (x, y > 0) as a curve and ``level`` as a dashed line across, each named in its colour."""
    figure = new_figure(SIZE_WH)
    axes = figure.add_subplot()
    axes.semilogy([x for x, _ in points], [y for _, y in points], color=CURVE, lw=2, label=curve_label)
    axes.axhline(level.value, color=LEVEL, lw=2, linestyle="--", label=level.label)
    axes.set(xlabel=x_label)
    axes.grid(alpha=0.3, which="both")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}" if _less_than_a_decade([*points, (0, level.value)]) else "")
    figure.suptitle(title, fontsize=12)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, labelcolor="linecolor")
    return picture_of(figure)


def _less_than_a_decade(points: Sequence[tuple[float, float]]) -> bool:
    values = [y for _, y in points]
    return max(values) < 10 * min(values)
