"""``brushstream webcam``: options in, lines out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    EngineChoice,
    KeepColors,
    LiveSteady,
    LiveStyleChoice,
    Overwrite,
    Strength,
    parse_size,
    say,
)
from pipeline.common.errors import EXIT_DAMAGED_INPUT, EXIT_INTERRUPTED
from pipeline.common.option_groups import flattened

if TYPE_CHECKING:
    from pipeline.live.report import LiveReport


@flattened
def webcam(
    chosen: LiveStyleChoice,
    by: EngineChoice,
    source: Annotated[
        str,
        typer.Option(
            "--source", "-s", help="Camera number or name, rtsp/http/udp address, video file, or synthetic."
        ),
    ] = "0",
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
        float | None,
        typer.Option("--target-fps", min=1.0, help="Rate to hold; default: the camera's, at most 30."),
    ] = None,
    governor: Annotated[
        bool, typer.Option("--governor/--no-governor", help="Hold the rate by painting smaller.")
    ] = True,
    scale: Annotated[
        float, typer.Option("--scale", min=0.4, max=1.5, help="Paint at this share of the size: brush size.")
    ] = 1.0,
    strength: Strength = 1.0,
    keep_colors: KeepColors = False,
    steady: LiveSteady = None,
    side_by_side: Annotated[bool, typer.Option("--side-by-side", help="Show the source too.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Stylize a camera in a window, live. h shows the keys."""
    if list_cameras:
        show_cameras()
        return
    chosen.require_used("--styles", styles)
    if rotate not in (0, 90, 180, 270):
        raise typer.BadParameter(f"--rotate takes 0, 90, 180 or 270 degrees, not {rotate}")
    from pipeline.live.controls import Settings, next_scale
    from pipeline.live.session import WebcamOptions, run_webcam
    from pipeline.live.sources.asked import Asked

    options = WebcamOptions(
        Asked(source, parse_size(size) if size else None, fps, loop, rotate),
        tuple(name.strip() for name in styles.split(",") if name.strip()),
        chosen.text, by.name, by.wanted_precision,
        Settings(0, strength, next_scale(scale, 0), keep_colors, False, mirror, side_by_side),
        chosen.quality, target_fps, serve is None if window is None else window,
        serve, serve_on, record, overwrite, virtual_camera, folder, governor, steady,
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
