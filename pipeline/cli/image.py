"""``brushstream image``: pictures, one or folders of them."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import EngineChoice, PaintingChoice, StyleChoice, end_early, painting, say
from pipeline.common.option_groups import flattened


@flattened
def image(
    inputs: Annotated[list[Path], typer.Argument(metavar="IN...", help="Pictures, or folders of pictures.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="A picture, or a folder.")],
    chosen: StyleChoice,
    by: EngineChoice,
    how: PaintingChoice,
) -> None:
    """Stylize pictures; one that cannot be read does not stop the rest."""
    from pipeline.cli.terminal import count_bar
    from pipeline.images.job import ImageOptions, run_images

    wanted = ImageOptions(tuple(inputs), output, **painting(chosen, by, how))
    with count_bar("pictures") as show_progress:
        done = run_images(wanted, show_progress)
    for note in done.notes:
        say(note)
    for path, reason in done.skipped:
        say(f"skipped {path}: {reason}")
    say(f"{len(done.written)} written to {output}, {len(done.skipped)} skipped; {done.engine}")
    end_early(f"{len(done.skipped)} inputs were skipped" if done.skipped else None, done.interrupted)
