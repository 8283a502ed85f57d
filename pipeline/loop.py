"""The loop over a file: decode, stylize and encode at the same time, in order, dropping nothing.

Each stage has a thread, and a short bounded queue stands between two of them, so the slowest stage sets
the pace and memory does not depend on the input's length. The caller's thread only waits and reports
progress; Ctrl-C therefore never lands inside a stage.
"""

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pipeline.frame import Frame, Pixels
from pipeline.machine import usable_cores
from pipeline.sinks.base import Sink
from pipeline.sources.base import Source
from pipeline.stages import BusyTime, Crew, EndOfItemsError, Fifo

QUEUED_FRAMES = 2
"""Frames that may wait before stylizing, and before encoding. Two smooth out uneven stages; more only
costs memory."""

STAGES = ("decode", "stylize", "encode")


@dataclass(frozen=True)
class Progress:
    """Where a running job stands.

    Attributes:
        frames: finished, that is encoded.
        expected: how many there will be, None where the source does not know.
        seconds: since the first frame was asked for.
        resumed: those of ``frames`` that an earlier run had finished.
    """

    frames: int
    expected: int | None
    seconds: float
    resumed: int = 0

    @property
    def fps(self) -> float:
        """Frames a second so far."""
        return (self.frames - self.resumed) / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class LoopReport:
    """What a run over a file was.

    Attributes:
        frames: how many reached the sink.
        seconds: from the first read to the sink's end.
        busy_s: seconds each stage worked rather than waited, by STAGES.
        cpu_s: processor seconds of this process meanwhile, over all cores.
        cores: cores it might use.
        interrupted: ended by Ctrl-C or the stop event, before the source's end.
        most_queued: the longest either queue got.
    """

    frames: int
    seconds: float
    busy_s: dict[str, float]
    cpu_s: float
    cores: int
    interrupted: bool
    most_queued: int

    @property
    def fps(self) -> float:
        """Frames a second over the whole run; 0 for none."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    @property
    def busy_share(self) -> dict[str, float]:
        """Share of the run each resource worked, 0..1: the three stages, and ``cpu`` of all cores.

        The largest is what held the run back.
        """
        if self.seconds <= 0:
            return dict.fromkeys((*STAGES, "cpu"), 0.0)
        shares = {name: busy / self.seconds for name, busy in self.busy_s.items()}
        return {**shares, "cpu": self.cpu_s / (self.seconds * self.cores)}


@runtime_checkable
class Overlapping(Protocol):
    """What can have several frames in flight; ``Stylizer`` is one."""

    @property
    def slots(self) -> int:
        """How many; may change between frames."""

    def submit(self, pixels: Pixels) -> None:
        """Take a frame, which stays unchanged until its result was collected."""

    def collect(self) -> Pixels:
        """The result of the oldest frame that was submitted."""


def run_file(
    source: Source,
    stylize: Callable[[Pixels], Pixels] | Overlapping,
    sink: Sink,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    queued_frames: int = QUEUED_FRAMES,
) -> LoopReport:
    """Pass the pixels of every frame of ``source`` through ``stylize`` into ``sink``, in order.

    As ``run_frames``, for a ``stylize`` that does not ask when a frame is: (H, W, 3) uint8 BGR to the
    same, used in one thread: a function, or a ``Stylizer``, of which as many frames are kept in flight as
    it has slots.
    """
    stage = _InFlight(stylize) if isinstance(stylize, Overlapping) else _OneByOne(_pixels_only(stylize))
    return _FileLoop(source, stage, sink, stop or threading.Event(), queued_frames).run(on_progress)


def run_frames(
    source: Source,
    stylize: Callable[[Frame], Pixels],
    sink: Sink,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    queued_frames: int = QUEUED_FRAMES,
) -> LoopReport:
    """Pass every frame of ``source`` through ``stylize`` into ``sink``, in order.

    The sink must be open; it is finished here, also after Ctrl-C or ``stop`` (with ``complete=False`` and
    what was made until then), but not after an error. Source and sink are closed by the caller.

    Args:
        stylize: a frame to its new pixels, (H, W, 3) uint8 BGR; called in one thread.
        on_progress: called in the caller's thread about ten times a second.
        stop: set by anyone to end early.

    Returns:
        Times and counts.

    Raises:
        Whatever source, ``stylize`` or sink raised first; every thread has ended by then. KeyboardInterrupt
        where the run was stopped before the first frame was written, or while the sink was being finished.
    """
    loop = _FileLoop(source, _OneByOne(stylize), sink, stop or threading.Event(), queued_frames)
    return loop.run(on_progress)


def _pixels_only(stylize: Callable[[Pixels], Pixels]) -> Callable[[Frame], Pixels]:
    return lambda frame: stylize(frame.pixels)


class _Stage(Protocol):
    """What stands between the queues: ``Overlapping``, of whole frames."""

    @property
    def slots(self) -> int: ...

    def submit(self, frame: Frame) -> None: ...

    def collect(self) -> Pixels: ...


class _OneByOne:
    """A function in the place of something that overlaps."""

    slots = 1

    def __init__(self, stylize: Callable[[Frame], Pixels]) -> None:
        self._stylize = stylize

    def submit(self, frame: Frame) -> None:
        self._result = self._stylize(frame)

    def collect(self) -> Pixels:
        return self._result


class _InFlight:
    """Something that overlaps, which only wants the pixels."""

    def __init__(self, stylizer: Overlapping) -> None:
        self._stylizer = stylizer

    @property
    def slots(self) -> int:
        return self._stylizer.slots

    def submit(self, frame: Frame) -> None:
        self._stylizer.submit(frame.pixels)

    def collect(self) -> Pixels:
        return self._stylizer.collect()


class _FileLoop:
    def __init__(
        self,
        source: Source,
        stylizer: "_Stage",
        sink: Sink,
        stop: threading.Event,
        queued_frames: int,
    ) -> None:
        self._source, self._sink = source, sink
        self._stylizer = stylizer
        self._crew = Crew(stop)
        self._decoded: Fifo[Frame] = Fifo(queued_frames, stop)
        self._stylized: Fifo[Frame] = Fifo(queued_frames, stop)
        self._busy = {name: BusyTime() for name in STAGES}
        self._whole = False  # the last frame has reached the sink

    def run(self, on_progress: Callable[[Progress], None] | None) -> LoopReport:
        self._started_at, self._cpu_at = time.perf_counter(), time.process_time()
        self._crew.add("decode", self._decode)
        self._crew.add("stylize", self._stylize_all)
        self._crew.add("encode", self._encode)
        self._crew.start()
        try:
            self._wait(on_progress)
        finally:
            self._crew.end()
        self._crew.raise_error()
        if not self._whole and not self._busy["encode"].count:
            raise KeyboardInterrupt
        with self._busy["encode"]:
            self._sink.finish(complete=self._whole)
        return self._report()

    def _wait(self, on_progress: Callable[[Progress], None] | None) -> None:
        try:
            while self._crew.working():
                if on_progress is not None:
                    on_progress(self._progress())
        except KeyboardInterrupt:  # not an error: what was made until now is kept
            self._crew.stop.set()

    def _progress(self) -> Progress:
        frames = self._busy["encode"].count
        return Progress(frames, self._source.info.frame_count, time.perf_counter() - self._started_at)

    def _decode(self) -> None:
        frames = iter(self._source)
        while True:
            with self._busy["decode"]:
                frame = next(frames, None)
            if frame is None:
                self._decoded.end()
                return
            self._decoded.put(frame)

    def _stylize_all(self) -> None:
        """Keep as many frames in flight as the stylizer has slots; results leave in order."""
        waiting: deque[Frame] = deque()
        while True:
            try:
                frame = self._decoded.get()
            except EndOfItemsError:
                break
            while len(waiting) >= self._stylizer.slots:
                self._pass_on(waiting)
            with self._busy["stylize"]:
                self._stylizer.submit(frame)
            waiting.append(frame)
            if self._stylizer.slots == 1:
                self._pass_on(waiting)
        while waiting:
            self._pass_on(waiting)
        self._stylized.end()

    def _pass_on(self, waiting: deque[Frame]) -> None:
        with self._busy["stylize"]:
            pixels = self._stylizer.collect()
        self._stylized.put(dataclasses.replace(waiting.popleft(), pixels=pixels))

    def _encode(self) -> None:
        while True:
            try:
                frame = self._stylized.get()
            except EndOfItemsError:
                self._whole = True
                return
            with self._busy["encode"]:
                self._sink.write(frame)

    def _report(self) -> LoopReport:
        return LoopReport(
            frames=self._busy["encode"].count - 1,  # the last piece of work was finishing
            seconds=time.perf_counter() - self._started_at,
            busy_s={name: busy.busy_s for name, busy in self._busy.items()},
            cpu_s=time.process_time() - self._cpu_at,
            cores=usable_cores(),
            interrupted=not self._whole,
            most_queued=max(self._decoded.most_queued, self._stylized.most_queued),
        )
