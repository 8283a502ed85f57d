"""Pictures of a style that holds several paintings: its rows, mixtures, a morph, ways to be half painted."""

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from pipeline.api import Style
from pipeline.common.contact_sheet import Cell, draw_sheet, fitted_wh, wrapped
from pipeline.frame import Pixels
from pipeline.lookup import row_names
from pipeline.stylize.blend import blend

PHOTOGRAPH = "photograph"
STEPS = 5  # of a mixture from one corner to the next, and frames of a morph
MORPH_S = 3.0

FrameAt = Callable[[float], Pixels]
"""The clip's frame at a time in seconds: (H, W, 3) uint8 BGR, of one size."""


def sheets_of(style: Style, frame_at: FrameAt, width: int) -> dict[str, tuple[str, Pixels]]:
    """By name: what a picture shows, in a sentence, and the picture, uint8 BGR, at most ``width`` px wide."""
    names = [name for name in row_names(style.card) if name != PHOTOGRAPH]
    frame, corners, pair = frame_at(0.0), names[:4], names[:2]
    made = {
        "rows": ("Every row on one frame.", rows_sheet(style, names, frame, width)),
        "mixtures": (f"Mixtures of {', '.join(corners)}.", corners_sheet(style, corners, frame, width)),
        "morph": (
            f"{MORPH_S:g} s of a clip while {pair[0]} becomes {pair[1]}.",
            morph(style, pair, frame_at, width),
        ),
    }
    if PHOTOGRAPH in row_names(style.card):
        told = (
            f"Painted; half by mixing in the row `{PHOTOGRAPH}`; half by laying the frame over its painting."
        )
        made["strength"] = (told, strength_sheet(style, pair, frame, width))
    return made


def rows_sheet(style: Style, names: list[str], frame: Pixels, width: int) -> Pixels:
    """The frame, and what every row makes of it."""
    size_wh = fitted_wh(frame.shape[:2], 4, width)
    painted = [_cell(style(frame, mix={name: 1.0}), size_wh, name) for name in names]
    return _sheet(wrapped([_cell(frame, size_wh, "As filmed"), *painted], 4))


def corners_sheet(style: Style, corners: list[str], frame: Pixels, width: int) -> Pixels:
    """STEPS by STEPS mixtures; in the corners each of four rows alone."""
    size_wh = fitted_wh(frame.shape[:2], STEPS, width)
    rows = []
    for down in np.linspace(0, 1, STEPS):
        mixes = [_between(corners, float(down), float(across)) for across in np.linspace(0, 1, STEPS)]
        rows.append([_cell(style(frame, mix=mix), size_wh, *_alone(mix)) for mix in mixes])
    return _sheet(rows)


def morph(style: Style, pair: list[str], frame_at: FrameAt, width: int) -> Pixels:
    """STEPS frames of MORPH_S seconds, one row's share falling and the other's rising."""
    size_wh = fitted_wh(frame_at(0.0).shape[:2], STEPS, width)
    cells = []
    for share in np.linspace(0, 1, STEPS):
        mix = {pair[0]: 1.0 - float(share), pair[1]: float(share)}
        cells.append(
            _cell(style(frame_at(float(share) * MORPH_S), mix=mix), size_wh, f"{share * MORPH_S:g} s")
        )
    return _sheet([cells])


def strength_sheet(style: Style, names: list[str], frame: Pixels, width: int) -> Pixels:
    """A line a row: painted, half by the photograph's row, half by pixels."""
    size_wh = fitted_wh(frame.shape[:2], 3, width)
    rows = []
    for name in names:
        painted = style(frame, mix={name: 1.0})
        half = style(frame, mix={name: 0.5, PHOTOGRAPH: 0.5})
        laid = blend(frame, painted, 0.5, False)
        told = (name, f"{name}*0.5+{PHOTOGRAPH}*0.5", "--strength 0.5")
        rows.append(
            [_cell(pixels, size_wh, text) for pixels, text in zip((painted, half, laid), told, strict=True)]
        )
    return _sheet(rows)


def _between(corners: list[str], down: float, across: float) -> dict[str, float]:
    shares = ((1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across)
    return {name: share for name, share in zip(corners, shares, strict=True) if share}


def _alone(mix: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(mix) if len(mix) == 1 else ()


def _cell(pixels: Pixels, size_wh: tuple[int, int], *caption: str) -> Cell:
    return Cell(Image.fromarray(pixels[..., ::-1]).resize(size_wh), caption)


def _sheet(rows: list[list[Cell]]) -> Pixels:
    return np.asarray(draw_sheet("", rows))[..., ::-1]
