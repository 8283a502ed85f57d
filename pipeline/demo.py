"""The demo: a scene the program draws itself, stylized by every style. Prints nothing."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.common.atomic_files import make_folder
from pipeline.common.errors import StyleNotFoundError
from pipeline.drawing.contact_sheet import Grid, Label
from pipeline.engines.base import Precision
from pipeline.frame import Pixels
from pipeline.images.writing import write_image
from pipeline.live.sources.synthetic import SyntheticSource
from pipeline.style import StyleCard, StyleFile, find_style, list_styles
from pipeline.stylize.in_flight import OneByOne
from pipeline.stylize.stylizer import Stylizer
from pipeline.video.loop import run_frames
from pipeline.video.progress import LoopProgress
from pipeline.video.writing.recording import VideoFileSink

WARMUP_FRAMES = 5
MEASURED_FRAMES = 40
_MEASURED_AT_MOST_MS = 1500.0
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
        seconds: length of the video.
    """

    output: Path = Path("brushstream-demo")
    styles: tuple[str, ...] = ()
    engine: str = "auto"
    precision: Precision | None = None
    size: tuple[int, int] = (480, 640)
    rate: int = 25
    seconds: float = 4.0


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
    on_style: Callable[[StyleSpeed], None] | None = None,
) -> DemoSummary:
    """Measure every style, then write the contact sheet and the side-by-side video.

    Args:
        on_progress: told about ten times a second while the video is made.
        on_style: told each style's speed when it was measured.

    Raises:
        StyleError, EngineError: a style cannot be used, or there is none at all.
        OutputError: the folder cannot be made or written.
    """
    options = options or DemoOptions()
    started_at = time.perf_counter()
    styles = _find_styles(options.styles)
    make_folder(options.output)
    frames = max(1, round(options.seconds * options.rate))
    with SyntheticSource(options.size, options.rate, frames) as source, _opened(styles, options) as stylizers:
        speeds = tuple(_measure(stylizer, source, on_style) for stylizer in stylizers)
        contact_sheet = options.output / "contact-sheet.png"
        moment = source.frame(round(_SHEET_AT_S * options.rate)).pixels
        sheet = _Panels(stylizers, [Label(s.title, s.artist) for s in speeds], options.size, _SHEET_WIDEST_PX)
        write_image(contact_sheet, sheet.page(moment), overwrite=True)
        video = options.output / "demo.mp4"
        labels = [Label(s.title, f"{s.fps:.0f} frames/s, {s.engine}") for s in speeds]
        panels = _Panels(stylizers, labels, options.size, _VIDEO_WIDEST_PX)
        with VideoFileSink(video, overwrite=True) as sink:
            sink.open(dataclasses.replace(source.info, size=panels.grid.size))
            report = run_frames(source, OneByOne(panels.page), sink, on_progress=on_progress)
    seconds = time.perf_counter() - started_at
    return DemoSummary(video, contact_sheet, report.frames, seconds, options.size, speeds, report.interrupted)


def _find_styles(names: Sequence[str]) -> list[StyleFile]:
    styles = [find_style(name) for name in names] if names else list_styles()
    if not styles:
        raise StyleNotFoundError(
            "there is no style to show: none is bundled and none is in the user's folder; "
            "train one with `brushstream train` and export it"
        )
    return styles


@contextmanager
def _opened(styles: Sequence[StyleFile], options: DemoOptions) -> Iterator[list[Stylizer]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                Stylizer(style, options.size, engine=options.engine, precision=options.precision)
            )
            for style in styles
        ]


def _measure(
    stylizer: Stylizer, source: SyntheticSource, on_style: Callable[[StyleSpeed], None] | None
) -> StyleSpeed:
    """Time one style alone, on moving frames drawn beforehand; slow styles get fewer frames."""
    pictures = [source.frame(index).pixels for index in range(0, 40, 5)]
    for picture in pictures[:WARMUP_FRAMES]:
        stylizer(picture)
    times_ms: list[float] = []
    while len(times_ms) < MEASURED_FRAMES and (len(times_ms) < 3 or sum(times_ms) < _MEASURED_AT_MOST_MS):
        began_at = time.perf_counter()
        stylizer(pictures[len(times_ms) % len(pictures)])
        times_ms.append((time.perf_counter() - began_at) * 1e3)
    card = stylizer.style.card
    median_ms = statistics.median(times_ms)
    speed = StyleSpeed(card.name, card.title or card.name, _artist(card), median_ms, str(stylizer.info))
    if on_style is not None:
        on_style(speed)
    return speed


def _artist(card: StyleCard) -> str:
    return ", ".join(part for part in (card.artist, str(card.year or "")) if part)


class _Panels:
    """The source and its stylized versions on one labelled page."""

    def __init__(
        self, stylizers: Sequence[Stylizer], labels: Sequence[Label], size: tuple[int, int], widest_px: int
    ) -> None:
        self._stylizers = stylizers
        self.grid = Grid.of(len(stylizers) + 1, size, widest_px)
        original = Label("Original", f"a scene drawn by brushstream, {size[1]}x{size[0]}")
        self._background = self.grid.background([original, *labels])

    def page(self, pixels: Pixels) -> Pixels:
        """All panels of one frame: (H, W, 3) uint8 BGR of ``grid.size``."""
        page = self._background.copy()
        self.grid.place(page, 0, pixels)
        for number, stylizer in enumerate(self._stylizers, 1):
            self.grid.place(page, number, stylizer(pixels))
        return page
