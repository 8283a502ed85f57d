"""A long live run that must leave memory, threads and file handles as they were."""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from pipeline.bench.figures import LiveBenchOptions
from pipeline.bench.live import Rig
from pipeline.common import machine
from pipeline.common.latency import Clock

MOST_GROWTH_MB = 10.0
SAMPLES = 60
FEWEST_SAMPLES = 4
"""After the beginning; with fewer nothing was measured that could be judged."""
_SETTLED_AFTER = 0.1  # share of the run after which everything has been touched once


@dataclass(frozen=True)
class Sample:
    """The process at one moment.

    Attributes:
        at_s: seconds since the start.
        resident_mb: memory, 10^6 bytes.
        threads: of the whole process, the engine's too.
        handles: open files and sockets.
    """

    at_s: float
    resident_mb: float
    threads: int
    handles: int

    def __str__(self) -> str:
        return (
            f"{self.at_s:.0f} s: {self.resident_mb:.1f} MB, {self.threads} threads, "
            f"{self.handles} file handles"
        )


@dataclass(frozen=True)
class SoakReport:
    """What a soak found.

    Attributes:
        samples: at even distances.
        frames: shown in all.
        p50_ms, p99_ms: live age over the whole run.
    """

    samples: tuple[Sample, ...]
    frames: int
    p50_ms: float
    p99_ms: float

    @property
    def settled(self) -> tuple[Sample, ...]:
        """The samples after the beginning."""
        return self.samples[max(1, round(_SETTLED_AFTER * len(self.samples))) :] or self.samples

    @property
    def growth_mb(self) -> float:
        """Median of the last fifth less median of the first fifth of the settled samples; 0 without any."""
        if not self.settled:
            return 0.0
        memory = [sample.resident_mb for sample in self.settled]
        fifth = max(1, len(memory) // 5)
        return statistics.median(memory[-fifth:]) - statistics.median(memory[:fifth])

    @property
    def passed(self) -> bool:
        """It was looked at often enough, memory grew by less than MOST_GROWTH_MB, all else not at all."""
        quiet = self._constant("threads") and self._constant("handles")
        return len(self.settled) >= FEWEST_SAMPLES and self.growth_mb < MOST_GROWTH_MB and quiet

    def _constant(self, name: str) -> bool:
        return len({getattr(sample, name) for sample in self.settled}) <= 1

    def lines(self) -> list[str]:
        """For the person."""
        if len(self.settled) < FEWEST_SAMPLES:
            return [f"FAILED: stopped after {len(self.samples)} looks at the process; let it run to its end"]
        seen = {name: sorted({getattr(s, name) for s in self.settled}) for name in ("threads", "handles")}
        minutes = self.samples[-1].at_s / 60
        return [
            f"{minutes:.1f} minutes, {self.frames} frames, live age p50 {self.p50_ms:.1f} ms, "
            f"p99 {self.p99_ms:.1f} ms",
            f"memory grew by {self.growth_mb:.1f} MB (at most {MOST_GROWTH_MB:g}); threads "
            f"{_values(seen['threads'])}, file handles {_values(seen['handles'])}",
            "passed" if self.passed else "FAILED: it does not stay as it was",
        ]

    def to_dict(self) -> dict[str, object]:
        """Plain values only, for JSON."""
        return {**asdict(self), "growth_mb": self.growth_mb, "passed": self.passed}


def _values(seen: Sequence[object]) -> str:
    return f"constant at {seen[0]}" if len(seen) == 1 else " / ".join(map(str, seen))


def run_soak(
    options: LiveBenchOptions,
    seconds: float,
    *,
    samples: int = SAMPLES,
    on_sample: Callable[[Sample], None] = lambda sample: None,
    clock: Clock = time.monotonic,
) -> SoakReport:
    """Run the live loop for so long and look at this process ``samples`` times.

    Raises:
        ValueError: fewer than 5 samples.
        EngineError, MissingPackageError: the engine cannot run.
    """
    if samples < 5:
        raise ValueError(f"at least 5 samples, got {samples}")
    rig = Rig(replace(options, warmup=min(options.warmup, 30)), frames=None)
    taken: list[Sample] = []
    watcher = threading.Thread(
        target=_watch, args=(rig.stop, seconds, samples, taken, on_sample, clock), name="brushstream-soak"
    )
    watcher.start()
    try:
        ran = rig.run()
    finally:
        rig.stop.set()
        watcher.join()
    return SoakReport(tuple(taken), ran.latency.frames_out, ran.latency.total.p50, ran.latency.total.p99)


def _watch(
    stop: threading.Event,
    seconds: float,
    samples: int,
    taken: list[Sample],
    on_sample: Callable[[Sample], None],
    clock: Clock,
) -> None:
    began_at = clock()
    for number in range(1, samples + 1):
        if stop.wait(max(0.0, began_at + seconds * number / samples - clock())):
            return
        at_s = clock() - began_at
        taken.append(Sample(at_s, machine.resident_mb(), machine.thread_count(), machine.handle_count()))
        on_sample(taken[-1])
    stop.set()
