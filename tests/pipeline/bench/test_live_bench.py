"""What the live benchmark says about frames whose times are known; short real runs for the rest."""

import json
import threading
from pathlib import Path

import pytest

from pipeline import style
from pipeline.bench.figures import LiveBenchOptions, rate_of, repeats, report_of
from pipeline.bench.live import SelfTest, run_live_bench
from pipeline.bench.plot import SIZE, draw_ages
from pipeline.bench.soak import Sample, SoakReport, run_soak
from pipeline.cli import main
from pipeline.common import adapters, machine
from pipeline.live.report import STAGES, Shown
from pipeline.style import StyleFile
from tests.support.live_rig import own_threads

pytestmark = pytest.mark.xdist_group("clock")  # on one worker: they wait for screens, threads and time

PERIOD = 1 / 30


def shown(index: int, stylize_s: float = 0.010, wait_s: float = 0.001) -> Shown:
    due = index * PERIOD
    stages = dict.fromkeys(STAGES, 0.0) | {"stylize": stylize_s, "wait": wait_s}
    return Shown(index, due, due + stylize_s + wait_s, stages)


def options(style: StyleFile, frames: int = 100, warmup: int = 10) -> LiveBenchOptions:
    return LiveBenchOptions(style, (64, 64), "identity", None, 30, frames, warmup)


def test_a_run_that_keeps_up(invert_style: StyleFile) -> None:
    report = report_of(options(invert_style), [shown(n) for n in range(110)], "engine", 4.0, 0.3)
    assert report.age.p50 == pytest.approx(11.0)
    assert report.age.p99 == pytest.approx(11.0)
    assert report.delivered_fps == pytest.approx(30.0)
    assert (report.scheduled, report.shown, report.dropped, report.warmup_dropped) == (100, 100, 0, 0)
    assert (report.drop_share, report.repeat_share) == (0.0, 0.0)
    assert report.busy_share["stylize"] == pytest.approx(0.3, abs=0.01)
    assert report.verdict.startswith(
        "keeps up with 30 fps; the busiest stage is stylize: stylize takes 10.0 of"
    )
    assert sum(times.mean for times in report.stages.values()) == pytest.approx(report.age.mean)


def test_a_run_that_drops_names_the_bottleneck(invert_style: StyleFile) -> None:
    seen = [shown(n, stylize_s=0.06) for n in range(0, 110, 2)]
    report = report_of(options(invert_style), seen, "engine", 4.0, 0.5)
    assert (report.shown, report.dropped, report.warmup_dropped) == (50, 50, 5)
    assert report.repeat_share == pytest.approx(0.5, abs=0.01)
    assert "does not keep up: 15.0 of 30 fps; the bottleneck is stylize" in report.verdict


def test_a_stall_moves_p99_and_is_named(invert_style: StyleFile) -> None:
    """One stall of 200 ms a second: a loop that waits for its source would have one slow frame in 30."""
    seen = []
    for n in range(10, 110):
        since = n % 30
        if since == 0:
            seen.append(shown(n, stylize_s=0.210))
        elif since > 6:
            seen.append(shown(n))
    report = report_of(options(invert_style), seen, "engine", 4.0, 0.3)
    assert report.age.p99 > 200
    assert report.response.p99 > 200
    assert "stylize" in report.verdict


def test_a_stall_that_the_next_frame_overtakes_is_in_the_response(invert_style: StyleFile) -> None:
    """The frame that was held up was dropped: no age tells of it, the response of those behind it does."""
    seen = [shown(n) for n in range(10, 110) if not 30 <= n < 36]
    report = report_of(options(invert_style), seen, "engine", 4.0, 0.3)
    assert report.age.max == pytest.approx(11.0)
    assert report.response.max == pytest.approx(211.0)
    assert report.response.count == 100
    assert len(report.dropped_ms) == 6 + 10  # ten of warm-up


def test_no_frame_at_all_is_said(invert_style: StyleFile) -> None:
    report = report_of(options(invert_style), [], "engine", 1.0, 0.0)
    assert report.verdict == "no frame was shown"
    assert draw_ages(report).shape == (*SIZE, 3)


def test_rates_count_intervals_and_repeats_are_missing_frames() -> None:
    assert rate_of([0.0, 1.0, 2.0]) == 1.0
    assert rate_of([1.0]) == 0.0
    assert repeats([0.0, PERIOD, 4 * PERIOD], 30) == 2 / 5
    assert repeats([0.0, 0.9 * PERIOD, 2.1 * PERIOD], 30) == 0.0
    assert repeats([], 30) == 0.0


