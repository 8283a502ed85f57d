"""``brushstream webcam`` and ``brushstream bench --live``: options in, lines out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_STYLE,
    DeviceName,
    EngineName,
    KeepColors,
    Overwrite,
    PrecisionName,
    PrecisionOption,
    ProviderName,
    Quality,
    QualityOption,
    Strength,
    StyleName,
    parse_size,
    precision_of,
    say,
)
from pipeline.common.adapters import Adapter, load
from pipeline.common.errors import EXIT_DAMAGED_INPUT, EXIT_INTERRUPTED
from pipeline.common.reports import write_json
from pipeline.engines import registry

if TYPE_CHECKING:
    from pipeline.engines.base import Precision
    from pipeline.live.report import LiveReport

Rate = Annotated[int, typer.Option("--rate", min=1, help="Frames a second of the source (with --live).")]
Plot = Annotated[
    Path | None, typer.Option("--plot", metavar="PNG", help="Draw the age of every frame (with --live).")
]
SelfTest = Annotated[
    bool, typer.Option("--self-test", help="Inject stalls of 200 ms; fail if --live does not see them.")
]
Soak = Annotated[
    float | None,
    typer.Option("--soak", metavar="MINUTES", min=0.05, help="Run so long; fail if memory or threads grow."),
]

PLOT = Adapter("pipeline.bench.plot:draw_ages", "matplotlib", "plot")
"""What ``bench --live --plot`` calls."""


def webcam(
    source: Annotated[
        str,
        typer.Option(
            "--source", "-s", help="Camera number or name, rtsp/http/udp address, video file, or synthetic."
        ),
    ] = "0",
    style: StyleName = DEFAULT_STYLE,
    quality: Quality = QualityOption.best,
    styles: Annotated[
        str, typer.Option("--styles", metavar="A,B,C", help="Only these, all opened in advance.")
    ] = "",
    list_cameras: Annotated[
        bool, typer.Option("--list-cameras", help="Show cameras with names and modes, and leave.")
    ] = False,
    size: Annotated[
        str | None, typer.Option("--size", metavar="WxH", help="Size to ask the camera for.")
    ] = None,
    fps: Annotated[float | None, typer.Option("--fps", min=1.0, help="Rate to ask the camera for.")] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Play a file again and again.")] = False,
    mirror: Annotated[bool, typer.Option("--mirror", help="Exchange left and right.")] = False,
    rotate: Annotated[int, typer.Option("--rotate", help="Turn clockwise: 0, 90, 180, 270.")] = 0,
    window: Annotated[
        bool | None,
        typer.Option("--window/--no-window", help="Show a window; default: unless --serve is given."),
    ] = None,
    serve: Annotated[
        int | None,
        typer.Option("--serve", metavar="PORT", min=0, max=65535, help="Show a page in a browser."),
    ] = None,
    serve_on: Annotated[
        str, typer.Option("--serve-on", metavar="ADDRESS", help="0.0.0.0 lets the network in.")
    ] = "127.0.0.1",
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="Record from the first frame on.")
    ] = None,
    virtual_camera: Annotated[
        bool, typer.Option("--virtual-camera", help="Be a camera for other programs.")
    ] = False,
    folder: Annotated[
        Path, typer.Option("--folder", help="For screenshots and recordings begun by key.")
    ] = Path(),
    target_fps: Annotated[
        float | None, typer.Option("--target-fps", min=1.0, help="Hold this rate by painting smaller.")
    ] = None,
    scale: Annotated[
        float, typer.Option("--scale", min=0.4, max=1.5, help="Paint at this share of the size: brush size.")
    ] = 1.0,
    strength: Strength = 1.0,
    keep_colors: KeepColors = False,
    steady: Annotated[bool, typer.Option("--steady", help="Calm flicker where nothing moves.")] = False,
    side_by_side: Annotated[bool, typer.Option("--side-by-side", help="Show the source too.")] = False,
    engine: EngineName = "auto",
    device: DeviceName = None,
    provider: ProviderName = None,
    precision: PrecisionName = PrecisionOption.auto,
    overwrite: Overwrite = False,
) -> None:
    """Stylize a camera in a window, live. h shows the keys."""
    if list_cameras:
        show_cameras()
        return
    if rotate not in (0, 90, 180, 270):
        raise typer.BadParameter(f"--rotate takes 0, 90, 180 or 270 degrees, not {rotate}")
    from pipeline.live.controls import Settings, next_scale
    from pipeline.live.session import WebcamOptions, run_webcam
    from pipeline.live.sources.asked import Asked

    options = WebcamOptions(
        Asked(source, parse_size(size) if size else None, fps, loop, rotate),
        tuple(name.strip() for name in styles.split(",") if name.strip()),
        style, registry.engine_on(engine, device, provider), precision_of(precision),
        Settings(0, strength, next_scale(scale, 0), keep_colors, steady, mirror, side_by_side),
        quality.value, target_fps, serve is None if window is None else window,
        serve, serve_on, record, overwrite, virtual_camera, folder,
    )  # fmt: skip
    report = run_webcam(options, say)
    tell_end(report)


def tell_end(report: "LiveReport") -> None:
    """One line on the whole run; Ctrl-C and a source that broke have their exit codes."""
    latency = report.latency
    say(
        f"{latency.frames_out} frames in {report.seconds:.1f} s, {latency.fps:.1f} fps, {report.dropped} "
        f"dropped; {latency.total.p50:.0f} ms old at the median, {latency.total.p95:.0f} at the 95th"
    )
    if report.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if report.damage is not None:  # told when it was met
        raise typer.Exit(EXIT_DAMAGED_INPUT)


def show_cameras() -> None:
    """Print every camera with what it can do."""
    from pipeline.live.sources.camera_list import list_cameras

    cameras = list_cameras()
    for camera in cameras:
        modes = ", ".join(str(mode) for mode in camera.modes) or "cannot be opened: in use, or no right to"
        print(f"{camera.device}  {camera.name}  [{camera.backend or 'closed'}]  {modes}")
    if not cameras:
        print("no camera here; --source synthetic, a video file or a network address need none")


def bench_live(
    style: str,
    quality: str,
    size: tuple[int, int],
    engine: str,
    precision: "Precision | None",
    rate: int,
    frames: int,
    warmup: int,
    plot: Path | None,
    self_test: bool,
    soak: float | None,
    json_file: Path | None,
) -> None:
    """Measure live age, or the self-test of that measurement, or a soak; exit code 1 where a test fails."""
    from pipeline.bench import live
    from pipeline.bench.figures import LiveBenchOptions
    from pipeline.cli import terminal
    from pipeline.style import find_style

    options = LiveBenchOptions(find_style(style, quality), size, engine, precision, rate, frames, warmup)
    if soak is not None:
        from pipeline.bench.soak import run_soak

        grown = run_soak(options, 60 * soak, on_sample=lambda sample: say(str(sample)))
        print("\n".join(grown.lines()))
        finish(grown.to_dict(), json_file, grown.passed)
        return
    if self_test:
        seen = live.run_self_test(options)
        print("\n".join(seen.lines()))
        finish(seen.to_dict(), json_file, seen.passed)
        return
    draw_ages = None if plot is None else load("--plot", PLOT)
    report = live.run_live_bench(options)
    terminal.show(terminal.live_bench_table(report))
    if plot is not None and draw_ages is not None:
        from pipeline.images.writing import write_image

        write_image(plot, draw_ages(report), overwrite=True)
    finish(report.to_dict(), json_file, True)


def finish(report: dict[str, object], json_file: Path | None, passed: bool) -> None:
    """Write the report where that was asked for; leave with 1 where a test failed."""
    if json_file is not None:
        write_json(json_file, report, indent=2)
    if not passed:
        raise typer.Exit(1)
