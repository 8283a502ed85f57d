"""The pictures of a report: a contact sheet, strips of consecutive frames, and the Pareto plot."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from pipeline.common.contact_sheet import Cell, draw_sheet
from training.evaluation.material import Photo, Pixels, image_of, spread
from training.evaluation.measure import CLIPS_SHOWN, PHOTOS_SHOWN, Measured, RealClip, middle
from training.feed_forward.data import read_painting
from training.studies.cells import cell
from training.studies.scatter import Point, Scatter, draw_scatters

Figures = Mapping[str, float | None]


def contact_sheet(
    photos: Sequence[Photo], measured: Mapping[str, Measured], paintings: Mapping[str, Path | None]
) -> Image.Image:
    """The photographs on top; for each style what it painted, and below what the optimisation made."""
    shown = spread(photos, PHOTOS_SHOWN)
    blank = Cell(Image.new("RGB", (256, 256), (235, 235, 232)), ("photographs", "never used in training"))
    rows = [[blank, *(cell(image_of(photo.frame), photo.name) for photo in shown)]]
    for name, found in measured.items():
        first = painting_cell(name, paintings[name])
        rows.append([first, *(_painted_cell(photo, found) for photo in shown)])
        if found.optimised:
            beside = Cell(first.picture, (name, "optimised pixels"))
            rows.append([beside, *(_optimised_cell(photo, found) for photo in shown)])
    return draw_sheet("Styles on photographs they never saw", rows)


def painting_cell(name: str, painting: Path | None) -> Cell:
    """The painting with the style's name; an empty cell where there is none."""
    if painting is None:
        return Cell(Image.new("RGB", (256, 256), (235, 235, 232)), (name, "no painting was given"))
    return cell(read_painting(painting, 512), name, painting.name)


def _painted_cell(photo: Photo, found: Measured) -> Cell:
    row = found.photos[photo.name]
    told = [f"content {row['content']:.2f}"]
    told += [f"style {row['wasserstein']:.2f}"] if "wasserstein" in row else []
    told += [f"ratio {row['objective']['ratio']:.2f}"] if "objective" in row else []
    return cell(image_of(found.painted[photo.name]), "network", ", ".join(told))


def _optimised_cell(photo: Photo, found: Measured) -> Cell:
    row = found.photos[photo.name]["objective"]
    return cell(
        image_of(found.optimised[photo.name]),
        f"{row['iterations']} steps",
        f"loss {row['optimised']['total']:.3f}, network {row['network']['total']:.3f}",
    )


def frame_strips(clips: Sequence[RealClip], measured: Mapping[str, Measured]) -> Image.Image:
    """Consecutive frames of two clips, as filmed and as each style paints them."""
    rows = []
    for real in clips[:CLIPS_SHOWN]:
        rows.append(_strip(real.clip.name, middle(real.clip.frames)))
        rows += [
            _strip(f"{name}, {real.clip.name}", found.shown[real.clip.name])
            for name, found in measured.items()
        ]
    return draw_sheet("Consecutive frames", rows)


def _strip(label: str, frames: Sequence[Pixels]) -> list[Cell]:
    """Consecutive frames, the first with its label."""
    return [cell(image_of(frame), "" if number else label) for number, frame in enumerate(frames)]


def pareto_plot(figures: Mapping[str, Figures]) -> Image.Image | None:
    """Style against content, and quality against time; None where no style has these figures."""
    near = "style distance (lower is nearer the painting)"
    left = Scatter(
        "Painting against photograph", "content term", near, _points(figures, "content", "style_distance")
    )
    ratio = _points(figures, "service_ms", "objective_ratio")
    right = Scatter(
        "Quality against time",
        "service time at 640x480, ms",
        f"{'objective ratio' if ratio else 'style distance'} (lower is better)",
        ratio or _points(figures, "service_ms", "style_distance"),
    )
    drawn = [scatter for scatter in (left, right) if scatter.points]
    return draw_scatters(drawn) if drawn else None


def _points(figures: Mapping[str, Figures], x: str, y: str) -> list[Point]:
    found = ((name, row.get(x), row.get(y)) for name, row in figures.items())
    return [Point(name, a, b) for name, a, b in found if a is not None and b is not None]
