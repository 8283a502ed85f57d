"""Videos on many machines, by Ray: ``pip install 'brushstream[cluster]'``.

Every task opens the input under the same path, goes to its segment's first frame, and sends the encoded
segment back; the journal and the output stand on the machine that asked, and are the same as without a
cluster. A job that was cut off goes on with the segments that are missing at its end.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import ray

from pipeline.common.closeable import Closeable
from pipeline.common.errors import EngineError
from pipeline.video.job import VideoSummary
from pipeline.video.outputs.base import OutputAssembler, part_name
from pipeline.video.outputs.movie import MovieAssembler
from pipeline.video.plan import (
    VideoOptions,
    check_options,
    make_target,
    open_journal,
    open_look,
    open_source,
    plan_schedule,
)
from pipeline.video.progress import Progress
from pipeline.video.reading.media import MediaSource
from pipeline.video.segment_task import Rendered, Task, render_segment, tasks_left
from pipeline.video.segments.journal import Journal
from pipeline.video.segments.segment_file import install

LOCAL = "local"
"""The address that starts Ray on this machine alone."""

_LOOK_EVERY_S = 0.2


class Cluster(Closeable):
    """A Ray cluster that is connected; runs several videos at once, from several threads."""

    def __init__(self, address: str = LOCAL) -> None:
        """Connect.

        Args:
            address: of the cluster, ``auto`` for the one this machine belongs to, or LOCAL.

        Raises:
            EngineError: no cluster answers there.
        """
        where = None if address == LOCAL else address
        try:
            ray.init(address=where, include_dashboard=False, log_to_driver=False)
        except (ConnectionError, ValueError) as error:
            raise EngineError(
                f"no Ray cluster answers at {address!r} ({str(error).splitlines()[0]}); start one with "
                "`ray start --head`, or take --cluster local"
            ) from error

    @property
    def processors(self) -> int:
        """Of all its machines together."""
        return max(1, int(ray.cluster_resources().get("CPU", 1)))  # type: ignore[no-untyped-call, unused-ignore]

    def run(
        self,
        options: VideoOptions,
        on_progress: Callable[[Progress], None] | None = None,
        *,
        on_engine: Callable[[str], None] | None = None,
        stop: threading.Event | None = None,
    ) -> VideoSummary:
        """As ``video_job.run_video``, with the segments spread over the machines.

        Args:
            on_progress: told after every segment.
            stop: set it to end early; the segments that came back are kept.

        Raises:
            As ``run_video``; InputError where the input has no usable times or looks different on another
            machine, EngineError where another machine would run another engine, or was lost.
            KeyboardInterrupt: stopped.
        """
        check_options(options)
        plan_schedule(options)
        with open_source(options) as source, ExitStack() as opened:
            target = make_target(options, source)
            options = replace(options, threads=_threads(options, target))
            with open_look(options, source) as look:  # only looked at: the machines open their own
                journal = opened.enter_context(open_journal(options, look, target))
                tasks, engine = tasks_left(options, source, look, journal), look.describe()
            if on_engine is not None:
                on_engine(engine)
            job = _Job(options, source, target, journal, engine)
            return job.run(tasks, self.processors, on_progress, stop or threading.Event())

    def close(self) -> None:
        """Let go of the cluster; a local one ends."""
        ray.shutdown()


@dataclass(frozen=True)
class _Job:
    """One video whose tasks are known."""

    options: VideoOptions
    source: MediaSource
    target: OutputAssembler
    journal: Journal
    engine: str

    def run(
        self,
        tasks: Sequence[Task],
        processors: int,
        on_progress: Callable[[Progress], None] | None,
        stop: threading.Event,
    ) -> VideoSummary:
        started_at, resumed = time.monotonic(), self.journal.frames
        for rendered in _in_order(tasks, processors + 2, stop):
            install(self.journal.segment_path(rendered.record.number), rendered.data)
            self.journal.append(rendered.record)
            if on_progress is not None:
                spent_s = time.monotonic() - started_at
                expected = self.source.info.frame_count
                on_progress(Progress(self.journal.frames, expected, spent_s, resumed))
        segments = [self.journal.segment_path(record.number) for record in self.journal.records]
        frames, damage = self.journal.frames, self.journal.damage
        built = self.target.build(segments, complete=True, damaged=damage is not None)
        part_name(self.target.final).unlink(missing_ok=True)
        self.journal.remove()
        seconds = time.monotonic() - started_at
        return VideoSummary(
            output=built,
            size=self.source.info.size,
            rate=self.source.info.rate,
            frames=frames,
            resumed=resumed,
            seconds=seconds,
            fps=(frames - resumed) / seconds,
            busy_share={"cluster": 1.0},
            engine=self.engine,
            notes=(*self.journal.notes, *self.source.notes, *self.target.notes, *self._left_out()),
            damage=damage or self.target.damage,
            interrupted=False,
        )

    def _left_out(self) -> list[str]:
        return ["no preview pictures are made on a cluster"] if self.options.preview_s else []


def _threads(options: VideoOptions, target: OutputAssembler) -> int | None:
    return target.spec.encoding.threads if isinstance(target, MovieAssembler) else options.threads


def _in_order(tasks: Sequence[Task], at_once: int, stop: threading.Event) -> Iterator[Rendered]:
    """Results by segment number; what is under way is given up when one fails or ``stop`` is set."""
    render = ray.remote(render_segment)
    waiting = iter(tasks)
    under_way = deque(render.remote(task) for task in itertools.islice(waiting, at_once))
    try:
        while under_way:
            yield _result(under_way[0], stop)
            under_way.popleft()
            under_way.extend(render.remote(task) for task in itertools.islice(waiting, 1))
    finally:
        for task in under_way:
            ray.cancel(task)


def _result(task: Any, stop: threading.Event) -> Rendered:
    while not ray.wait([task], timeout=_LOOK_EVERY_S)[0]:
        if stop.is_set():
            raise KeyboardInterrupt
    try:
        rendered: Rendered = ray.get(task)
    except ray.exceptions.RayTaskError as error:
        raise (error.cause if isinstance(error.cause, Exception) else error) from error
    except ray.exceptions.RayError as error:
        raise EngineError(
            f"a machine of the cluster was lost ({str(error).splitlines()[0]}); whole segments are kept, run "
            "the same command again"
        ) from error
    return rendered
