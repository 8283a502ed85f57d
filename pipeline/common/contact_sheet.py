"""A contact sheet: rows of pictures with captions under a title, drawn with Pillow alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from pipeline.common.atomic_files import written

GAP_PX = 14
TITLE_PT, CAPTION_PT = 26, 15
LINE_PX = 20
PAPER, INK, FAINT = (250, 250, 248), (20, 20, 20), (105, 105, 105)


@dataclass(frozen=True)
class Cell:
    """A picture with a caption: its first line in ink, the others fainter; at least ``room_px`` wide."""

    picture: Image.Image
    caption: tuple[str, ...]
    room_px: int = 0


Rows = Sequence[Sequence[Cell]]


def draw_sheet(title: str, rows: Rows, notes: Sequence[str] = ()) -> Image.Image:
    """All rows under ``title``, ``notes`` below; as wide as the widest row or line of text, sides even."""
    lines = [(title, TITLE_PT), *((note, CAPTION_PT) for note in notes)]
    width = max(*(_row_width(row) for row in rows), *(round(_font(pt).getlength(t)) for t, pt in lines))
    bottom = _title_height(title) + sum(_row_height(row) + GAP_PX for row in rows)
    height = bottom + LINE_PX * len(notes) + GAP_PX
    sheet = Image.new("RGB", (width + width % 2 + 2 * GAP_PX, height + height % 2), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP_PX, GAP_PX), title, INK, _font(TITLE_PT))
    for cell, left, top in placed(title, rows):
        sheet.paste(cell.picture, (left, top))
        for number, line in enumerate(cell.caption):
            ink, base = FAINT if number else INK, top + cell.picture.height + 5 + number * LINE_PX
            draw.text((left, base), line, ink, _font(CAPTION_PT))
    for number, note in enumerate(notes):
        draw.text((GAP_PX, bottom + number * LINE_PX), note, FAINT, _font(CAPTION_PT))
    return sheet


def placed(title: str, rows: Rows) -> Iterator[tuple[Cell, int, int]]:
    """Every cell with the left and the top of its picture on the sheet."""
    top = _title_height(title)
    for row in rows:
        left = GAP_PX
        for cell in row:
            yield cell, left, top
            left += _cell_width(cell) + GAP_PX
        top += _row_height(row) + GAP_PX


def wrapped(cells: Sequence[Cell], columns: int) -> list[list[Cell]]:
    """``cells`` in rows of at most ``columns``, as even as they go."""
    count = -(-len(cells) // columns)
    width = -(-len(cells) // max(1, count))
    return [list(cells[start : start + width]) for start in range(0, len(cells), width)]


def fitted_wh(size: tuple[int, int], columns: int, widest_px: int) -> tuple[int, int]:
    """(width, height) of pictures of ``size`` (height, width), ``columns`` of which fit into a sheet."""
    height, width = size
    shrink = min(1.0, (widest_px - GAP_PX * (columns + 1)) / (columns * width))
    return max(16, int(width * shrink)), max(16, int(height * shrink))


def write_sheet(path: Path, sheet: Image.Image) -> None:
    """Write a PNG, whole or not at all; OutputError says why not."""
    with written(path) as part:
        sheet.save(part, "PNG")


def _title_height(title: str) -> int:
    return TITLE_PT + 2 * GAP_PX if title else GAP_PX


def _cell_width(cell: Cell) -> int:
    texts = (round(_font(CAPTION_PT).getlength(line)) for line in cell.caption)
    return max(cell.picture.width, cell.room_px, *texts)


def _row_width(row: Sequence[Cell]) -> int:
    return sum(_cell_width(cell) + GAP_PX for cell in row) - GAP_PX


def _row_height(row: Sequence[Cell]) -> int:
    return max(cell.picture.height + 5 + LINE_PX * len(cell.caption) for cell in row)


@cache
def _font(points: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(points)
