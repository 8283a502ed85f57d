"""Scatter plots with their Pareto fronts, drawn by Matplotlib."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.transforms import Bbox
from PIL import Image

from training.studies.chart import CURVE, LEVEL, new_figure, picture_of

SIZE_WH = (760, 520)


@dataclass(frozen=True)
class Point:
    """A labelled point; lower is better on both axes."""

    label: str
    x: float
    y: float


@dataclass(frozen=True)
class Scatter:
    """One plot: its titles and at least one point."""

    title: str
    x_label: str
    y_label: str
    points: Sequence[Point]


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats on both axes (nor equals on one and beats on the other), by x."""
    return sorted((p for p in points if not any(_dominates(q, p) for q in points)), key=lambda p: (p.x, p.y))


def _dominates(one: Point, other: Point) -> bool:
    return one.x <= other.x and one.y <= other.y and (one.x, one.y) != (other.x, other.y)


def draw_scatters(scatters: Sequence[Scatter]) -> Image.Image:
    """Side by side; points with labels, those of the front stand out, joined by a line in steps.

    Raises:
        ValueError: a plot without a point.
    """
    if not all(scatter.points for scatter in scatters):
        raise ValueError("a scatter plot needs a point")
    figure = new_figure((SIZE_WH[0] * len(scatters), SIZE_WH[1]))
    grid = figure.subplots(1, len(scatters), squeeze=False)[0]
    for axes, scatter in zip(grid, scatters, strict=True):
        _draw_points(axes, scatter)
    figure.draw_without_rendering()  # so that labels know where they stand
    for axes, scatter in zip(grid, scatters, strict=True):
        taken: list[Bbox] = []
        for point in scatter.points:
            _label(axes, point, taken)
    return picture_of(figure)


def _draw_points(axes: Axes, scatter: Scatter) -> None:
    front = pareto_front(scatter.points)
    axes.step([p.x for p in front], [p.y for p in front], where="post", color=LEVEL)
    for points, color in ((front, LEVEL), ([p for p in scatter.points if p not in front], CURVE)):
        axes.plot([p.x for p in points], [p.y for p in points], "o", color=color, markersize=9)
    axes.set(title=scatter.title, xlabel=scatter.x_label, ylabel=scatter.y_label)
    axes.margins(0.12)
    axes.grid(alpha=0.3)


def _label(axes: Axes, point: Point, taken: list[Bbox]) -> None:
    """Write beside a point, moved down past labels that stand there already."""
    note = axes.annotate(
        point.label, (point.x, point.y), (8, 0), textcoords="offset points", va="center", fontsize=9
    )
    while any(note.get_window_extent().overlaps(other) for other in taken):
        note.xyann = (8, note.xyann[1] - 3)
    taken.append(note.get_window_extent())
