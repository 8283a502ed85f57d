"""One video in, one stylized video out: everything behind ``brushstream video``. Prints nothing."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.engines.base import Precision
from pipeline.errors import InputError, OutputError
from pipeline.loop import Progress, run_file
from pipeline.sinks.part_file import check_target
from pipeline.sinks.video_file import Encoding, VideoFileSink
from pipeline.sources.video_file import VideoFileSource
from pipeline.style import find_style
from pipeline.stylizer import Stylizer

_LARGEST_SIDE_PX = 16384
IN_FLIGHT = 2
"""Frames the engine may have in flight; see docs/performance.md for what a second one brings."""

_ENCODING = Encoding()


@dataclass(frozen=True)
class VideoOptions:
    """What ``brushstream video`` was asked for.

    Attributes:
        input, output: the output's extension chooses the container: mp4, m4v, mov, mkv, webm.
        style: a style's name or the path of a style file.
        engine: a name of ``registry.ENGINES`` or ``auto``.
        precision: None takes the fastest that keeps the picture on this machine.
        size: (height, width) that frames are scaled to before stylizing, and the output's; None keeps
            the input's.
        strength: 0 leaves the frame, 1 is the style alone.
        keep_colors: brightness from the style, colours from the frame.
        overwrite: replace an output that is there.
        crf: constant quality, 0 best, 51 worst.
        preset: one of ``sinks.video_file.PRESETS``.
    """

    input: Path
    output: Path
    style: str
    engine: str = "auto"
    precision: Precision | None = None
    size: tuple[int, int] | None = None
    strength: float = 1.0
    keep_colors: bool = False
    overwrite: bool = False
    crf: int = _ENCODING.crf
    preset: str = _ENCODING.preset


@dataclass(frozen=True)
class VideoSummary:
    """What a video job did.

    Attributes:
        output: the finished file.
        size: (height, width) of the stylized frames.
        rate: frames a second of the input's own time, None where it has no rate.
        frames: how many were written.
        seconds: from the first frame asked for to the finished file.
        fps: frames a second of work.
        busy_share: share of the time each resource worked, 0..1: decode, stylize, encode, and ``cpu``.
        engine: what ran, and why preferred engines did not.
        notes: one line each: a padded size, sound that was not copied, fewer bits.
        damage: one line where the input was damaged and its readable part was kept, else None.
        interrupted: stopped before the end; the output holds what was made until then.
    """

    output: Path
    size: tuple[int, int]
    rate: Fraction | None
    frames: int
    seconds: float
    fps: float
    busy_share: dict[str, float]
    engine: str
    notes: tuple[str, ...]
    damage: str | None
    interrupted: bool

    @property
    def busiest(self) -> str:
        """The resource that held the job back: decode, stylize, encode or cpu."""
        return max(self.busy_share, key=lambda name: self.busy_share[name])


def run_video(
    options: VideoOptions,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    on_engine: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
) -> VideoSummary:
    """Stylize one video file.

    Args:
        on_progress: told about ten times a second, in the caller's thread.
        on_engine: told once which engine will run, before the first frame.
        stop: set it to end early; what was made is kept, as with Ctrl-C.

    Raises:
        InputError, StyleError, OutputError, EngineError, MissingPackageError: see ``errors``; nothing
            stands under the output's name then.
        KeyboardInterrupt: stopped before anything was written.
    """
    _check_options(options)
    style = find_style(options.style)
    with VideoFileSource(options.input, options.size) as source, _sink(options, source) as sink:
        with Stylizer(
            style,
            source.info.size,
            engine=options.engine,
            precision=options.precision,
            strength=options.strength,
            keep_colors=options.keep_colors,
            in_flight=IN_FLIGHT,
        ) as stylizer:
            if on_engine is not None:
                on_engine(stylizer.describe())
            sink.open(source.info)
            report = run_file(source, stylizer, sink, on_progress=on_progress, stop=stop)
            engine = stylizer.describe()
        return VideoSummary(
            output=options.output,
            size=source.info.size,
            rate=source.info.rate,
            frames=report.frames,
            seconds=report.seconds,
            fps=report.fps,
            busy_share=report.busy_share,
            engine=engine,
            notes=(*source.notes, *sink.notes),
            damage=source.damage,
            interrupted=report.interrupted,
        )


def _check_options(options: VideoOptions) -> None:
    """What can be refused before anything is opened, so that no engine is loaded in vain."""
    if options.size is not None and not all(1 <= side <= _LARGEST_SIDE_PX for side in options.size):
        height, width = options.size
        raise InputError(f"size must lie in 1..{_LARGEST_SIDE_PX} pixels a side, got {width}x{height}")
    if options.output.exists() and options.input.exists() and options.output.samefile(options.input):
        raise OutputError(f"input and output are both {options.output}; choose another output")
    check_target(options.output, options.overwrite)


def _sink(options: VideoOptions, source: VideoFileSource) -> VideoFileSink:
    return VideoFileSink(
        options.output,
        encoding=Encoding(options.crf, options.preset),
        overwrite=options.overwrite,
        audio_from=options.input,
        color=source.color,
        time_base=source.time_base,
        pixel_aspect=source.pixel_aspect,
    )
