"""The truth about delay: how old a frame is when people see it, under a source that does not wait.

The source has a schedule; a frame's age is the time from when it was due to when it was shown, so that a
stall makes frames old instead of slowing the clock. ``live_figures`` makes a report of those times.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from pipeline.bench.figures import LiveBenchOptions, LiveBenchReport, report_of
from pipeline.common import machine
from pipeline.frame import Pixels
from pipeline.live.controls import LiveControls, Notices, Settings
from pipeline.live.governor import Governor
from pipeline.live.loop import LiveLoop
from pipeline.live.pace import FASTEST_FPS, find_pace
from pipeline.live.painter import Painter, Painting
from pipeline.live.pool import EnginePool
from pipeline.live.recorder import Recorder
from pipeline.live.report import LiveReport, Shown
from pipeline.live.sinks.null import NullSink
from pipeline.live.sources.paced import PacedSynthetic
from pipeline.style import StyleFile
from pipeline.stylize.stylizer import Stylizer

STALL_S = 0.2
STALL_EVERY_S = 1.0
SEEN_MS = 100.0
"""By so much must stalls of STALL_S raise the p99, or the measurement is blind."""


class Rig:
    """The live loop over the synthetic source into the null sink. ``run`` once."""

    def __init__(
        self,
        options: LiveBenchOptions,
        *,
        frames: int | None,
        on_shown: Callable[[Shown], None] | None = None,
        stall_every_s: float | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Choose the pace as ``webcam`` does, open the engine and draw the source's frames.

        Args:
            frames: of the schedule, None until ``stop`` is set.
            stall_every_s: hold the painter up for STALL_S that often; None never.
        """
        self.stop = stop or threading.Event()

        def opened(style: StyleFile, size: tuple[int, int]) -> Stylizer:
            return Stylizer(style, size, engine=options.engine, precision=options.precision)

        rate = min(FASTEST_FPS, options.rate)
        styles, self.pace = find_pace(
            (options.style,), 0, options.size, quality=options.quality, target_fps=rate,
            highest=options.settings.scale, engine=options.engine, precision=options.precision,
        )  # fmt: skip
        settings = replace(options.settings, steady=self.pace.steady)
        pool = EnginePool(styles, opened, lambda line: None)
        stalling = partial(_Stalling, every_s=stall_every_s) if stall_every_s else Painter
        self._painter = stalling(pool, self.pace.governor(rate))
        self.engine = self._painter.prepare(options.size, settings)
        self._source = PacedSynthetic(options.size, options.rate, frames, beforehand=True, stop=self.stop)
        notices = Notices(lambda line: None, time.monotonic)
        controls = LiveControls(["bench"], settings, self.stop)
        self.loop = LiveLoop(
            self._source, self._painter, [NullSink()], controls, notices,
            Recorder.idle(self.stop), stop=self.stop, on_shown=on_shown, warmup=options.warmup,
        )  # fmt: skip

    def run(self) -> LiveReport:
        """Run to the schedule's end, and close everything."""
        try:
            return self.loop.run()
        finally:
            self._source.close()
            self._painter.close()


class _Stalling(Painter):
    """A painter that now and then sleeps."""

    def __init__(self, pool: EnginePool, governor: Governor, every_s: float) -> None:
        super().__init__(pool, governor)
        self._every_s = every_s
        self._next_at = time.monotonic() + every_s

    def __call__(self, pixels: Pixels, settings: Settings) -> Painting:
        if time.monotonic() >= self._next_at:
            time.sleep(STALL_S)
            self._next_at = time.monotonic() + self._every_s
        return super().__call__(pixels, settings)


def run_live_bench(options: LiveBenchOptions, *, stall_every_s: float | None = None) -> LiveBenchReport:
    """Measure one style; takes (warmup + frames) / rate seconds.

    Raises:
        ValueError: fewer than 2 frames.
        EngineError, MissingPackageError: the engine cannot run.
    """
    if options.frames < 2 or options.warmup < 0:
        raise ValueError(f"at least 2 frames and 0 of warm-up, got {options.frames} and {options.warmup}")
    shown: list[Shown] = []
    rig = Rig(
        options,
        frames=options.warmup + options.frames,
        on_shown=shown.append,
        stall_every_s=stall_every_s,
    )
    machine.core_shares()
    ran = rig.run()
    return report_of(
        options, shown, rig.engine, ran.seconds, ran.cpu_share, machine.core_shares(), rig.pace.reason
    )


@dataclass(frozen=True)
class SelfTest:
    """Whether the measurement sees stalls that are there.

    Attributes:
        calm, stalled: p99 of the response in ms, without and with a stall of STALL_S every second.
    """

    calm: float
    stalled: float

    @property
    def passed(self) -> bool:
        """The stalls moved p99 by at least SEEN_MS."""
        return self.stalled - self.calm >= SEEN_MS

    def lines(self) -> list[str]:
        """For the person."""
        end = "the measurement sees stalls" if self.passed else f"FAILED: {self._why_not()}"
        return [
            f"p99 {self.calm:.1f} ms; with stalls of {1e3 * STALL_S:.0f} ms every {STALL_EVERY_S:g} s "
            f"{self.stalled:.1f} ms: {end}"
        ]

    def _why_not(self) -> str:
        if self.calm >= 1e3 * STALL_S:
            return "this machine stalls for as long by itself; repeat when it has less to do"
        return "the measurement is blind to stalls"

    def to_dict(self) -> dict[str, object]:
        """Plain values only, for JSON."""
        return {"calm_p99_ms": self.calm, "stalled_p99_ms": self.stalled, "passed": self.passed}


def run_self_test(options: LiveBenchOptions) -> SelfTest:
    """Measure twice, the second time with stalls in the painter."""
    calm = run_live_bench(options)
    stalled = run_live_bench(options, stall_every_s=STALL_EVERY_S)
    return SelfTest(calm.response.p99, stalled.response.p99)
