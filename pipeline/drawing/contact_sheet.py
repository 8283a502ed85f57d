"""Labelled panels in a grid: the demo's video frames and its picture of all styles."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.frame import Pixels

Color = tuple[int, int, int]

PAPER: Color = (238, 243, 246)
INK: Color = (40, 36, 34)
FAINT_INK: Color = (120, 114, 110)
_MARGIN = 0.024  # of a panel's width
_FONT = cv2.FONT_HERSHEY_DUPLEX


@dataclass(frozen=True)
class Label:
    """Two lines under a panel.

    Attributes:
        title: the larger line.
        detail: the smaller line, may be empty.
    """

    title: str
    detail: str = ""


@dataclass(frozen=True)
class Grid:
    """Where panels and their labels stand; all panels have one size. Lengths in pixels.

    Attributes:
        panel: (height, width) of a panel.
        columns, rows: of the grid.
        margin: round the whole and between panels.
        caption: height of a label's strip.
    """

    panel: tuple[int, int]
    columns: int
    rows: int
    margin: int
    caption: int

    @classmethod
    def of(cls, panels: int, frame: tuple[int, int], widest_px: int) -> "Grid":
        """A grid for so many panels of a frame's (height, width) shape, at most ``widest_px`` wide.

        Up to four panels stand in one row, more in a nearly square grid. The size of the whole is even.
        """
        columns = panels if panels <= 4 else math.ceil(math.sqrt(panels))
        height, width = frame
        room = widest_px - 3 * (columns + 1)  # what rounding the margins up may take
        shrink = min(1.0, room / (width * (columns + _MARGIN * (columns + 1))))
        panel = (max(16, round(height * shrink)), max(16, round(width * shrink)))
        margin = 2 * max(2, round(_MARGIN / 2 * panel[1]))
        caption = 2 * max(9, round(0.06 * panel[1]))
        return cls(panel, columns, math.ceil(panels / columns), margin, caption)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the whole, even."""
        height = self.rows * (self.panel[0] + self.caption) + (self.rows + 1) * self.margin
        width = self.columns * self.panel[1] + (self.columns + 1) * self.margin
        return height + height % 2, width + width % 2

    def corner(self, number: int) -> tuple[int, int]:
        """(top, left) of a panel, counted from 0, row by row."""
        row, column = divmod(number, self.columns)
        top = self.margin + row * (self.panel[0] + self.caption + self.margin)
        return top, self.margin + column * (self.panel[1] + self.margin)

    def background(self, labels: Sequence[Label]) -> Pixels:
        """Paper with every label written on it and no panel; (H, W, 3) uint8 BGR."""
        page = np.full((*self.size, 3), PAPER, np.uint8)
        for number, label in enumerate(labels):
            top, left = self.corner(number)
            self._write(page, label, top + self.panel[0], left)
        return page

    def _write(self, page: Pixels, label: Label, top: int, left: int) -> None:
        width = self.panel[1]
        title, detail = plain(label.title), plain(label.detail)
        put_text(page, title, (left, top + round(0.42 * self.caption)), 0.30 * self.caption, INK, width)
        put_text(
            page, detail, (left, top + round(0.84 * self.caption)), 0.22 * self.caption, FAINT_INK, width
        )

    def place(self, page: Pixels, number: int, pixels: Pixels) -> None:
        """Put one panel on the page, scaled to the panel's size."""
        top, left = self.corner(number)
        height, width = self.panel
        if pixels.shape[:2] != self.panel:
            pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        page[top : top + height, left : left + width] = pixels


def put_text(
    page: Pixels, text: str, left_base: tuple[int, int], height_px: float, color: Color, width_px: int
) -> None:
    """Write one line in letters of that height, smaller where it would be wider than ``width_px``."""
    if not text:
        return
    weight = 1 if height_px < 18 else 2
    scale = cv2.getFontScaleFromHeight(_FONT, max(1, round(height_px)), weight)
    (width, _), _ = cv2.getTextSize(text, _FONT, scale, weight)
    scale *= min(1.0, width_px / max(1, width))
    cv2.putText(page, text, left_base, _FONT, scale, color, weight, cv2.LINE_AA)


def plain(text: str) -> str:
    """ASCII only, which is what OpenCV's letters are: accents go, dashes become hyphens."""
    text = (
        text.replace("\N{EN DASH}", "-")
        .replace("\N{EM DASH}", "-")
        .replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    )
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c if c.isascii() else "?" for c in decomposed if not unicodedata.combining(c))
