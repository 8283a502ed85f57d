"""The demo: a scene the program draws itself, stylized by every style. Prints nothing."""

import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.common.atomic_files import make_folder
from pipeline.common.contact_sheet import PAPER, Cell, draw_sheet, fitted_wh, placed, wrapped
from pipeline.common.errors import StyleNotFoundError
from pipeline.engines.base import Precision
from pipeline.frame import Pixels
from pipeline.images.resizing import resize
from pipeline.images.writing import write_image
from pipeline.live.sources.synthetic import SyntheticSource
from pipeline.lookup import find_style
from pipeline.style import StyleCard, StyleFile, list_styles
from pipeline.stylize.in_flight import OneByOne
from pipeline.stylize.stylizer import Stylizer
from pipeline.video.loop import run_frames
from pipeline.video.progress import LoopProgress
from pipeline.video.writing.recording import VideoFileSink

WARMUP_FRAMES = 5
MEASURED_FRAMES = 30
_MEASURED_AT_MOST_MS = 700.0
_SECONDS, _PAINTED_AT_MOST_MS = 4.0, 30e3
_VIDEO_WIDEST_PX = 1920
_SHEET_WIDEST_PX = 2400
_SHEET_AT_S = 1.3


@dataclass(frozen=True)
class DemoOptions:
    """What ``brushstream demo`` was asked for.

    Attributes:
        output: folder for ``demo.mp4`` and ``contact-sheet.png``; made where it is missing, and files of
            an earlier demo in it are replaced.
        styles: names or paths; empty takes every style that can be found.
        engine, precision: as for ``pipeline.stylize.stylizer.Stylizer``.
        size: (height, width) of the frames that are stylized.
        rate: frames a second of the video.
        seconds: length of the video; None: four, fewer where painting them would take more than half a
            minute.
    """

    output: Path = Path("brushstream-demo")
    styles: tuple[str, ...] = ()
    engine: str = "auto"
    precision: Precision | None = None
    size: tuple[int, int] = (480, 640)
    rate: int = 25
    seconds: float | None = None


@dataclass(frozen=True)
class StyleSpeed:
    """How fast one style ran, alone, frame to frame: uint8 in, uint8 out, warm-up apart.

    Attributes:
        name, title, artist: of the style.
        frame_ms: median time of one frame.
        fps: frames a second that come of it.
        engine: what ran.
    """

    name: str
    title: str
    artist: str
    frame_ms: float
    engine: str

    @property
    def fps(self) -> float:
        """Frames a second at ``frame_ms``."""
        return 1000 / self.frame_ms if self.frame_ms > 0 else 0.0


@dataclass(frozen=True)
class DemoSummary:
    """What the demo made.

    Attributes:
        video, contact_sheet: the finished files.
        frames: of the video.
        seconds: the whole demo took.
        size: (height, width) of the stylized frames.
        speeds: one a style, in the panels' order.
        interrupted: ended by Ctrl-C; the video holds what was made until then.
    """

    video: Path
    contact_sheet: Path
    frames: int
    seconds: float
    size: tuple[int, int]
    speeds: tuple[StyleSpeed, ...]
    interrupted: bool


def run_demo(
    options: DemoOptions | None = None,
    on_progress: Callable[[LoopProgress], None] | None = None,
    on_style: Callable[[StyleSpeed, int, int], None] | None = None,
) -> DemoSummary:
    """Open and measure every style, then write the contact sheet and the side-by-side video.

    The contact sheet is there as soon as the first style has painted, and whole once the last one has.

    Args:
        on_progress: told about ten times a second while the video is made.
        on_style: told each style's speed when it was measured, which of how many it is.

    Raises:
        StyleError, EngineError: a style cannot be used, or there is none at all.
        OutputError: the folder cannot be made or written.
    """
    options = options or DemoOptions()
    started_at = time.perf_counter()
    styles = _find_styles(options.styles)
    make_folder(options.output)
    contact_sheet, video = options.output / "contact-sheet.png", options.output / "demo.mp4"
    stylizers: list[Stylizer] = []
    speeds: list[StyleSpeed] = []
    with SyntheticSource(options.size, options.rate) as source, ExitStack() as opened:
        moment = source.frame(round(_SHEET_AT_S * options.rate)).pixels
        sheet = _Page([_label(style.card) for style in styles], options.size, _SHEET_WIDEST_PX)
        for style in styles:
            stylizer = Stylizer(style, options.size, engine=options.engine, precision=options.precision)
            stylizers.append(opened.enter_context(stylizer))
            if len(stylizers) in (1, len(styles)):
                write_image(contact_sheet, sheet.painted(moment, stylizers), overwrite=True)
            speeds.append(_measure(stylizer, source))
            if on_style is not None:
                on_style(speeds[-1], len(speeds), len(styles))
        labels = [(s.title, f"{s.fps:.0f} frames/s, {s.engine}") for s in speeds]
        page = _Page(labels, options.size, _VIDEO_WIDEST_PX)
        source.end_after(frame_count(options, sum(speed.frame_ms for speed in speeds)))
        with VideoFileSink(video, overwrite=True) as sink:
            sink.open(dataclasses.replace(source.info, size=page.size))
            report = run_frames(
                source,
                OneByOne(lambda pixels: page.painted(pixels, stylizers)),
                sink,
                on_progress=on_progress,
            )
    return DemoSummary(
        video, contact_sheet, report.frames, time.perf_counter() - started_at, options.size, tuple(speeds),
        report.interrupted,
    )  # fmt: skip


