"""The command ``brushstream learn``. Everything that needs torch is imported when it runs."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import Overwrite
from pipeline.common.errors import OutputError
from pipeline.common.option_groups import flattened
from pipeline.common.progress import Standing, progress_shown
from training.cli.options import EncoderOptions
from training.cli.train import ArtworkOptions


@flattened
def learn(
    painting: Annotated[Path, typer.Argument(metavar="PAINTING.jpg", help="The painting to learn.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="NAME.onnx", help="The style file.")],
    *,
    photos: Annotated[Path | None, typer.Option(help="Folder of photographs to learn on.")] = None,
    video: Annotated[Path | None, typer.Option(help="A video, whose frames are learned on.")] = None,
    base: Annotated[str, typer.Option(help="The style of several that is begun from.")] = "gallery",
    steps: Annotated[int, typer.Option(min=10, help="Optimizer steps.")] = 800,
    encoder: EncoderOptions,
    artwork: ArtworkOptions,
    overwrite: Overwrite = False,
) -> None:
    """Learn one more painting in about ten minutes, from the bundled network of several styles.

    The result is a style file like any other. Without --photos or --video it learns on scenes that it draws
    itself. NAME.preview.png shows every 30 seconds how far it is.
    """
    if photos and video:
        raise typer.BadParameter("--photos and --video say the same thing: give one of them")
    _check_output(output, overwrite)
    from export.learn import Lesson
    from export.learn import learn as learn_painting
    from training import devices
    from training.feed_forward import report

    devices.keep_freed_memory()
    device = devices.pick_device(encoder.device)
    lesson = Lesson(
        painting, output, photos, video, base, steps, encoder.vgg_weights, device,
        devices.pick_precision("auto", device), asdict(artwork),
    )  # fmt: skip
    shown = progress_shown(
        lambda now: Standing(now.step, now.steps, report.describe(now)),
        lambda now: print(report.describe(now), flush=True),
    )
    with shown as show:
        card = learn_painting(lesson, lambda line: print(line, flush=True), show, print)
    print(f"wrote {output}: style {card.name!r}, {card.network}, {output.stat().st_size / 1e6:.2f} MB")


def _check_output(output: Path, overwrite: bool) -> None:
    if output.suffix != ".onnx":
        raise OutputError(f"-o {output}: a name ending in .onnx was expected")
    if not output.absolute().parent.is_dir():
        raise OutputError(f"-o {output}: the folder {output.parent} does not exist; make it first")
    if output.exists() and not overwrite:
        raise OutputError(f"-o {output} is there already; give --overwrite to replace it")
