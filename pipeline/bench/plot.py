"""A picture of latency over time, drawn by Matplotlib without a window."""

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.bench.figures import LiveBenchReport
from pipeline.frame import Pixels

SIZE = (560, 1100)
_DPI = 100
_SHOWN, _DROPPED, _WARMUP, _P50, _P99 = "#2460a0", "#eb8c96", "#ece8e2", "#288246", "#c83c32"


def draw_ages(report: LiveBenchReport) -> Pixels:
    """One dot a frame: age over time, red for dropped ones, warm-up shaded, p50 and p99 as lines.

    Returns:
        (H, W, 3) uint8 BGR of SIZE.
    """
    figure = Figure((SIZE[1] / _DPI, SIZE[0] / _DPI), _DPI, layout="constrained")
    axes = figure.add_subplot()
    height, width = report.size
    title = f"Live age of {report.shown} frames, {width}x{height} at {report.rate} fps, {report.style}"
    detail = f"{report.engine}; {report.delivered_fps:.1f} fps, {report.dropped} dropped (pale red)"
    figure.suptitle(title, fontsize=13)
    axes.set_title(f"{detail}\n{report.verdict}", fontsize=8, loc="left", wrap=True)
    axes.set(xlabel="s", ylabel="ms")
    if report.ages_ms:
        _draw_dots(axes, report)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="rgba")
    rgba = np.frombuffer(drawn.getbuffer(), np.uint8).reshape(*SIZE, 4)
    return np.ascontiguousarray(rgba[..., 2::-1])


def _draw_dots(axes: Axes, report: LiveBenchReport) -> None:
    last_s = max(report.ages_ms[-1][0], 1e-3)
    axes.axvspan(0, min(last_s, report.warmup / report.rate), color=_WARMUP, label="warm-up")
    for dots, color in ((report.dropped_ms, _DROPPED), (report.ages_ms, _SHOWN)):
        axes.plot([at for at, _ in dots], [age for _, age in dots], ".", color=color, markersize=4)
    for name, age_ms, color in (("p50", report.age.p50, _P50), ("p99", report.age.p99, _P99)):
        axes.axhline(age_ms, color=color, linewidth=1, label=f"{name} {age_ms:.1f} ms")
    axes.set(xlim=(0, last_s), ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8, frameon=False)
