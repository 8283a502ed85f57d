"""``brushstream demo``: every style, with no input needed."""

import time
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import EngineChoice, FrameSize, end_early, parse_size, say
from pipeline.common.option_groups import flattened


@flattened
def demo(
    by: EngineChoice,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where video and contact sheet go.")
    ] = Path("brushstream-demo"),
    style: Annotated[
        list[str] | None, typer.Option("--style", help="Only this style; may be repeated.")
    ] = None,
    size: FrameSize = "640x480",
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Length of the video; else 4, less on slow machines.")
    ] = None,
) -> None:
    """Stylize a scene it draws itself with every style: no input needed."""
    from pipeline.cli.terminal import progress_bars
    from pipeline.demo import DemoOptions, StyleSpeed, run_demo
    from pipeline.video.progress import LoopProgress

    wanted = DemoOptions(
        output,
        tuple(style or ()),
        by.name,
        by.wanted_precision,
        parse_size(size),
        seconds=seconds,
    )
    started_at = time.monotonic()
    with progress_bars() as show:

        def tell(speed: StyleSpeed, number: int, styles: int) -> None:
            say(f"{speed.name}: {speed.frame_ms:.1f} ms a frame, {speed.fps:.0f} frames/s; {speed.engine}")
            if number == 1 < styles:
                say(f"its picture is in {output / 'contact-sheet.png'}, the others follow")
            show(LoopProgress(number, styles, time.monotonic() - started_at), "measuring", "styles")

        done = run_demo(wanted, lambda now: show(now, "video", "frames"), tell)
    say(f"{done.frames} frames in {done.seconds:.1f} s")
    print(f"video          {done.video}\ncontact sheet  {done.contact_sheet}")
    end_early(None, done.interrupted)
