"""One line of text in OpenCV's letters, for what is drawn many times a second."""

import unicodedata

import cv2

from pipeline.drawing.textures import Color
from pipeline.frame import Pixels

_FONT = cv2.FONT_HERSHEY_DUPLEX


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
