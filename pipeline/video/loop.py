"""The loop over a file: decode, stylize and encode at the same time, in order, dropping nothing.

Each stage has a thread, and a short bounded queue stands between two of them, so the slowest stage sets
the pace and memory does not depend on the input's length. The caller's thread only waits and reports
progress; Ctrl-C therefore never lands inside a stage.
"""

import dataclasses
import threading
import time
from collections.abc import Callable

from pipeline.common.concurrency import BusyTime, Fifo, WorkerGroup
from pipeline.common.machine import usable_cores
from pipeline.frame import Frame, Pixels
from pipeline.stream import Sink, Source
from pipeline.stylize.in_flight import Stage, overlapped
from pipeline.video.progress import STAGES, LoopProgress, LoopReport

QUEUED_FRAMES = 2
"""Frames that may wait before stylizing, and before encoding. Two smooth out uneven stages; more only
costs memory."""


def run_frames(
    source: Source,
    stage: Stage,
    sink: Sink,
    *,
    on_progress: Callable[[LoopProgress], None] | None = None,
    stop: threading.Event | None = None,
    queued_frames: int = QUEUED_FRAMES,
) -> LoopReport:
    """Pass every frame of ``source`` through ``stage`` into ``sink``, in order.

    The sink must be open; it is finished here, also after Ctrl-C or ``stop`` (with ``complete=False`` and
    what was made until then), but not after an error. Source and sink are closed by the caller.

    Args:
        stage: a frame to its new pixels, (H, W, 3) uint8 BGR; used in one thread, with as many frames in
            flight as it has slots.
        on_progress: called in the caller's thread about ten times a second.
        stop: set by anyone to end early.

    Returns:
        Times and counts.

    Raises:
        Whatever source, ``stage`` or sink raised first; every thread has ended by then. KeyboardInterrupt
        where the run was stopped before the first frame was written, or while the sink was being finished.
    """
    return _FileLoop(source, stage, sink, stop or threading.Event(), queued_frames).run(on_progress)


class _Timed:
    """A stage whose work is timed."""

    def __init__(self, stage: Stage, busy: BusyTime) -> None:
        self._stage, self._busy = stage, busy

    @property
    def slots(self) -> int:
        return self._stage.slots

    def submit(self, frame: Frame) -> None:
        with self._busy:
            self._stage.submit(frame)

    def collect(self) -> Pixels:
        with self._busy:
            return self._stage.collect()


class _FileLoop:
    def __init__(
        self, source: Source, stage: Stage, sink: Sink, stop: threading.Event, queued_frames: int
    ) -> None:
        self._source, self._sink = source, sink
        self._workers = WorkerGroup(stop)
        self._decoded: Fifo[Frame] = Fifo(queued_frames, stop)
        self._stylized: Fifo[Frame] = Fifo(queued_frames, stop)
        self._busy = {name: BusyTime() for name in STAGES}
        self._stage = _Timed(stage, self._busy["stylize"])
        self._whole = False  # the last frame has reached the sink

    def run(self, on_progress: Callable[[LoopProgress], None] | None) -> LoopReport:
        self._started_at, self._cpu_at = time.perf_counter(), time.process_time()
        self._workers.add("decode", self._decode)
        self._workers.add("stylize", self._stylize)
        self._workers.add("encode", self._encode)
        self._workers.start()
        try:
            self._wait(on_progress)
        finally:
            self._workers.end()
        self._workers.raise_error()
        if not self._whole and not self._busy["encode"].count:
            raise KeyboardInterrupt
        with self._busy["encode"]:
            self._sink.finish(complete=self._whole)
        return self._report()

    def _wait(self, on_progress: Callable[[LoopProgress], None] | None) -> None:
        try:
            while self._workers.working():
                if on_progress is not None:
                    on_progress(self._progress())
        except KeyboardInterrupt:  # not an error: what was made until now is kept
            self._workers.stop.set()

    def _progress(self) -> LoopProgress:
        frames = self._busy["encode"].count
        return LoopProgress(frames, self._source.info.frame_count, time.perf_counter() - self._started_at)

    def _decode(self) -> None:
        frames = iter(self._source)
        while True:
            with self._busy["decode"]:
                frame = next(frames, None)
            if frame is None:
                self._decoded.end()
                return
            self._decoded.put(frame)

    def _stylize(self) -> None:
        for frame, pixels in overlapped(self._stage, self._decoded):
            self._stylized.put(dataclasses.replace(frame, pixels=pixels))
        self._stylized.end()

    def _encode(self) -> None:
        for frame in self._stylized:
            with self._busy["encode"]:
                self._sink.write(frame)
        self._whole = True

    def _report(self) -> LoopReport:
        return LoopReport(
            frames=self._busy["encode"].count - 1,  # the last piece of work was finishing
            seconds=time.perf_counter() - self._started_at,
            busy_s={name: busy.busy_s for name, busy in self._busy.items()},
            cpu_s=time.process_time() - self._cpu_at,
            cores=usable_cores(),
            interrupted=not self._whole,
        )
