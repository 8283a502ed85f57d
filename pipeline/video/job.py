"""One video in, one stylized video out: everything behind ``brushstream video``. Prints nothing.

The work is done in segments, each forced to the disk and written into a journal beside the output. When
all are there they are put together, with everything else of the input, checked, and named.
"""

import dataclasses
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from pipeline.frame import Frame, Pixels
from pipeline.stylize.scheduled import ScheduledStylizer
from pipeline.video.loop import run_frames
from pipeline.video.outputs.base import OutputAssembler, part_name
from pipeline.video.plan import (
    VideoOptions,
    check_options,
    make_target,
    open_journal,
    open_look,
    open_source,
    plan_schedule,
)
from pipeline.video.preview import Preview
from pipeline.video.progress import LoopReport, Progress
from pipeline.video.reading.media import MediaSource, Position, pixels_crc
from pipeline.video.segments.journal import Journal
from pipeline.video.segments.sink import SegmentedSink

__all__ = ["RunVideo", "VideoOptions", "VideoSummary", "run_video"]


@dataclass(frozen=True)
class VideoSummary:
    """What a video job did.

    Attributes:
        output: the finished file; of a stopped job the playable part, ``clip.partial.mp4``.
        size: (height, width) of the stylized frames.
        rate: frames a second of the input's own time, None where it has no rate.
        frames: how many are in the output.
        resumed: how many of them an earlier run had made.
        seconds: from the first frame asked for to the finished file.
        fps: frames a second of work.
        busy_share: share of the time each resource worked, 0..1: decode, stylize, encode, and ``cpu``.
        engine: what ran, and why preferred engines did not.
        notes: one line each: a padded size, sound that was not copied, fewer bits.
        damage: one line where the input was damaged and its readable part was kept, else None.
        interrupted: stopped before the end; the same command goes on.
    """

    output: Path
    size: tuple[int, int]
    rate: Fraction | None
    frames: int
    resumed: int
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


class RunVideo(Protocol):
    """``run_video``, or what does the same elsewhere."""

    def __call__(
        self,
        options: VideoOptions,
        on_progress: Callable[[Progress], None] | None = None,
        *,
        on_engine: Callable[[str], None] | None = None,
        stop: threading.Event | None = None,
    ) -> VideoSummary:
        """See ``run_video``."""


def run_video(
    options: VideoOptions,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    on_engine: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
) -> VideoSummary:
    """Stylize one video file, going on where an earlier run of the same job ended.

    Args:
        on_progress: told about ten times a second, in the caller's thread.
        on_engine: told once which engine will run, before the first frame.
        stop: set it to end early; what was made is kept, as with Ctrl-C.

    Raises:
        InputError, StyleError, OutputError, EngineError, MissingPackageError: see ``errors``; nothing
            stands under the output's name then.
        KeyboardInterrupt: stopped before anything was written.
    """
    check_options(options)
    plan_schedule(options)
    with open_source(options) as source:
        target = make_target(options, source)
        with open_look(options, source) as look, open_journal(options, look, target) as journal:
            if on_engine is not None:
                on_engine(look.describe())
            job = _Job(options, source, look, target, journal)
            return job.run(on_progress, stop)


class _Watched:
    """The look, with a note of the frames by which a later run knows its place, and a preview."""

    def __init__(
        self, look: ScheduledStylizer, segment_frames: int, source_crcs: dict[int, int], preview: Preview
    ) -> None:
        self._look, self._segment_frames = look, segment_frames
        self._source_crcs, self._preview = source_crcs, preview

    @property
    def slots(self) -> int:
        return self._look.slots

    def submit(self, frame: Frame) -> None:
        if (frame.index + 1) % self._segment_frames == 0:
            self._source_crcs[frame.index] = pixels_crc(frame.pixels)
        self._look.submit(frame)

    def collect(self) -> Pixels:
        stylized = self._look.collect()
        self._preview.show(stylized)
        return stylized


class _Job:
    """A run with everything opened."""

    def __init__(
        self,
        options: VideoOptions,
        source: MediaSource,
        look: ScheduledStylizer,
        target: OutputAssembler,
        journal: Journal,
    ) -> None:
        self._options, self._source, self._look = options, source, look
        self._target, self._journal = target, journal
        self._preview = Preview(target.final, options.preview_s)
        self._source_crcs: dict[int, int] = {}
        self._stage = _Watched(look, options.segment_frames, self._source_crcs, self._preview)
        self._resumed = journal.frames
        self._built = target.final

    def run(
        self, on_progress: Callable[[Progress], None] | None, stop: threading.Event | None
    ) -> VideoSummary:
        go_on_after(self._journal, self._source, self._look)
        with SegmentedSink(
            self._journal,
            self._target.new_encoder,
            self._build,
            self._source_crcs,
            self._options.segment_frames,
            self._source.damage_so_far,
        ) as sink:
            tell = on_progress and (lambda progress: on_progress(self._in_all(progress)))
            report = run_frames(self._source, self._stage, sink, on_progress=tell, stop=stop)
            if not report.interrupted:
                self._tidy()
            return self._summary(report)

    def _in_all(self, progress: Progress) -> Progress:
        return dataclasses.replace(progress, frames=progress.frames + self._resumed, resumed=self._resumed)

    def _build(self, segments: list[Path], complete: bool) -> None:
        self._built = self._target.build(segments, complete, damaged=self._damage is not None)

    @property
    def _damage(self) -> str | None:
        """Of the input: where it was read to now, or what an earlier run met."""
        return self._source.damage or self._journal.damage

    def _tidy(self) -> None:
        """The output is there: what a stopped run showed in its place, and the segments, may go."""
        if self._resumed:
            part_name(self._target.final).unlink(missing_ok=True)
        self._preview.remove()
        self._journal.remove()

    def _summary(self, report: LoopReport) -> VideoSummary:
        return VideoSummary(
            output=self._built,
            size=self._source.info.size,
            rate=self._source.info.rate,
            frames=self._resumed + report.frames,
            resumed=self._resumed,
            seconds=report.seconds,
            fps=report.fps,
            busy_share=report.busy_share,
            engine=self._look.describe(),
            notes=(*self._journal.notes, *self._source.notes, *self._target.notes),
            damage=self._damage or self._target.damage,
            interrupted=report.interrupted,
        )


def go_on_after(journal: Journal, source: MediaSource, look: ScheduledStylizer) -> None:
    """Let source and look begin with the first frame that no whole segment holds. Raises InputError."""
    if journal.records:
        last = journal.records[-1]
        position = Position(journal.frames - 1, last.last_pts, last.source_crc)
        source.skip_to(position, look.lead_in_s, look.look_at)
