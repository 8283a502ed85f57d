"""One video in, one stylized video out: everything behind ``brushstream video``. Prints nothing.

The work is done in segments, each forced to the disk and written into a journal beside the output. When
all are there they are put together, with everything else of the input, checked, and named.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from pipeline.common.atomic_files import part_paths
from pipeline.frame import Frame, Pixels
from pipeline.stylize.scheduled import ScheduledStylizer
from pipeline.video.loop import run_frames
from pipeline.video.options import VideoOptions
from pipeline.video.outputs.base import OutputAssembler, part_name
from pipeline.video.outputs.standard_output import pour
from pipeline.video.plan import VideoPlan
from pipeline.video.preview import Preview
from pipeline.video.progress import Event, LoopProgress, Tell
from pipeline.video.reading.media import MediaSource, Position, pixels_crc
from pipeline.video.segments.journal import Journal
from pipeline.video.segments.sink import SegmentedSink
from pipeline.video.streamed import as_files


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
    busy_share: dict[str, float]
    engine: str
    notes: tuple[str, ...]
    damage: str | None
    interrupted: bool

    @property
    def fps(self) -> float:
        """Frames a second of work; 0 for none."""
        return (self.frames - self.resumed) / self.seconds if self.seconds > 0 else 0.0

    @property
    def busiest(self) -> str:
        """The resource that held the job back: decode, stylize, encode or cpu."""
        return max(self.busy_share, key=lambda name: self.busy_share[name])


RunVideo = Callable[[VideoPlan, Tell, threading.Event], VideoSummary]
"""``run_plan``, or what does the same elsewhere."""


def run_video(
    options: VideoOptions,
    on_progress: Callable[[LoopProgress], None] | None = None,
    *,
    on_engine: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
) -> VideoSummary:
    """Plan one video and run it: ``run_plan``, told of progress and engine alone."""

    def tell(event: Event) -> None:
        if event.progress is not None and on_progress is not None:
            on_progress(event.progress)
        if event.kind == "engine" and on_engine is not None:
            on_engine(event.facts["engine"])

    return run_plan(VideoPlan.of(options), tell, stop or threading.Event())


def run_plan(plan: VideoPlan, tell: Tell, stop: threading.Event) -> VideoSummary:
    """Stylize one video file, going on where an earlier run of the same job ended.

    Args:
        tell: told once which engine will run, before the first frame, then of progress about ten times a
            second, in the caller's thread.
        stop: set it to end early; what was made is kept, as with Ctrl-C.

    Raises:
        InputError, StyleError, OutputError, EngineError, MissingPackageError: see ``errors``; nothing
            stands under the output's name then.
        KeyboardInterrupt: stopped before anything was written.
    """
    with as_files(plan, tell, stop) as settled, opened(settled, tell) as job:
        done = _run(job, stop)
        if not settled.options.poured:
            return done
        if done.interrupted:
            raise KeyboardInterrupt
        pour(done.output)
        return replace(done, output=plan.options.output)


@dataclass
class VideoJob:
    """One video with everything opened; what its segments become, wherever they are made.

    Attributes:
        plan, source, stylizer, assembler, journal: its parts, which stay their opener's.
        tell: of what happens.
        engine: what runs, and why preferred engines do not.
        resumed: frames that an earlier run had made.
    """

    plan: VideoPlan
    source: MediaSource
    stylizer: ScheduledStylizer
    assembler: OutputAssembler
    journal: Journal
    tell: Tell

    def __post_init__(self) -> None:
        self.engine, self.resumed = self.stylizer.describe(), self.journal.frames
        self._built = self.assembler.final

    @property
    def damage(self) -> str | None:
        """Of the input: where it was read to now, or what an earlier run met."""
        return self.source.damage or self.journal.damage

    def go_on(self) -> None:
        """Let source and stylizer begin with the first frame that no whole segment holds.

        Raises:
            InputError: the input is another one by now.
        """
        if self.journal.records:
            last = self.journal.records[-1]
            position = Position(self.journal.frames - 1, last.last_pts, last.source_crc)
            self.source.skip_to(position, self.stylizer.lead_in_s, self.stylizer.look_at)

    def tell_progress(self, made: int, seconds: float) -> None:
        """This run has made so many frames in so many seconds."""
        progress = LoopProgress(self.resumed + made, self.source.info.frame_count, seconds, self.resumed)
        self.tell(Event.of_progress(self.plan.options.label, progress))

    def assemble(self, segments: Sequence[Path], complete: bool) -> None:
        """Make the output of its segments; see ``OutputAssembler.build``."""
        self._built = self.assembler.build(segments, complete, damaged=self.damage is not None)

    def tidy(self) -> None:
        """The output is there: what a stopped run showed in its place, and the segments, may go."""
        if self.resumed:
            part_name(self.assembler.final).unlink(missing_ok=True)
        self.journal.remove()

    def summary(
        self, made: int, seconds: float, busy_share: dict[str, float], interrupted: bool = False
    ) -> VideoSummary:
        """What this run did; ``made``: the frames that are its own."""
        return VideoSummary(
            output=self._built,
            size=self.source.info.size,
            rate=self.source.info.rate,
            frames=self.resumed + made,
            resumed=self.resumed,
            seconds=seconds,
            busy_share=busy_share,
            engine=self.engine,
            notes=(*self.journal.notes, *self.source.notes, *self._laid_on_white(), *self.assembler.notes),
            damage=self.damage or self.assembler.damage,
            interrupted=interrupted,
        )

    def _laid_on_white(self) -> tuple[str, ...]:
        if not self.source.transparent or self.assembler.keeps_alpha:
            return ()
        return (
            "transparency was laid on white: the output holds none; .webm, .gif, %06d.png, and .mov with "
            "--codec prores do",
        )


@contextmanager
def opened(plan: VideoPlan, tell: Tell) -> Iterator[VideoJob]:
    """Open every part of a job; closed when the block ends. Raises as ``run_plan``."""
    with plan.open_source() as source:
        assembler = plan.open_assembler(source)
        assembler.rehearse()
        with (
            plan.open_stylizer(source) as stylizer,
            plan.open_journal(stylizer.engine_names, assembler) as journal,
        ):
            for result in (assembler.final, part_name(assembler.final)):  # a killed run left them
                for part in part_paths(result):
                    part.unlink(missing_ok=True)
            job = VideoJob(plan, source, stylizer, assembler, journal, tell)
            tell(Event("engine", plan.options.label, {"engine": job.engine}))
            yield job


class _Watched:
    """The stylizer, with a note of the frames by which a later run knows its place, and a preview."""

    def __init__(
        self,
        stylizer: ScheduledStylizer,
        segment_frames: int,
        source_crcs: dict[int, int],
        preview: Preview,
    ) -> None:
        self._stylizer, self._segment_frames = stylizer, segment_frames
        self._source_crcs, self._preview = source_crcs, preview

    @property
    def slots(self) -> int:
        return self._stylizer.slots

    def submit(self, frame: Frame) -> None:
        if (frame.index + 1) % self._segment_frames == 0:
            self._source_crcs[frame.index] = pixels_crc(frame.pixels)
        self._stylizer.submit(frame)

    def collect(self) -> Pixels:
        stylized = self._stylizer.collect()
        self._preview.show(stylized)
        return stylized


def _run(job: VideoJob, stop: threading.Event) -> VideoSummary:
    """Make the segments here."""
    options, source_crcs = job.plan.options, dict[int, int]()
    preview = Preview(job.assembler.final, options.preview_s)
    stage = _Watched(job.stylizer, options.segment_frames, source_crcs, preview)
    job.go_on()
    with SegmentedSink(
        job.journal,
        job.assembler.new_encoder,
        job.assemble,
        source_crcs,
        options.segment_frames,
        job.source.damage_so_far,
    ) as sink:
        report = run_frames(
            job.source,
            stage,
            sink,
            on_progress=lambda progress: job.tell_progress(progress.frames, progress.seconds),
            stop=stop,
        )
        if not report.interrupted:
            preview.remove()
            job.tidy()
        return job.summary(report.frames, report.seconds, report.busy_share, report.interrupted)