def _find_styles(names: Sequence[str]) -> list[StyleFile]:
    styles = [find_style(name) for name in names] if names else list_styles()
    styles = [style for style in styles if names or not style.card.styles]  # each of its rows has a file too
    if not styles:
        raise StyleNotFoundError(
            "there is no style to show: none is bundled and none is in the user's folder; "
            "train one with `brushstream train` and export it"
        )
    return styles


def frame_count(options: DemoOptions, frame_ms: float) -> int:
    """Of the video, of which each frame takes so long to paint."""
    if options.seconds is not None:
        return max(1, round(options.seconds * options.rate))
    affordable = _PAINTED_AT_MOST_MS / frame_ms if frame_ms > 0 else math.inf
    return max(options.rate // 2, round(min(_SECONDS * options.rate, affordable)))


def _measure(stylizer: Stylizer, source: SyntheticSource) -> StyleSpeed:
    """Time one style alone, on moving frames drawn beforehand; slow styles get fewer frames."""
    pictures = [source.frame(index).pixels for index in range(0, 40, 5)]
    for picture in pictures[:WARMUP_FRAMES]:
        stylizer(picture)
    times_ms: list[float] = []
    while len(times_ms) < MEASURED_FRAMES and (len(times_ms) < 3 or sum(times_ms) < _MEASURED_AT_MOST_MS):
        began_at = time.perf_counter()
        stylizer(pictures[len(times_ms) % len(pictures)])
        times_ms.append((time.perf_counter() - began_at) * 1e3)
    card, frame_ms = stylizer.style.card, statistics.median(times_ms)
    return StyleSpeed(card.name, *_label(card), frame_ms, str(stylizer.info))


def _label(card: StyleCard) -> tuple[str, str]:
    artist = ", ".join(part for part in (card.artist, str(card.year or "")) if part)
    return card.title or card.name, artist


class _Page:
    """The source and its stylized versions, each with a label; ``size`` is (height, width) of the whole."""

    def __init__(self, labels: Sequence[tuple[str, str]], size: tuple[int, int], widest_px: int) -> None:
        count = len(labels) + 1
        columns = count if count <= 4 else math.ceil(math.sqrt(count))
        self._panel_wh = fitted_wh(size, columns, widest_px)
        original = ("Original", f"a scene drawn by brushstream, {size[1]}x{size[0]}")
        blank = Image.new("RGB", self._panel_wh, PAPER)
        rows = wrapped([Cell(blank, label) for label in (original, *labels)], columns)
        self._corners = [(left, top) for _, left, top in placed("", rows)]
        self._blank = np.asarray(draw_sheet("", rows))[..., ::-1]
        self.size = (self._blank.shape[0], self._blank.shape[1])

    def painted(self, pixels: Pixels, stylizers: Sequence[Stylizer]) -> Pixels:
        """One frame by each of the first styles: (H, W, 3) uint8 BGR of ``size``."""
        page: Pixels = self._blank.copy()
        shown = (pixels, *(stylizer(pixels) for stylizer in stylizers))
        width, height = self._panel_wh
        for (left, top), panel in zip(self._corners, shown, strict=False):
            page[top : top + height, left : left + width] = resize(panel, (height, width))
        return page
