"""``brushstream bench``: how fast it is here, frame by frame or live."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import EngineChoice, FrameSize, LiveStyleChoice, parse_size, say
from pipeline.common.adapters import Adapter, load
from pipeline.common.option_groups import flattened
from pipeline.common.reports import write_json

if TYPE_CHECKING:
    from pipeline.bench.figures import LiveBenchOptions

PLOT = Adapter("pipeline.bench.plot:draw_ages", "matplotlib", "plot")
"""What ``bench --live --plot`` calls."""


@dataclass(frozen=True)
class LiveMeasurement:
    """What is asked of a source with a fixed rate instead of single frames."""

    live: Annotated[
        bool, typer.Option("--live", help="Measure the age of frames from a source with a fixed rate.")
    ] = False
    rate: Annotated[
        int, typer.Option("--rate", min=1, help="Frames a second of the source (with --live).")
    ] = 30
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="PNG", help="Draw the age of every frame (with --live).")
    ] = None
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Inject stalls of 200 ms; fail if --live does not see them.")
    ] = False
    soak: Annotated[
        float | None,
        typer.Option(
            "--soak", metavar="MINUTES", min=0.05, help="Run so long; fail if memory or threads grow."
        ),
    ] = None

    @property
    def asked(self) -> bool:
        """Whether any of it is."""
        return self.live or self.self_test or self.soak is not None


@flattened
def bench(
    chosen: LiveStyleChoice,
    by: EngineChoice,
    live: LiveMeasurement,
    size: FrameSize = "640x480",
    frames: Annotated[int, typer.Option(min=1, help="Measured frames; a p99 wants 1000.")] = 1000,
    warmup: Annotated[int, typer.Option(min=0, help="Frames before them, kept apart.")] = 20,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the report to this file.")
    ] = None,
) -> None:
    """Measure how long a frame takes on this machine."""
    from pipeline.bench.figures import LiveBenchOptions
    from pipeline.bench.service import BenchOptions, run_bench
    from pipeline.cli import terminal
    from pipeline.lookup import find_style

    frame_size = parse_size(size)
    style = find_style(chosen.text, "fast" if chosen.quality == "fast" else "best")
    passed = True
    if live.asked:
        options = LiveBenchOptions(
            style, frame_size, by.name, by.wanted_precision, live.rate, frames, warmup, quality=chosen.quality
        )
        figures, passed = measure_live(live, options)
    else:
        report = run_bench(BenchOptions(style, frame_size, by.name, by.wanted_precision, frames, warmup))
        terminal.show(terminal.bench_table(report))
        figures = asdict(report)
    if json_file is not None:
        write_json(json_file, figures, indent=2)
    if not passed:
        raise typer.Exit(1)


def measure_live(asked: LiveMeasurement, options: "LiveBenchOptions") -> tuple[dict[str, object], bool]:
    """Live age, or the self-test of that measurement, or a soak: for ``--json``, and whether it passed."""
    from pipeline.bench import live
    from pipeline.cli import terminal

    draw_ages = None if asked.plot is None else load("--plot", PLOT)
    if asked.soak is not None:
        from pipeline.bench.soak import run_soak

        grown = run_soak(options, 60 * asked.soak, on_sample=lambda sample: say(str(sample)))
        print("\n".join(grown.lines()))
        return grown.to_dict(), grown.passed
    if asked.self_test:
        seen = live.run_self_test(options)
        print("\n".join(seen.lines()))
        return seen.to_dict(), seen.passed
    report = live.run_live_bench(options)
    terminal.show(terminal.live_bench_table(report))
    if asked.plot is not None and draw_ages is not None:
        from pipeline.images.writing import write_image

        write_image(asked.plot, draw_ages(report), overwrite=True)
    return asdict(report), True
