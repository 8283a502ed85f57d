"""What there is and how fast it is: ``brushstream styles``, ``doctor`` and ``bench``."""

import json
from typing import Annotated

import typer

from pipeline.cli import webcam
from pipeline.cli.options import (
    DEFAULT_STYLE,
    DeviceName,
    EngineName,
    JsonFile,
    PrecisionName,
    PrecisionOption,
    ProviderName,
    Quality,
    QualityOption,
    StyleName,
    parse_size,
    precision_of,
    say,
)
from pipeline.common.reports import write_json
from pipeline.engines import registry


def styles(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, the whole cards.")] = False,
) -> None:
    """List the styles: artist, year, rights, network, size."""
    from pipeline import style
    from pipeline.cli import terminal

    found = style.list_styles(on_damaged=lambda error: say(f"warning: {error}"))
    if as_json:
        print(json.dumps([json.loads(s.card.to_json()) for s in found], indent=2, ensure_ascii=False))
        return
    terminal.show(terminal.styles_table(found, style.style_paths(quality="fast")))
    if not found:
        print(f"no style in {style.bundled_folder()} nor in {style.user_folder()}")


def doctor(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show what is installed and which engine will run."""
    from pipeline.bench.doctor import examine
    from pipeline.cli import terminal

    findings = examine()
    if as_json:
        print(json.dumps(findings.to_dict(), indent=2))
    else:
        terminal.show(terminal.doctor_tables(findings))
    if findings.problems:
        raise typer.Exit(1)


def bench(
    style: StyleName = DEFAULT_STYLE,
    quality: Quality = QualityOption.best,
    engine: EngineName = "auto",
    device: DeviceName = None,
    provider: ProviderName = None,
    precision: PrecisionName = PrecisionOption.auto,
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Frame size.")] = "640x480",
    frames: Annotated[int, typer.Option(min=1, help="Measured frames; a p99 wants 1000.")] = 1000,
    warmup: Annotated[int, typer.Option(min=0, help="Frames before them, kept apart.")] = 20,
    live: Annotated[
        bool, typer.Option("--live", help="Measure the age of frames from a source with a fixed rate.")
    ] = False,
    rate: webcam.Rate = 30,
    plot: webcam.Plot = None,
    self_test: webcam.SelfTest = False,
    soak: webcam.Soak = None,
    json_file: JsonFile = None,
) -> None:
    """Measure how long a frame takes on this machine."""
    from pipeline.bench.service import BenchOptions, run_bench
    from pipeline.cli import terminal
    from pipeline.style import find_style

    frame_size = parse_size(size)
    if live or self_test or soak is not None:
        webcam.bench_live(
            style, quality.value, frame_size, registry.engine_on(engine, device, provider),
            precision_of(precision), rate, frames, warmup, plot, self_test, soak, json_file,
        )  # fmt: skip
        return
    report = run_bench(
        BenchOptions(
            find_style(style, quality.value),
            frame_size,
            registry.engine_on(engine, device, provider),
            precision_of(precision),
            frames,
            warmup,
        )
    )
    terminal.show(terminal.bench_table(report))
    if json_file is not None:
        write_json(json_file, report.to_dict(), indent=2)
