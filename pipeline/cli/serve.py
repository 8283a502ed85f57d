"""``brushstream serve``: options in, lines out."""

import ipaddress
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import (
    EngineChoice,
    FrameSize,
    KeepColors,
    LiveSteady,
    LiveStyleChoice,
    Strength,
    parse_size,
    say,
)
from pipeline.common.errors import EXIT_INTERRUPTED
from pipeline.common.option_groups import flattened


@flattened
def serve(
    chosen: LiveStyleChoice,
    by: EngineChoice,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port of the page; 0 takes a free one.")
    ] = 8765,
    on: Annotated[
        str, typer.Option("--on", metavar="ADDRESS", help="0.0.0.0 lets the network in; needs --tls-cert.")
    ] = "127.0.0.1",
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", metavar="PEM", help="Certificate: serve https.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="PEM", help="Its key, where that is another file.")
    ] = None,
    new_token: Annotated[
        bool, typer.Option("--new-token", help="Change the secret part of the address.")
    ] = False,
    visitors: Annotated[
        int, typer.Option("--visitors", min=1, max=32, help="Painted at a time; others wait in line.")
    ] = 4,
    styles: Annotated[str, typer.Option("--styles", metavar="A,B,C", help="Only these.")] = "",
    size: FrameSize = "640x480",
    target_fps: Annotated[
        float, typer.Option("--target-fps", min=1.0, help="Hold this rate by painting smaller.")
    ] = 24.0,
    strength: Strength = 1.0,
    keep_colors: KeepColors = False,
    steady: LiveSteady = None,
) -> None:
    """Stylize visitors' cameras on a page in the browser."""
    chosen.require_used("--styles", styles)
    check_address(on, tls_cert, tls_key)
    from pipeline.live.controls import Settings
    from pipeline.live.visitors.session import ServeOptions, run_serve, tls_context

    options = ServeOptions(
        port, on, None if tls_cert is None else tls_context(tls_cert, tls_key), new_token,
        tuple(name.strip() for name in styles.split(",") if name.strip()),
        chosen.text, chosen.quality, by.name, by.wanted_precision,
        parse_size(size), visitors, target_fps,
        Settings(strength=strength, keep_colors=keep_colors), steady,
    )  # fmt: skip
    report = run_serve(options, say)
    say(f"{report.frames} frames of {report.visitors} visitors in {report.seconds:.0f} s")
    raise typer.Exit(EXIT_INTERRUPTED)


def check_address(on: str, certificate: Path | None, key: Path | None) -> None:
    """Raise typer.BadParameter where browsers would refuse the camera, or a key stands alone."""
    if key is not None and certificate is None:
        raise typer.BadParameter("--tls-key is the key of a certificate: give --tls-cert too")
    if certificate is None and not is_local(on):
        raise typer.BadParameter(
            f"browsers give a camera to https and to localhost only: --on {on} needs --tls-cert and "
            "--tls-key (docs/live.md shows how to make them)"
        )


def is_local(address: str) -> bool:
    """Whether only this machine reaches that address."""
    try:
        return address == "localhost" or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
