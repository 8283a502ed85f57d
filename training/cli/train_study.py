"""The command ``brushstream train-study``: short trainings over content and style weights."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.common.option_groups import flattened
from training.cli.options import EncoderOptions, SizeOptions, TrainingPrecision, named, numbers
from training.cli.progress import trials_shown


@flattened
def train_study(
    painting: Annotated[Path, typer.Argument(metavar="STYLE.jpg", help="The painting to learn.")],
    photos: Annotated[Path, typer.Option(help="Folder of content photographs, nested or not.")],
    settings: SizeOptions,
    encoder: EncoderOptions,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Gets train-study.png and .csv.")
    ] = Path("train-study"),
    content_weights: Annotated[str, typer.Option(metavar="W,W...", help="The rows.")] = "0.5,1,2",
    style_weights: Annotated[str, typer.Option(metavar="W,W...", help="The columns.")] = "4,40,400",
    preset: Annotated[
        str, typer.Option(help="Where all else comes from; see docs/training.md.")
    ] = "balanced",
    steps: Annotated[int, typer.Option(min=1, help="Optimizer steps of each training.")] = 400,
    photo: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What the sheet shows; else one set aside.")
    ] = None,
    precision: TrainingPrecision = "auto",
    workers: Annotated[int, typer.Option(min=1, help="Threads that read photographs.")] = 1,
) -> None:
    """Compare content and style weights: short trainings on one contact sheet (PNG), with a table (CSV).

    Every content weight is trained with every style weight, without search for the balance and without the
    temporal term. The weights mean what they mean to the preset. Ctrl-C stops; the same command goes on
    and redoes nothing.
    """
    from training import devices
    from training.feed_forward.presets import PRESETS, recipe_of
    from training.feed_forward.recipe import TrainingRun
    from training.feed_forward.report import describe
    from training.losses.vgg_weights import source_of
    from training.studies.train_grid import Grid, run_train_study

    devices.keep_freed_memory()
    print(f"VGG-19: {source_of(encoder.vgg_weights)}", flush=True)
    device = devices.pick_device(encoder.device)
    given = {**asdict(settings), "steps": steps, "precision": devices.pick_precision(precision, device)}
    recipe = recipe_of(named(PRESETS, preset), 0, given)
    grid = Grid(
        numbers("--content-weights", content_weights) or (), numbers("--style-weights", style_weights) or ()
    )
    run = TrainingRun(painting, photos, output, encoder.vgg_weights, device, workers)
    trials = len(grid.content_weights) * len(grid.style_weights)
    try:
        with trials_shown(trials, describe) as show:
            done = run_train_study(recipe, run, grid, photo, show)
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on from {output}", flush=True)
        raise
    print(f"wrote {done.sheet} and {done.table}")
