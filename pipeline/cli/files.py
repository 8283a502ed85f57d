"""Pictures and the demo: ``brushstream image`` and ``brushstream demo``."""

from pathlib import Path
from typing import Annotated

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
    Size,
    Strength,
    StyleName,
    end_early,
    painting,
    parse_size,
    precision_of,
    say,
)
from pipeline.engines import registry


def image(
    inputs: Annotated[list[Path], typer.Argument(metavar="IN...", help="Pictures, or folders of pictures.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="A picture, or a folder.")],
    style: StyleName = DEFAULT_STYLE,
    quality: Quality = QualityOption.best,
    engine: EngineName = "auto",
    device: DeviceName = None,
    provider: ProviderName = None,
    precision: PrecisionName = PrecisionOption.auto,
    size: Size = None,
    strength: Strength = 1.0,
    keep_colors: KeepColors = False,
    overwrite: Overwrite = False,
) -> None:
    """Stylize pictures; one that cannot be read does not stop the rest."""
    from pipeline.cli.terminal import count_bar
    from pipeline.images.job import ImageOptions, run_images

    wanted = ImageOptions(
        tuple(inputs), output, style,
        **painting(quality, engine, device, provider, precision, size, strength, keep_colors, overwrite),
    )  # fmt: skip
    with count_bar("pictures") as show_progress:
        done = run_images(wanted, show_progress)
    for path, reason in done.skipped:
        say(f"skipped {path}: {reason}")
    say(f"{len(done.written)} written to {output}, {len(done.skipped)} skipped; {done.engine}")
    end_early(f"{len(done.skipped)} inputs were skipped" if done.skipped else None, done.interrupted)


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where video and contact sheet go.")
    ] = Path("brushstream-demo"),
    style: Annotated[
        list[str] | None, typer.Option("--style", help="Only this style; may be repeated.")
    ] = None,
    engine: EngineName = "auto",
    device: DeviceName = None,
    provider: ProviderName = None,
    precision: PrecisionName = PrecisionOption.auto,
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Frame size.")] = "640x480",
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of the video.")] = 4.0,
) -> None:
    """Stylize a scene it draws itself with every style: no input needed."""
    from pipeline.cli.terminal import progress_bar
    from pipeline.demo import DemoOptions, run_demo

    wanted = DemoOptions(
        output,
        tuple(style or ()),
        registry.engine_on(engine, device, provider),
        precision_of(precision),
        parse_size(size),
        seconds=seconds,
    )
    with progress_bar("demo") as show_progress:
        done = run_demo(
            wanted,
            show_progress,
            lambda s: say(f"{s.name}: {s.frame_ms:.1f} ms a frame, {s.fps:.0f} frames/s; {s.engine}"),
        )
    say(f"{done.frames} frames in {done.seconds:.1f} s")
    print(f"video          {done.video}\ncontact sheet  {done.contact_sheet}")
    end_early(None, done.interrupted)
