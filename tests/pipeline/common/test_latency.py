"""Times by a clock the test turns itself."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from pipeline.common.latency import Distribution, LatencyClock


class HandClock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def run_frame(times: LatencyClock, clock: HandClock, **stages_ms: float) -> None:
    laps = times.begin()
    for stage, milliseconds in stages_ms.items():
        clock.now += milliseconds / 1e3
        laps.lap(stage)
    times.finish(laps)


def test_stages_sum_to_the_total() -> None:
    clock = HandClock()
    times = LatencyClock(clock=clock)
    for extra in range(10):
        run_frame(times, clock, decode=2, wait=extra, stylize=7)
    report = times.report()
    assert list(report.stages) == ["decode", "wait", "stylize"]
    assert sum(stage.mean for stage in report.stages.values()) == pytest.approx(report.total.mean)
    assert report.total.max == pytest.approx(18)
    assert report.stages["wait"].p50 == pytest.approx(4.5)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 101, 1000])
def test_percentiles_are_numpys(count: int) -> None:
    values = np.random.default_rng(count).exponential(10, count)
    found = Distribution.of_ms(values.tolist())
    assert [found.p50, found.p90, found.p95, found.p99] == pytest.approx(
        np.percentile(values, [50, 90, 95, 99])
    )
    assert (found.count, found.max) == (count, values.max())


def test_nothing_measured_is_all_zero() -> None:
    report = LatencyClock().report()
    assert report.total == Distribution(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert report.fps == 0


def test_fps_counts_intervals_not_stamps() -> None:
    clock = HandClock()
    times = LatencyClock(clock=clock)
    for _ in range(11):
        run_frame(times, clock, stylize=100)
    assert times.report().fps == pytest.approx(10.0)


def test_a_single_frame_has_no_rate() -> None:
    clock = HandClock()
    times = LatencyClock(clock=clock)
    run_frame(times, clock, stylize=100)
    assert times.report().fps == 0


def test_warm_up_stands_apart() -> None:
    clock = HandClock()
    times = LatencyClock(warmup=2, clock=clock)
    for ms in (900, 500, 10, 10, 10):
        run_frame(times, clock, stylize=ms)
    report = times.report()
    assert (report.warmup.count, report.warmup.max) == (2, pytest.approx(900))
    assert (report.total.count, report.total.max) == (3, pytest.approx(10))
    assert report.frames_out == 5
    assert report.fps == pytest.approx(100)


def test_the_window_forgets_the_oldest_and_fps_does_not() -> None:
    clock = HandClock()
    times = LatencyClock(window=3, clock=clock)
    for ms in (1000, 20, 20, 20, 20):
        run_frame(times, clock, stylize=ms)
    report = times.report()
    assert (report.total.count, report.total.max) == (3, pytest.approx(20))
    assert report.fps == pytest.approx(50)


def test_frames_that_were_not_finished_are_in_and_not_out() -> None:
    times = LatencyClock()
    times.begin()
    assert (times.report().frames_in, times.report().frames_out) == (1, 0)


def test_a_stage_passed_twice_adds_up() -> None:
    clock = HandClock()
    times = LatencyClock(clock=clock)
    laps = times.begin()
    for stage in ("wait", "stylize", "wait"):
        clock.now += 0.004
        laps.lap(stage)
    times.finish(laps)
    assert times.report().stages["wait"].mean == pytest.approx(8)


def test_the_report_is_json() -> None:
    clock = HandClock()
    times = LatencyClock(clock=clock)
    run_frame(times, clock, stylize=4)
    report = json.loads(json.dumps(asdict(times.report())))
    assert report["stages"]["stylize"]["p99"] == pytest.approx(4)
    assert report["frames_out"] == 1


@pytest.mark.parametrize("options", [{"warmup": -1}, {"window": 0}])
def test_absurd_settings_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="warmup must be 0 or more"):
        LatencyClock(**options)  # type: ignore[arg-type]
