"""A picture of latency over time, drawn with OpenCV: no plotting package in the base install."""

import math

import cv2
import numpy as np

from pipeline.bench.figures import LiveBenchReport
from pipeline.drawing.contact_sheet import FAINT_INK, INK, PAPER, Color, plain, put_text
from pipeline.frame import Pixels

SIZE = (560, 1100)
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 150, 96, 54
_DOT: Color = (160, 96, 36)
_DROPPED: Color = (150, 140, 235)
_GRID: Color = (216, 220, 222)
_P50: Color = (70, 130, 40)
_P99: Color = (50, 60, 200)
_WARMUP: Color = (226, 232, 236)
_LETTERS_PX = 12


def draw_ages(report: LiveBenchReport) -> Pixels:
    """One dot a frame: age over time, red for dropped ones, warm-up shaded, p50 and p99 as lines.

    Returns:
        (H, W, 3) uint8 BGR of SIZE.
    """
    page: Pixels = np.full((*SIZE, 3), PAPER, np.uint8)
    _titles(page, report)
    if report.ages_ms:
        axes = _Axes(report)
        axes.draw(page)
        for dots, color in ((report.dropped_ms, _DROPPED), (report.ages_ms, _DOT)):
            for at_s, age_ms in dots:
                cv2.circle(page, axes.point(at_s, age_ms), 2, color, cv2.FILLED, cv2.LINE_AA)
        axes.level(page, report.age.p50, f"p50 {report.age.p50:.1f} ms", _P50)
        axes.level(page, report.age.p99, f"p99 {report.age.p99:.1f} ms", _P99)
    return page


def _titles(page: Pixels, report: LiveBenchReport) -> None:
    height, width = report.size
    title = f"Live age of {report.shown} frames, {width}x{height} at {report.rate} fps, {report.style}"
    detail = f"{report.engine}; {report.delivered_fps:.1f} fps, {report.dropped} dropped (pale red)"
    put_text(page, plain(title), (_LEFT, 36), 16, INK, SIZE[1] - 2 * _LEFT)
    put_text(page, plain(detail), (_LEFT, 58), _LETTERS_PX, FAINT_INK, SIZE[1] - _LEFT - 30)
    put_text(page, plain(report.verdict), (_LEFT, 77), _LETTERS_PX, FAINT_INK, SIZE[1] - _LEFT - 30)


class _Axes:
    """From seconds and milliseconds to pixels."""

    def __init__(self, report: LiveBenchReport) -> None:
        self._seconds = max(report.ages_ms[-1][0], 1e-3)
        top = max(age for _, age in [*report.ages_ms, *report.dropped_ms]) * 1.05
        self._step_ms = nice_step(top)
        self._top_ms = self._step_ms * math.ceil(top / self._step_ms)
        self._warmup_s = min(self._seconds, report.warmup / report.rate)

    def point(self, at_s: float, age_ms: float) -> tuple[int, int]:
        width, height = SIZE[1] - _LEFT - _RIGHT, SIZE[0] - _TOP - _BOTTOM
        x = _LEFT + round(at_s / self._seconds * width)
        return x, SIZE[0] - _BOTTOM - round(min(age_ms, self._top_ms) / self._top_ms * height)

    def draw(self, page: Pixels) -> None:
        if self._warmup_s > 0:
            (left, bottom), (right, top) = self.point(0, 0), self.point(self._warmup_s, self._top_ms)
            page[top:bottom, left:right] = _WARMUP
            if right - left > 60:
                put_text(page, "warm-up", (left + 4, top + 16), _LETTERS_PX - 2, FAINT_INK, right - left - 8)
        for number in range(round(self._top_ms / self._step_ms) + 1):
            self._grid_line(page, number * self._step_ms)
        step_s = nice_step(self._seconds)
        for number in range(int(self._seconds / step_s) + 1):
            x, y = self.point(number * step_s, 0)
            cv2.line(page, (x, y), (x, y + 5), FAINT_INK, 1)
            put_text(page, f"{number * step_s:g} s", (x - 8, y + 22), _LETTERS_PX, FAINT_INK, 60)

    def _grid_line(self, page: Pixels, age_ms: float) -> None:
        (left, y), (right, _) = self.point(0, age_ms), self.point(self._seconds, age_ms)
        cv2.line(page, (left, y), (right, y), _GRID, 1)
        text = f"{age_ms:g} ms"
        put_text(page, text, (_LEFT - 8 - 8 * len(text), y + 5), _LETTERS_PX, FAINT_INK, 8 * len(text))

    def level(self, page: Pixels, age_ms: float, text: str, color: Color) -> None:
        (left, y), (right, _) = self.point(0, age_ms), self.point(self._seconds, age_ms)
        cv2.line(page, (left, y), (right, y), color, 1, cv2.LINE_AA)
        put_text(page, text, (right + 8, y + 5), _LETTERS_PX, color, _RIGHT - 14)


def nice_step(most: float) -> float:
    """A distance of grid lines, 1, 2 or 5 times a power of ten, that gives four to ten of them."""
    power = 10.0 ** math.floor(math.log10(max(most, 1e-9)))
    return next(step * power for step in (0.1, 0.2, 0.5, 1.0, 2.0) if most / (step * power) <= 10)
