"""One segment of a video as a task of its own, for any machine that sees the input."""

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.common.errors import EngineError, InputError
from pipeline.common.scratch_folders import scratch_folder
from pipeline.stylize.in_flight import overlapped
from pipeline.stylize.scheduled import ScheduledStylizer
from pipeline.video.job import VideoJob
from pipeline.video.options import VideoOptions
from pipeline.video.plan import ScheduledStyles, VideoPlan, fingerprint
from pipeline.video.reading.media import MediaSource, Position, pixels_crc
from pipeline.video.reading.packet_times import picture_times
from pipeline.video.segments.journal import SegmentRecord
from pipeline.video.segments.segment_encoder import PacketEncoder, SegmentEncoder


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


def tasks_left(job: VideoJob) -> list[Task]:
    """One task for every segment that is not done. Raises InputError where times cannot be known."""
    options = job.plan.options
    times = picture_times(options.input, job.source, job.source.even_fps)
    size, done = options.segment_frames, len(job.journal.records)
    of_a_task = replace(options, resume=False, threads=job.assembler.encoding.threads)
    digest, engines = fingerprint(options.input), tuple(job.stylizer.engine_names)
    tasks = []
    for number in range(done, -(-len(times) // size)):
        first = number * size
        frames = size if first + size < len(times) else None
        before = Position(first - 1, times[first - 1]) if first else None
        tasks.append(Task(of_a_task, number, first, frames, before, digest, engines))
    return tasks


def render_segment(task: Task) -> Rendered:
    """Make one segment from the input alone. Raises as ``cluster.Cluster.run`` says."""
    if fingerprint(task.options.input) != task.fingerprint:
        raise InputError(f"{task.options.input} is another file on this machine; share it, then run again")
    plan = VideoPlan(task.options, ScheduledStyles.of(task.options))
    with plan.open_source() as source, plan.open_stylizer(source) as stylizer:
        if tuple(stylizer.engine_names) != task.engines:
            raise EngineError(
                f"this machine would run {', '.join(stylizer.engine_names)}, {', '.join(task.engines)} was "
                "wanted; name an engine and a precision that all machines have"
            )
        if task.before is not None:
            source.skip_to(task.before, stylizer.lead_in_s, stylizer.look_at)
        encoder = plan.open_assembler(source).new_encoder()
        with scratch_folder() as folder:
            return _render(task, source, stylizer, encoder, folder / "segment")


def _render(
    task: Task, source: MediaSource, stylizer: ScheduledStylizer, encoder: PacketEncoder, path: Path
) -> Rendered:
    source_crc = None
    with SegmentEncoder(path, encoder, task.number, task.first_index) as segment:
        for frame, stylized in overlapped(stylizer, itertools.islice(source, task.frames)):
            segment.encode(replace(frame, pixels=stylized))
            source_crc = pixels_crc(frame.pixels)
        if not segment.frames or segment.frames != (task.frames or segment.frames):
            raise InputError(
                f"{task.options.input}: its index promises {task.frames} frames from {task.first_index} on, "
                f"{segment.frames} can be decoded; run without --cluster"
            )
        return Rendered(segment.finish(source_crc, source.damage_so_far()), path.read_bytes())
