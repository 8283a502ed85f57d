"""What lies over the picture: information, help, one line of news, source and painting side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.common.latency import LatencyReport
from pipeline.drawing.text import plain, put_text
from pipeline.drawing.textures import Color
from pipeline.frame import Pixels
from pipeline.live.controls import KEYS, Settings

LIGHT: Color = (240, 240, 240)
DIM: Color = (176, 176, 176)
ALERT: Color = (96, 190, 255)
RED: Color = (80, 80, 255)
_REFRESH_S = 0.25
_SHADE = 0.38  # how much of the picture shines through the panels

Line = tuple[str, Color]


@dataclass(frozen=True)
class Status:
    """The state of the loop that the information tells.

    Attributes:
        recent: of the last seconds' frames.
        dropped: frames so far that the camera gave and nobody saw.
        style: title of the style that is shown.
        place: ``2/10``.
        engine: engine, version, device, precision.
        scale: of the frame that the network sees.
        governor: what the governor does, empty without one.
        recording_s: length of the recording, None where there is none.
    """

    recent: LatencyReport
    dropped: int
    style: str
    place: str
    engine: str
    scale: float
    governor: str = ""
    recording_s: float | None = None


def information(status: Status, settings: Settings) -> list[Line]:
    """The lines of the information, the most important first."""
    total = status.recent.total
    lines: list[Line] = [
        (f"{status.recent.fps:.1f} fps   {status.dropped} dropped", LIGHT),
        (f"{total.p50:.0f} ms old (median), {total.p95:.0f} (95 %)", LIGHT),
    ]
    lines += [
        (f"  {name} {times.p50:.1f} / {times.p95:.1f}", DIM) for name, times in status.recent.stages.items()
    ]
    lines.append((f"{status.style}  {status.place}", LIGHT))
    lines.append((f"strength {settings.strength:.1f}   scale {status.scale:g}", LIGHT))
    if status.governor:
        lines.append((status.governor, ALERT))
    switched = [n for n, on in (("steady", settings.steady), ("colours kept", settings.keep_colors),
                                ("mirror", settings.mirror)) if on]  # fmt: skip
    if switched:
        lines.append((", ".join(switched), DIM))
    if status.recording_s is not None:
        minutes, seconds = divmod(int(status.recording_s), 60)
        lines.append((f"REC {minutes}:{seconds:02d}", RED))
    lines.append((status.engine, DIM))
    return lines


def help_lines() -> list[tuple[str, str]]:
    """(key, what it does) of every row, the digits in one."""
    rows = [(key.shown, key.help) for key in KEYS if not key.shown.isdecimal()]
    return [rows[0], rows[1], ("1-9", "style by number"), *rows[2:]]


class Overlay:
    """Composes what people see. The information's text is drawn four times a second, not for every frame."""

    def __init__(self) -> None:
        self._panel: Pixels | None = None
        self._drawn_at = float("-inf")
        self._drawn_for: tuple[object, ...] = ()

    def compose(
        self,
        source: Pixels,
        result: Pixels,
        settings: Settings,
        status: Status,
        notice: str,
        now: float,
    ) -> Pixels:
        """A new picture: the painting (beside the source where asked for) with what lies over it.

        Args:
            source, result: (H, W, 3) uint8 BGR of one size; only read.
            notice: one line at the lower edge, empty for none.
            now: seconds, for the rhythm of refreshing.
        """
        page: Pixels = np.hstack((source, result)) if settings.side_by_side else result.copy()
        unit = text_unit(result.shape[0])
        if settings.information and not settings.help:
            put_panel(page, self._information(status, settings, unit, now), 0, 0)
        if settings.help:
            panel = help_panel(unit, page.shape[0])
            top, left = ((page.shape[i] - panel.shape[i]) // 2 for i in (0, 1))
            put_panel(page, panel, max(0, top), max(0, left))
        if notice:
            strip = notice_panel(notice, unit, page.shape[1])
            put_panel(page, strip, page.shape[0] - strip.shape[0], 0)
        return page

    def _information(self, status: Status, settings: Settings, unit: int, now: float) -> Pixels:
        key = (settings, unit, status.style, status.scale, status.recording_s is None)
        if self._panel is None or now - self._drawn_at > _REFRESH_S or key != self._drawn_for:
            self._panel = text_panel(information(status, settings), unit)
            self._drawn_at, self._drawn_for = now, key
        return self._panel


def text_unit(height: int) -> int:
    """Height of a letter in pixels for a picture of that height."""
    return max(7, min(28, round(height / 44)))


def text_panel(lines: Sequence[Line], unit: int) -> Pixels:
    """Lines of text on black, as wide as 26 letters are high."""
    step, margin = round(1.75 * unit), unit
    panel = np.zeros((margin + step * len(lines) + margin // 2, 21 * unit, 3), np.uint8)
    for number, (text, color) in enumerate(lines):
        base = margin + number * step + unit
        put_text(panel, plain(text), (margin, base), unit, color, panel.shape[1] - 2 * margin)
    return panel


def help_panel(unit: int, height: int) -> Pixels:
    """Two columns of keys, as high as it needs but no higher than ``height``."""
    rows = help_lines()
    half = -(-len(rows) // 2)
    unit = max(6, min(unit, height // (2 * half + 2)))
    step, column = 2 * unit, 17 * unit
    panel = np.zeros((half * step + 2 * unit, 2 * column, 3), np.uint8)
    for number, (key, text) in enumerate(rows):
        left, base = unit + number // half * column, 2 * unit + number % half * step
        put_text(panel, key, (left, base), unit, ALERT, 5 * unit)
        put_text(panel, text, (left + 5 * unit + unit // 2, base), unit, LIGHT, column - 7 * unit)
    return panel


def notice_panel(text: str, unit: int, width: int) -> Pixels:
    """One line over the whole width."""
    panel = np.zeros((round(2.6 * unit), width, 3), np.uint8)
    put_text(panel, plain(text), (unit, round(1.75 * unit)), unit, ALERT, width - 2 * unit)
    return panel


def put_panel(page: Pixels, panel: Pixels, top: int, left: int) -> None:
    """Darken that part of the page and add the panel's letters; what does not fit is cut."""
    part = page[top : top + panel.shape[0], left : left + panel.shape[1]]
    panel = panel[: part.shape[0], : part.shape[1]]
    part[:] = cv2.addWeighted(part, _SHADE, panel, 1.0, 0.0)
