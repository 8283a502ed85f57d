"""A contact sheet: rows of pictures with captions under a title, drawn with Pillow alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from pipeline.common.atomic_files import written
from training import image_io

CELL_PX = 256
GAP_PX = 14
TITLE_PT, CAPTION_PT = 26, 15
LINE_PX = 20
PAPER, INK, FAINT = (250, 250, 248), (20, 20, 20), (105, 105, 105)


@dataclass(frozen=True)
class Cell:
    """A picture with a caption: its first line in ink, the others fainter."""

    picture: Image.Image
    caption: tuple[str, ...]


def cell(image: Tensor, *caption: str) -> Cell:
    """Of an image (1, 3, H, W), RGB in [0, 1], scaled so that its longest side fills a cell."""
    picture = Image.fromarray(image_io.quantized(image, 8))
    factor = CELL_PX / max(picture.size)
    size_wh = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return Cell(picture.resize(size_wh, Image.Resampling.LANCZOS), caption)


def draw_sheet(title: str, rows: Sequence[Sequence[Cell]], notes: Sequence[str] = ()) -> Image.Image:
    """All rows under ``title``, ``notes`` below; as wide as the widest row or line of text."""
    lines = [(title, TITLE_PT), *((note, CAPTION_PT) for note in notes)]
    width = max(*(_row_width(row) for row in rows), *(round(_font(pt).getlength(t)) for t, pt in lines))
    title_height = TITLE_PT + 2 * GAP_PX
    height = title_height + sum(_row_height(row) + GAP_PX for row in rows) + LINE_PX * len(notes) + GAP_PX
    sheet = Image.new("RGB", (width + 2 * GAP_PX, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP_PX, GAP_PX), title, INK, _font(TITLE_PT))
    top = title_height
    for row in rows:
        _draw_row(sheet, draw, row, top)
        top += _row_height(row) + GAP_PX
    for number, note in enumerate(notes):
        draw.text((GAP_PX, top + number * LINE_PX), note, FAINT, _font(CAPTION_PT))
    return sheet


def wrapped(cells: Sequence[Cell], columns: int) -> list[list[Cell]]:
    """``cells`` in rows of at most ``columns``, as even as they go."""
    count = -(-len(cells) // columns)
    width = -(-len(cells) // max(1, count))
    return [list(cells[start : start + width]) for start in range(0, len(cells), width)]


def write_sheet(path: Path, sheet: Image.Image) -> None:
    """Write a PNG, whole or not at all; OutputError says why not."""
    with written(path) as part:
        sheet.save(part, "PNG")


def _draw_row(sheet: Image.Image, draw: ImageDraw.ImageDraw, row: Sequence[Cell], top: int) -> None:
    left = GAP_PX
    for shown in row:
        sheet.paste(shown.picture, (left, top))
        for number, line in enumerate(shown.caption):
            ink = FAINT if number else INK
            draw.text((left, top + shown.picture.height + 5 + number * LINE_PX), line, ink, _font(CAPTION_PT))
        left += _cell_width(shown) + GAP_PX


def _cell_width(shown: Cell) -> int:
    texts = (round(_font(CAPTION_PT).getlength(line)) for line in shown.caption)
    return max(CELL_PX, shown.picture.width, *texts)


def _row_width(row: Sequence[Cell]) -> int:
    return sum(_cell_width(shown) + GAP_PX for shown in row) - GAP_PX


def _row_height(row: Sequence[Cell]) -> int:
    return max(shown.picture.height + 5 + LINE_PX * len(shown.caption) for shown in row)


def _font(points: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(points)
