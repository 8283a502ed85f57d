"""What a live benchmark says of frames whose times are known: ages, responses, shares, a verdict. Pure.

Frames that were dropped were never shown and have no age, so ages alone can hide a stall: a fast painter
overtakes the one frame that was held up. The response counts every frame of the schedule, a dropped one
until a newer one was shown, and nothing escapes it.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.bench.service import package_versions
from pipeline.common import machine
from pipeline.common.latency import Distribution
from pipeline.engines.base import Precision
from pipeline.live.controls import Settings
from pipeline.live.report import STAGES, Shown
from pipeline.style import StyleFile

_TOO_BUSY = 0.85


@dataclass(frozen=True)
class LiveBenchOptions:
    """What to measure.

    Attributes:
        size: (height, width) of the frames.
        rate: frames a second of the source.
        frames: of the schedule that are measured; a p99 wants 1,000.
        warmup: frames of the schedule before them, kept apart.
        settings: strength, scale and so on; steady is chosen with the pace.
        quality: ``best`` or ``fast``, the style's own network; ``auto`` for what holds the rate here.
    """

    style: StyleFile
    size: tuple[int, int] = (480, 640)
    engine: str = "auto"
    precision: Precision | None = None
    rate: int = 30
    frames: int = 1000
    warmup: int = 60
    settings: Settings = field(default_factory=Settings)
    quality: str = "best"


@dataclass(frozen=True)
class LiveBenchReport:
    """Ages in milliseconds and what became of the frames; warm-up apart.

    Attributes:
        age: from due to shown, of the frames that were shown.
        response: from due until it or a newer one was shown, of every frame of the schedule.
        stages: the same, stage by stage; a frame's stages sum to its age.
        delivered_fps: shown a second, by the n - 1 intervals between n frames.
        scheduled, shown, dropped: frames of the source, and what became of them.
        warmup_dropped: dropped before.
        drop_share: dropped / scheduled.
        repeat_share: share of the screen's frames, at the source's rate, that repeated the one before
            because no new one was there.
        busy_share: share of the time each stage worked, 0..1, and ``cpu`` of all cores.
        core_shares: share of the time that each core worked, 0..1, for other programs too.
        pace: network, scale and steady that were chosen, and why.
        verdict: one line: whether it keeps up, and what holds it back.
        ages_ms: (seconds since the first was due, age) of every frame shown, warm-up included, for the plot.
        dropped_ms: the same with the response of every frame dropped.
    """

    style: str
    network: str
    engine: str
    size: tuple[int, int]
    rate: int
    seconds: float
    age: Distribution
    response: Distribution
    stages: dict[str, Distribution]
    delivered_fps: float
    scheduled: int
    shown: int
    dropped: int
    warmup: int
    warmup_dropped: int
    drop_share: float
    repeat_share: float
    busy_share: dict[str, float]
    core_shares: list[float]
    pace: str
    verdict: str
    ages_ms: list[tuple[float, float]]
    dropped_ms: list[tuple[float, float]]
    machine: dict[str, object]
    versions: dict[str, str]


def report_of(
    options: LiveBenchOptions,
    every: list[Shown],
    engine: str,
    seconds: float,
    cpu_share: float,
    core_shares: Sequence[float] = (),
    pace: str = "",
) -> LiveBenchReport:
    """The report on frames that were shown; pure."""
    shown = [s for s in every if s.index >= options.warmup]
    early = len(every) - len(shown)
    ages = [(s.shown_at - s.due_at) * 1e3 for s in shown]
    fps = rate_of([s.shown_at for s in shown])
    stages = {name: Distribution.of_ms([s.stages.get(name, 0.0) * 1e3 for s in shown]) for name in STAGES}
    span = shown[-1].shown_at - shown[0].shown_at if len(shown) > 1 else 0.0
    worked = ("capture", "stylize", "show")
    busy = {name: stages[name].mean / 1e3 * len(shown) / span if span else 0.0 for name in worked}
    began_at = every[0].due_at - every[0].index / options.rate if every else 0.0
    answers = responses(every, options.warmup + options.frames, options.rate, began_at)
    measured = [ms for index, ms in answers.items() if index >= options.warmup]
    seen = {s.index for s in every}
    dropped = options.frames - len(shown)
    age = Distribution.of_ms(ages)
    card = options.style.card
    return LiveBenchReport(
        style=card.name, network=card.network, engine=engine, size=options.size, rate=options.rate,
        seconds=seconds, age=age, response=Distribution.of_ms(measured), stages=stages, delivered_fps=fps,
        scheduled=options.frames, shown=len(shown), dropped=dropped,
        warmup=options.warmup, warmup_dropped=options.warmup - early,
        drop_share=dropped / options.frames,
        repeat_share=repeats([s.shown_at for s in shown], options.rate),
        busy_share={**busy, "cpu": cpu_share}, core_shares=list(core_shares), pace=pace,
        verdict=verdict(Distribution.of_ms(measured), stages, {**busy, "cpu": cpu_share}, fps, options.rate),
        ages_ms=[(s.due_at - began_at, (s.shown_at - s.due_at) * 1e3) for s in every],
        dropped_ms=[(index / options.rate, ms) for index, ms in answers.items() if index not in seen],
        machine=machine.describe(), versions=package_versions(),
    )  # fmt: skip


def responses(shown: list[Shown], frames: int, rate: float, began_at: float) -> dict[int, float]:
    """Milliseconds from each scheduled frame's time until it or a newer one was shown.

    Those after the last frame shown are left out: the run ended before anything could answer them.
    """
    answers: dict[int, float] = {}
    index = 0
    for s in shown:
        while index <= min(s.index, frames - 1):
            answers[index] = (s.shown_at - began_at - index / rate) * 1e3
            index += 1
    return answers


def rate_of(instants: list[float]) -> float:
    """Events a second, by the intervals between them; 0 below two."""
    if len(instants) < 2 or instants[-1] <= instants[0]:
        return 0.0
    return (len(instants) - 1) / (instants[-1] - instants[0])


def repeats(instants: list[float], rate: float) -> float:
    """Of a screen that draws at ``rate``, the share of frames for which there was no new picture, 0..1."""
    gaps = [later - earlier for earlier, later in itertools.pairwise(instants)]
    missed = sum(max(0, round(gap * rate) - 1) for gap in gaps)
    return missed / (missed + len(instants)) if instants else 0.0


def verdict(
    response: Distribution,
    stages: dict[str, Distribution],
    busy: dict[str, float],
    fps: float,
    rate: float,
) -> str:
    """One line: does it keep up, and what holds it back."""
    if response.count == 0:
        return "no frame was shown"
    slowest = max(("capture", "stylize", "show"), key=lambda name: busy[name])
    part = f"{slowest} takes {stages[slowest].p50:.1f} of the {1e3 / rate:.1f} ms a frame has"
    if fps < 0.99 * rate:
        what = "the processor" if busy["cpu"] > _TOO_BUSY > busy[slowest] else slowest
        return f"does not keep up: {fps:.1f} of {rate:g} fps; the bottleneck is {what} ({part})"
    if response.p99 > max(3 * response.p50, 2e3 / rate):
        stalled = max(stages, key=lambda name: stages[name].max - stages[name].p50)
        times = f"p99 of the response is {response.p99:.0f} ms, the median {response.p50:.0f}"
        return f"keeps up, but with stalls in {stalled}: {times} ({part})"
    return f"keeps up with {rate:g} fps; the busiest stage is {slowest}: {part}"
