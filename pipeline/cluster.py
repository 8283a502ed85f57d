"""One video's segments on many machines, by Ray: ``pip install 'brushstream[cluster]'``.

Every task opens the input under the same path, goes to its segment's first frame, and sends the encoded
segment back; the journal and the output stand on the machine that asked, and are the same as without a
cluster. A job that was cut off goes on with the segments that are missing at its end.
"""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import ray

from pipeline.errors import EngineError, InputError
from pipeline.in_flight import overlapped
from pipeline.journal import Journal, SegmentRecord
from pipeline.look import Look
from pipeline.progress import Progress
from pipeline.sinks.segment_file import SegmentFacts, SegmentWriter, install
from pipeline.sinks.target import MovieTarget, Target
from pipeline.sources.media import MediaSource, Position, pixels_crc
from pipeline.sources.packet_times import picture_times
from pipeline.video_job import VideoSummary
from pipeline.video_plan import (
    VideoOptions,
    check_options,
    fingerprint,
    make_target,
    open_journal,
    open_look,
    open_source,
    plan_schedule,
)

LOCAL = "local"
"""The address that starts Ray on this machine alone."""


@dataclass(frozen=True)
class Task:
    """One segment for one machine.

    Attributes:
        options: of the job, with the encoder's threads settled.
        number: the segment's.
        first_index, frames: which output frames; ``frames`` is None where the source's end is in it.
        before: the frame before it; None for the first segment.
        fingerprint: of the input, which must be the same everywhere.
        engines: what runs where the job was asked for, which must be the same everywhere.
    """

    options: VideoOptions
    number: int
    first_index: int
    frames: int | None
    before: Position | None
    fingerprint: str
    engines: tuple[str, ...]


@dataclass(frozen=True)
class Rendered:
    """A finished segment: its journal record and its file's bytes."""

    record: SegmentRecord
    data: bytes


def run_on_cluster(
    options: VideoOptions, address: str = LOCAL, on_progress: Callable[[Progress], None] | None = None
) -> VideoSummary:
    """As ``video_job.run_video``, with the segments spread over the machines of a Ray cluster.

    Args:
        address: of the cluster, ``auto`` for the one this machine belongs to, or LOCAL.
        on_progress: told after every segment.

    Raises:
        As ``run_video``; InputError where the input has no usable times or looks different on another
        machine, EngineError where another machine would run another engine.
    """
    check_options(options)
    plan_schedule(options)
    started_at = time.monotonic()
    with open_source(options) as source:
        target = make_target(options, source)
        options = replace(options, threads=_threads(options, target))
        with open_look(options, source) as look, open_journal(options, look, target) as journal:
            tasks = _tasks(options, source, look, journal)
            resumed = journal.frames
            ray.init(
                address=None if address == LOCAL else address, include_dashboard=False, log_to_driver=False
            )
            try:
                for rendered in _in_order(tasks):
                    install(journal.segment_path(rendered.record.number), rendered.data)
                    journal.append(rendered.record)
                    if on_progress is not None:
                        expected = source.info.frame_count
                        spent_s = time.monotonic() - started_at
                        on_progress(Progress(journal.frames, expected, spent_s, resumed))
            finally:
                ray.shutdown()
            segments = [journal.segment_path(record.number) for record in journal.records]
            built = target.build(segments, complete=True)
            frames = journal.frames
            journal.remove()
            seconds = time.monotonic() - started_at
            return VideoSummary(
                output=built,
                size=source.info.size,
                rate=source.info.rate,
                frames=frames,
                resumed=resumed,
                seconds=seconds,
                fps=(frames - resumed) / seconds,
                busy_share={"cluster": 1.0},
                engine=look.describe(),
                notes=(*journal.notes, *source.notes, *target.notes),
                damage=target.damage,
                interrupted=False,
            )


def _threads(options: VideoOptions, target: Target) -> int | None:
    return target.spec.encoding.threads if isinstance(target, MovieTarget) else options.threads


def _tasks(options: VideoOptions, source: MediaSource, look: Look, journal: Journal) -> list[Task]:
    """One task for every segment that is not done."""
    times = picture_times(options.input, source, options.fps)
    size, done = options.segment_frames, len(journal.records)
    of_a_task = replace(options, resume=False)
    digest, engines = fingerprint(options.input), tuple(look.engine_names)
    tasks = []
    for number in range(done, -(-len(times) // size)):
        first = number * size
        frames = size if first + size < len(times) else None
        before = Position(first - 1, times[first - 1]) if first else None
        tasks.append(Task(of_a_task, number, first, frames, before, digest, engines))
    return tasks


def _in_order(tasks: Sequence[Task]) -> Iterator[Rendered]:
    """Results by segment number; as many tasks under way as the cluster has processors, and two more."""
    render = ray.remote(render_segment)
    at_once = int(ray.cluster_resources().get("CPU", 1)) + 2  # type: ignore[no-untyped-call, unused-ignore]
    waiting = iter(tasks)
    under_way = [render.remote(task) for task in itertools.islice(waiting, at_once)]
    while under_way:
        try:
            yield ray.get(under_way.pop(0))
        except ray.exceptions.RayTaskError as error:
            raise (error.cause if isinstance(error.cause, Exception) else error) from error
        under_way += [render.remote(task) for task in itertools.islice(waiting, 1)]


def render_segment(task: Task) -> Rendered:
    """Make one segment from the input alone. Raises as ``run_on_cluster`` says."""
    if fingerprint(task.options.input) != task.fingerprint:
        raise InputError(f"{task.options.input} is another file on this machine; share it, then run again")
    with open_source(task.options) as source, open_look(task.options, source) as look:
        if tuple(look.engine_names) != task.engines:
            raise EngineError(
                f"this machine would run {', '.join(look.engine_names)}, {', '.join(task.engines)} was "
                "wanted; name an engine and a precision that all machines have"
            )
        if task.before is not None:
            source.skip_to(task.before, look.lead_in_s, look.look_at)
        with tempfile.TemporaryDirectory() as folder:
            return _render(task, source, look, Path(folder) / "segment")


def _render(task: Task, source: MediaSource, look: Look, path: Path) -> Rendered:
    encoder = make_target(task.options, source).new_encoder()
    writer = SegmentWriter(path, encoder.extradata)
    last: tuple[int, Fraction | None, int] | None = None
    for frame, stylized in overlapped(look, itertools.islice(source, task.frames)):
        writer.add(encoder.encode(replace(frame, pixels=stylized)))
        last = frame.index, frame.pts, pixels_crc(frame.pixels)
    writer.add(encoder.flush())
    facts = writer.finish()
    if last is None or (task.frames is not None and facts.packets != task.frames):
        raise InputError(
            f"{task.options.input}: its index promises {task.frames} frames from {task.first_index} on, "
            f"{facts.packets} can be decoded; run without --cluster"
        )
    assert encoder.last_ticks is not None
    return Rendered(_record(task, facts, last, encoder.last_ticks), path.read_bytes())


def _record(
    task: Task, facts: SegmentFacts, last: tuple[int, Fraction | None, int], last_ticks: int
) -> SegmentRecord:
    return SegmentRecord(
        task.number,
        task.first_index,
        facts.packets,
        last[1],
        last_ticks,
        last[2],
        facts.delay,
        facts.size_bytes,
        facts.crc,
    )