def test_the_self_test_fails_where_p99_stays() -> None:
    assert SelfTest(12.0, 230.0).passed
    blind = SelfTest(12.0, 14.0)
    assert not blind.passed
    assert "FAILED: the measurement is blind" in blind.lines()[0]
    busy = SelfTest(1034.0, 1106.0)
    assert not busy.passed
    assert "FAILED: this machine stalls for as long by itself" in busy.lines()[0]


@pytest.mark.slow
def test_stalls_are_seen_by_a_real_run(invert_style: StyleFile) -> None:
    """A stall of 200 ms makes some frame at least that old: no machine is too slow for that."""
    few = options(invert_style, frames=75, warmup=0)
    report = run_live_bench(few, stall_every_s=0.5)
    assert report.response.max >= 150  # a frame that was due just after the stall began
    assert report.shown + report.dropped == 75
    assert own_threads() == []


def test_the_command_writes_json_and_a_plot(
    styles_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(style, "bundled_folder", lambda: styles_folder)
    report, plot = tmp_path / "live.json", tmp_path / "live.png"
    line = ["bench", "--live", "--style", "invert", "--size", "64x64", "--frames", "20", "--warmup", "5"]
    assert main.run([*line, "--json", str(report), "--plot", str(plot)]) == 0
    told = capsys.readouterr().out
    assert "live age, due to shown" in told
    assert "verdict: " in told
    assert "chosen: best network at scale 1, steady for 30 fps" in told
    assert "each core, with all that runs here" in told
    read = json.loads(report.read_text())
    assert read["shown"] + read["dropped"] == 20
    assert set(read["stages"]) == set(STAGES)
    assert len(read["core_shares"]) == machine.usable_cores()
    assert plot.stat().st_size > 5000


def test_a_plot_without_matplotlib_names_the_extra_before_anything_is_measured(
    styles_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(style, "bundled_folder", lambda: styles_folder)
    monkeypatch.setattr(adapters, "is_installed", lambda package: package != "matplotlib")
    monkeypatch.setattr("pipeline.bench.live.run_live_bench", lambda options: pytest.fail("measured"))
    line = ["bench", "--live", "--style", "invert", "--size", "64x64", "--plot", str(tmp_path / "a.png")]
    assert main.run(line) == 7
    assert "pip install 'brushstream[plot]'" in capsys.readouterr().err


def samples(memory: list[float], threads: int = 9) -> tuple[Sample, ...]:
    return tuple(Sample(60.0 * n, mb, threads, 12) for n, mb in enumerate(memory))


def test_a_soak_judges_growth_threads_and_handles() -> None:
    assert SoakReport(samples([80, 100, *[101.0] * 20]), 1, 1, 1).passed
    growing = SoakReport(samples([100.0 + n for n in range(22)]), 1, 1, 1)
    assert growing.growth_mb > 10
    assert "FAILED" in growing.lines()[-1]
    more = (*samples([100.0] * 10), Sample(700, 100.0, 10, 12))
    assert not SoakReport(more, 1, 1, 1).passed
    assert "9 / 10" in SoakReport(more, 1, 1, 1).lines()[1]


def test_a_soak_that_measured_nothing_does_not_pass() -> None:
    for seen in ((), samples([100.0]), samples([100.0] * 4)):
        report = SoakReport(seen, 1, 1, 1)
        assert not report.passed
        assert "FAILED" in report.lines()[-1]
        assert report.to_dict()["passed"] is False


def test_a_process_is_measured_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS and Windows, where the soak once judged unknown against unknown and passed."""
    for name in ("exists", "is_dir"):
        monkeypatch.setattr(Path, name, lambda self: False)
    assert machine.resident_mb() > 1
    assert machine.thread_count() >= 1
    assert machine.handle_count() >= 1


@pytest.mark.slow
def test_a_short_soak_finds_nothing(invert_style: StyleFile) -> None:
    """The soak itself, short; growth is judged by the long one, here threads and handles must stay."""
    told: list[str] = []
    report = run_soak(
        options(invert_style), 4.0, samples=10, on_sample=lambda sample: told.append(str(sample))
    )
    assert report.frames > 0
    assert len(report.samples) == len(told) == 10
    assert len({sample.handles for sample in report.settled}) == 1
    assert len({sample.threads for sample in report.settled}) == 1
    assert report.growth_mb < 10
    assert own_threads() == []
    assert threading.current_thread() is threading.main_thread()
