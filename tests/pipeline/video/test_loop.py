"""The file loop: order, back-pressure, errors, stopping; no clock decides anything here."""

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from pipeline.common.concurrency import BusyTime, Fifo, StoppedError, WorkerGroup
from pipeline.frame import Frame, Pixels
from pipeline.live.sinks.null import NullSink
from pipeline.stream import Sink, Source, StreamInfo
from pipeline.stylize.in_flight import OneByOne
from pipeline.video.loop import run_frames
from pipeline.video.progress import STAGES, LoopProgress, LoopReport


class Counting(Source):
    """Frames whose pixels are their index; remembers how many were asked for."""

    def __init__(self, count: int, fails_at: int | None = None) -> None:
        self.info = StreamInfo((2, 2), Fraction(10), count)
        self.read = 0
        self._fails_at = fails_at

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self.info.frame_count or 0):
            if index == self._fails_at:
                raise RuntimeError("source broke")
            self.read += 1
            yield Frame(np.full((2, 2, 3), index % 256, np.uint8), index, 0.0, Fraction(index, 10))


class Keeping(NullSink):
    """Keeps what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Frame] = []

    def write(self, frame: Frame) -> None:
        super().write(frame)
        self.kept.append(frame)


def invert(pixels: Pixels) -> Pixels:
    return 255 - pixels


def run_file(source: Source, style: Callable[[Pixels], Pixels], sink: Sink, **options: Any) -> LoopReport:
    return run_frames(source, OneByOne(style), sink, **options)


def own_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("brushstream")]


def test_every_frame_arrives_once_in_order_with_its_time() -> None:
    sink = Keeping()
    report = run_file(Counting(50), invert, sink)
    assert [f.index for f in sink.kept] == list(range(50))
    assert [f.pts for f in sink.kept] == [Fraction(i, 10) for i in range(50)]
    assert all(f.pixels[0, 0, 0] == 255 - f.index for f in sink.kept)
    assert (sink.finished, sink.complete) == (True, True)
    assert (report.frames, report.interrupted) == (50, False)
    assert own_threads() == []


def test_a_slow_sink_holds_the_source_back() -> None:
    source = Counting(40)
    ahead: list[int] = []

    class Slow(NullSink):
        def write(self, frame: Frame) -> None:
            threading.Event().wait(0.005)
            ahead.append(source.read - frame.index)

    report = run_file(source, invert, Slow(), queued_frames=2)
    # read ahead: one in the sink, two queues of two, one in each of decode's and stylize's hands
    assert max(ahead) <= 7
    assert report.frames == 40


def test_an_empty_source_is_finished_too() -> None:
    sink = NullSink()
    assert run_file(Counting(1), invert, sink).frames == 1
    assert sink.finished


class BrokenSink(NullSink):
    def write(self, frame: Frame) -> None:
        if frame.index == 5:
            raise OSError("sink broke")
        super().write(frame)


def failing_style(pixels: Pixels) -> Pixels:
    if pixels[0, 0, 0] == 5:
        raise ValueError("engine broke")
    return pixels


@pytest.mark.parametrize(
    ("source", "style", "sink", "error"),
    [
        (Counting(1000, fails_at=5), invert, NullSink(), RuntimeError),
        (Counting(1000), failing_style, NullSink(), ValueError),
        (Counting(1000), invert, BrokenSink(), OSError),
    ],
    ids=STAGES,
)
def test_the_first_error_of_any_stage_reaches_the_caller(
    source: Counting, style: object, sink: NullSink, error: type[Exception]
) -> None:
    with pytest.raises(error, match="broke"):
        run_file(source, style, sink)  # type: ignore[arg-type]
    assert not sink.finished
    assert own_threads() == []
    assert source.read < 20


def test_an_error_in_finishing_reaches_the_caller() -> None:
    class Unfinishable(NullSink):
        def finish(self, complete: bool = True) -> None:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run_file(Counting(3), invert, Unfinishable())


def test_an_error_while_reporting_progress_ends_the_threads() -> None:
    def broken(progress: LoopProgress) -> None:
        raise ZeroDivisionError("display broke")

    gate = threading.Event()

    def slow(pixels: Pixels) -> Pixels:
        gate.wait(0.02)
        return pixels

    with pytest.raises(ZeroDivisionError):
        run_file(Counting(1000), slow, NullSink(), on_progress=broken)
    assert own_threads() == []


def test_stopping_keeps_what_was_made() -> None:
    stop, sink = threading.Event(), Keeping()

    def until_ten(pixels: Pixels) -> Pixels:
        if len(sink.kept) >= 10:
            stop.set()
        return pixels

    report = run_file(Counting(100_000), until_ten, sink, stop=stop)
    assert report.interrupted
    assert (sink.finished, sink.complete) == (True, False)
    assert [f.index for f in sink.kept] == list(range(report.frames))
    assert 10 <= report.frames < 100


def test_ctrl_c_keeps_what_was_made() -> None:
    sink = Keeping()

    def interrupt(progress: LoopProgress) -> None:
        if progress.frames:
            raise KeyboardInterrupt

    def slow(pixels: Pixels) -> Pixels:
        threading.Event().wait(0.005)
        return pixels

    report = run_file(Counting(100_000), slow, sink, on_progress=interrupt)
    assert report.interrupted
    assert (sink.finished, sink.complete) == (True, False)
    assert [f.index for f in sink.kept] == list(range(report.frames))
    assert own_threads() == []


def test_stopping_before_the_first_frame_is_an_interruption() -> None:
    stop, sink = threading.Event(), NullSink()
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        run_file(Counting(10), invert, sink, stop=stop)
    assert not sink.finished


def test_progress_counts_finished_frames() -> None:
    seen: list[LoopProgress] = []

    def slow(pixels: Pixels) -> Pixels:
        threading.Event().wait(0.05)
        return pixels

    run_file(Counting(8), slow, NullSink(), on_progress=seen.append)
    counts = [progress.frames for progress in seen]
    assert counts == sorted(counts)
    assert all(progress.expected == 8 and progress.frames <= 8 for progress in seen)


def test_shares_are_of_the_whole_run() -> None:
    busy = {"decode": 1.0, "stylize": 9.0, "encode": 2.0}
    report = LoopReport(30, 10.0, busy, cpu_s=12.0, cores=2, interrupted=False)
    assert report.busy_share == {"decode": 0.1, "stylize": 0.9, "encode": 0.2, "cpu": 0.6}
    nothing = LoopReport(0, 0.0, busy, 0.0, 2, True)
    assert set(nothing.busy_share.values()) == {0.0}


def test_a_fifo_waits_for_room_and_ends() -> None:
    fifo: Fifo[int] = Fifo(2, threading.Event())
    held: list[int] = []

    def fill() -> None:
        for number in range(20):
            fifo.put(number)
            held.append(len(fifo._items))
        fifo.end()

    filler = threading.Thread(target=fill)
    filler.start()
    taken = list(fifo)
    filler.join()
    assert taken == list(range(20))
    assert list(fifo) == []
    assert max(held) <= 2


def test_a_stopped_fifo_lets_nobody_wait() -> None:
    stop = threading.Event()
    fifo: Fifo[int] = Fifo(1, stop)
    fifo.put(1)
    timer = threading.Timer(0.05, stop.set)
    timer.start()
    with pytest.raises(StoppedError):
        fifo.put(2)
    with pytest.raises(StoppedError):
        next(iter(fifo))
    timer.join()


def test_a_fifo_holds_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Fifo(0, threading.Event())


def test_busy_time_leaves_waiting_out() -> None:
    times = iter([1.0, 3.0, 10.0, 11.0])
    busy = BusyTime(lambda: next(times))
    for _ in range(2):
        with busy:
            pass
    assert (busy.busy_s, busy.count) == (3.0, 2)


def test_a_group_raises_its_first_error_only() -> None:
    workers = WorkerGroup()
    first = threading.Event()

    def early() -> None:
        first.set()
        raise ValueError("first")

    def late() -> None:
        workers.stop.wait()
        raise ValueError("second")

    workers.add("early", early)
    workers.add("late", late)
    workers.start()
    workers.end()
    with pytest.raises(ValueError, match="first"):
        workers.raise_error()


def test_the_sink_contract_has_defaults() -> None:
    class Least(Sink):
        def open(self, info: StreamInfo) -> None:
            return

        def write(self, frame: Frame) -> None:
            return

    with Least() as sink:
        sink.finish(complete=False)
