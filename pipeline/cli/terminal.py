"""What ``cli`` shows: tables on standard output, a progress bar on standard error."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table

from pipeline.bench.doctor import Findings
from pipeline.bench.service import BenchReport
from pipeline.common.latency import Distribution
from pipeline.common.progress import Standing, progress_shown, time_left
from pipeline.style import StyleFile
from pipeline.video.progress import LoopProgress

if TYPE_CHECKING:
    from pipeline.bench.figures import LiveBenchReport


def progress_bar(label: str, unit: str = "frames") -> AbstractContextManager[Callable[[LoopProgress], None]]:
    """A bar on standard error with count, rate and time left, fed by the callable that is entered.

    Where standard error is no terminal it shows nothing: logs want lines, and the commands print those.
    """
    return progress_shown(lambda now: _standing(now, label, unit), lambda now: None, stderr=True)


def progress_bars() -> AbstractContextManager[Callable[[LoopProgress, str, str], None]]:
    """As ``progress_bar`` for work in parts: the callable takes label and unit too, a bar for each label."""
    return progress_shown(_standing, lambda now, label, unit: None, stderr=True)


def _standing(now: LoopProgress, label: str, unit: str) -> Standing:
    text = f"{now.frames}/{'?' if now.expected is None else now.expected} {unit} {now.fps:.1f}/s"
    if now.expected is not None and now.fps > 0:
        text += f" {time_left((now.expected - now.frames) / now.fps)}"
    return Standing(now.frames, now.expected, text, label)


@contextmanager
def count_bar(unit: str) -> Iterator[Callable[[int, int], None]]:
    """As ``progress_bar``, for a job that tells (done, in all)."""
    with progress_bar("", unit) as update:
        started_at = time.monotonic()
        yield lambda done, count: update(LoopProgress(done, count, time.monotonic() - started_at))


def show(content: RenderableType) -> None:
    """Print a table on standard output: as wide as the terminal, never cut where there is none."""
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console = Console(width=200, markup=False, highlight=False)
    console.print(content)


def styles_table(styles: Sequence[StyleFile], fast: Collection[str]) -> Table:
    """One row a style; ``fast`` names those with a second, smaller network."""
    table = _table("name", "title", "artist", "year", "rights", "network", "size", "quality")
    for style in styles:
        card = style.card
        year = str(card.year) if card.year else ""
        size = f"{style.file_bytes / 1e6:.1f} MB"
        quality = "best, fast" if card.name in fast else "best"
        rights = card.rights or (f"network: {card.licence}" if card.licence else "")
        table.add_row(card.name, card.title, card.artist, year, rights, card.network, size, quality)
    return table


def doctor_tables(findings: Findings) -> Group:
    """Machine, packages, engines and problems, one under the other."""
    facts = _table("machine", "")
    for key, value in findings.machine.items():
        facts.add_row(key, ", ".join(value) if isinstance(value, tuple) else str(value))
    facts.add_row("display", "yes" if findings.display else "no (windows cannot be shown)")
    facts.add_row("styles", ", ".join(findings.styles) or "none")
    facts.add_row("your styles go in", findings.user_styles)
    packages = _table("package", "version")
    for package in findings.packages:
        packages.add_row(package.name, package.version or f"not installed: {package.cure}")
    engines = _table("engine", "state")
    for name, reason in findings.engines:
        state = "runs, chosen by auto" if name == findings.chosen else reason or "runs"
        engines.add_row(name, state)
    gpu = _table("tensorrt needs", "found")
    for what, finding in findings.tensorrt:
        gpu.add_row(what, finding)
    verdict = [f"problem: {line}" for line in findings.problems] or ["All well."]
    return Group(facts, packages, engines, gpu, *verdict)


def bench_table(report: BenchReport) -> Group:
    """Three rows of milliseconds, and what they were measured on."""
    height, width = report.size
    table = _table(f"{width}x{height}, ms a frame", "p50", "p90", "p95", "p99", "max", "mean")
    _add(table, "service, uint8 in to uint8 out", report.service)
    _add(table, "engine alone", report.engine_alone)
    _add(table, "identity engine (overhead)", report.identity)
    peak = "" if report.peak_resident_mb is None else f", {report.peak_resident_mb:.0f} MB at its peak"
    few = "" if report.frames >= 1000 else "; fewer than 1000, so p99 is a guess"
    return Group(
        table,
        f"style {report.style} ({report.network}); {report.engine}{_pace(report)}",
        f"{report.frames} frames after {report.warmup} of warm-up{few}",
        f"opened in {report.open_ms:.0f} ms, first frame {report.first_frame_ms:.0f} ms; "
        f"{report.resident_mb:.0f} MB resident{peak}",
        f"{report.machine['cpu']}, {report.machine['cores']} cores; "
        + ", ".join(f"{name} {version}" for name, version in report.versions.items()),
    )


def _pace(report: BenchReport) -> str:
    if report.gmacs_per_s is None:
        return ""
    share = f", {report.limit_share:.0%} of what the cores can" if report.limit_share is not None else ""
    return f"; {report.gmacs_per_s:.1f} GMAC/s{share}"


def live_bench_table(report: "LiveBenchReport") -> Group:
    """Age and stages, what became of the frames, and the verdict."""
    height, width = report.size
    table = _table(f"{width}x{height} at {report.rate} fps, ms", "p50", "p90", "p95", "p99", "max", "mean")
    _add(table, "live age, due to shown", report.age)
    _add(table, "response, dropped frames too", report.response)
    for name, times in report.stages.items():
        _add(table, f"  {name}", times)
    busy = ", ".join(f"{name} {share:.0%}" for name, share in report.busy_share.items())
    cores = ", ".join(f"{share:.0%}" for share in report.core_shares)
    few = "" if report.shown >= 1000 else "; fewer than 1000 shown, so p99 is a guess"
    return Group(
        table,
        f"delivered {report.delivered_fps:.2f} fps; {report.dropped} of {report.scheduled} dropped "
        f"({report.drop_share:.1%}), {report.warmup_dropped} of {report.warmup} in warm-up; "
        f"{report.repeat_share:.1%} of the screen's frames repeated{few}",
        f"busy: {busy}; each core, with all that runs here: {cores}",
        f"chosen: {report.pace}",
        f"style {report.style} ({report.network}); {report.engine}",
        f"{report.machine['cpu']}, {report.machine['cores']} cores; "
        + ", ".join(f"{name} {version}" for name, version in report.versions.items()),
        f"verdict: {report.verdict}",
    )


def _add(table: Table, name: str, times: Distribution) -> None:
    columns = (times.p50, times.p90, times.p95, times.p99, times.max, times.mean)
    table.add_row(name, *(f"{ms:.2f}" for ms in columns))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def rows_table(rows: Iterable[tuple[str, ...]], *columns: str) -> Table:
    """One line a row under the columns' names."""
    table = _table(*columns)
    for row in rows:
        table.add_row(*row)
    return table
