"""Videos on many machines, by Ray: ``pip install 'brushstream[cluster]'``.

Every task opens the input under the same path, goes to its segment's first frame, and sends the encoded
segment back; the journal and the output stand on the machine that asked, and are the same as without a
cluster. A job that was cut off goes on with the segments that are missing at its end.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import ray

from pipeline.common.closeable import Closeable
from pipeline.common.errors import EngineError, InputError
from pipeline.video.job import VideoJob, VideoSummary, opened
from pipeline.video.options import check_options
from pipeline.video.outputs.standard_output import is_standard_output
from pipeline.video.plan import VideoPlan
from pipeline.video.progress import Tell
from pipeline.video.reading.spooling import is_stream
from pipeline.video.segment_task import Rendered, Task, render_segment, tasks_left
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

    def run(self, plan: VideoPlan, tell: Tell, stop: threading.Event) -> VideoSummary:
        """As ``job.run_plan``, with the segments spread over the machines.

        Args:
            tell: told of progress after every segment.
            stop: set it to end early; the segments that came back are kept.

        Raises:
            As ``run_plan``; InputError where the input has no usable times or looks different on another
            machine, EngineError where another machine would run another engine, or was lost.
            KeyboardInterrupt: stopped.
        """
        check_options(plan.options)
        if is_stream(plan.options.name) or is_standard_output(plan.options.output):
            raise InputError(
                "a cluster works on files that all its machines see, not on pipes and addresses; save "
                "it first"
            )
        with opened(plan, tell) as job:
            tasks = tasks_left(job)
            job.stylizer.close()  # was only looked at: the machines open their own
            if plan.options.preview_s:
                job.assembler.notes.append("no preview pictures are made on a cluster")
            return _run(job, _in_order(tasks, self.processors + 2, stop))

    def close(self) -> None:
        """Let go of the cluster; a local one ends."""
        ray.shutdown()


def _run(job: VideoJob, segments: Iterator[Rendered]) -> VideoSummary:
    """Take the segments as they come."""
    started_at, journal = time.monotonic(), job.journal
    for rendered in segments:
        install(journal.segment_path(rendered.record.number), rendered.data)
        journal.append(rendered.record)
        job.tell_progress(journal.frames - job.resumed, time.monotonic() - started_at)
    job.assemble([journal.segment_path(record.number) for record in journal.records], complete=True)
    job.tidy()
    return job.summary(journal.frames - job.resumed, time.monotonic() - started_at, {"cluster": 1.0})


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
