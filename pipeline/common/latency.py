"""How long each frame took, stage by stage, and what that says of the whole run.

A frame's stages are laps of one clock, so they sum to its total by construction; waiting in a queue is
a lap like any other and is named by whoever ends it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

WINDOW = 10_000
"""Frames whose times are kept: enough for a p99.9, 80 kB a stage, whatever the clip's length."""

Clock = Callable[[], float]


@dataclass(frozen=True)
class Distribution:
    """Times of one stage in milliseconds, over ``count`` frames; all 0 where there were none."""

    count: int
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of_ms(cls, times_ms: Sequence[float]) -> "Distribution":
        """Mean, maximum and percentiles (linear between neighbours) of some milliseconds."""
        if not times_ms:
            return cls(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        times = np.fromiter(times_ms, np.float64)
        return cls(times.size, float(times.mean()), *np.percentile(times, (50, 90, 95, 99, 100)).tolist())


@dataclass(frozen=True)
class LatencyReport:
    """What a run's frames took, in milliseconds; warm-up frames stand apart.

    Attributes:
        stages: one distribution a stage, in the order the frames pass them.
        total: first lap's start to last lap's end; equals the sum of the stages frame by frame.
        warmup: totals of the first frames, which count nowhere else but in ``frames_in`` and ``frames_out``.
        frames_in: frames the source gave.
        frames_out: frames that came through.
        fps: measured frames a second, from the n - 1 intervals between n finished frames; 0 below two.
    """

    stages: dict[str, Distribution]
    total: Distribution
    warmup: Distribution
    frames_in: int
    frames_out: int
    fps: float


@dataclass
class Laps:
    """One frame's times; goes along with the frame from thread to thread, one holder at a time."""

    clock: Clock
    started_at: float
    last_at: float
    stages: dict[str, float] = field(default_factory=dict)

    def lap(self, stage: str) -> None:
        """End ``stage`` now; it began where the lap before it ended. Twice the same name adds up."""
        now = self.clock()
        self.stages[stage] = self.stages.get(stage, 0.0) + now - self.last_at
        self.last_at = now


class LatencyClock:
    """Collects the laps of finished frames. Thread-safe; memory is bounded by ``window``."""

    def __init__(self, *, warmup: int = 0, window: int = WINDOW, clock: Clock = time.perf_counter) -> None:
        """Start counting.

        Args:
            warmup: finished frames to keep apart at the beginning.
            window: newest measured frames that are kept for the percentiles, at least 1.
            clock: monotonic seconds; tests pass their own.
        """
        if warmup < 0 or window < 1:
            raise ValueError(f"warmup must be 0 or more and window at least 1, got {warmup} and {window}")
        self._clock = clock
        self._warmup_frames = warmup
        self._window = window
        self._lock = threading.Lock()
        self._stages: dict[str, deque[float]] = {}
        self._total: deque[float] = deque(maxlen=window)
        self._warmup: deque[float] = deque(maxlen=window)
        self._frames_in = self._frames_out = 0
        self._first_at = self._last_at = 0.0

    def begin(self, at: float | None = None) -> Laps:
        """A frame starts now, or started ``at`` on this clock (when a source with a schedule had it due)."""
        with self._lock:
            self._frames_in += 1
        began = self._clock() if at is None else at
        return Laps(self._clock, began, began)

    def finish(self, laps: Laps) -> None:
        """A frame came through; its total ends with its last lap."""
        total_ms = (laps.last_at - laps.started_at) * 1e3
        with self._lock:
            self._frames_out += 1
            if self._frames_out <= self._warmup_frames:
                self._warmup.append(total_ms)
                return
            self._first_at = self._first_at if self._total else laps.last_at
            self._last_at = laps.last_at
            self._total.append(total_ms)
            for stage, seconds in laps.stages.items():
                self._stages.setdefault(stage, deque(maxlen=self._window)).append(seconds * 1e3)

    def report(self) -> LatencyReport:
        """The state of affairs; may be asked at any time from any thread."""
        with self._lock:
            measured = self._frames_out - self._warmup_frames
            span = self._last_at - self._first_at
            return LatencyReport(
                stages={name: Distribution.of_ms(times) for name, times in self._stages.items()},
                total=Distribution.of_ms(self._total),
                warmup=Distribution.of_ms(self._warmup),
                frames_in=self._frames_in,
                frames_out=self._frames_out,
                fps=(measured - 1) / span if measured > 1 and span > 0 else 0.0,
            )
