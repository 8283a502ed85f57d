"""The command ``brushstream train-study``: short trainings over content and style weights."""

from pathlib import Path
from typing import Annotated

import typer

from training.cli.gatys import Device, VggWeights, numbers
from training.cli.gatys_study import study_progress
from training.cli.train import describe, keep_freed_memory, pick_device, pick_precision


def train_study(
    painting: Annotated[Path, typer.Argument(metavar="STYLE.jpg", help="The painting to learn.")],
    photos: Annotated[Path, typer.Option(help="Folder of content photographs, nested or not.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Gets train-study.png and .csv.")
    ] = Path("train-study"),
    content_weights: Annotated[str, typer.Option(metavar="W,W...", help="The rows.")] = "0.5,1,2",
    style_weights: Annotated[str, typer.Option(metavar="W,W...", help="The columns.")] = "4,40,400",
    preset: Annotated[
        str, typer.Option(help="Where all else comes from; see docs/training.md.")
    ] = "balanced",
    steps: Annotated[int, typer.Option(min=1, help="Optimizer steps of each training.")] = 400,
    network: Annotated[str | None, typer.Option(help="Else the preset's.")] = None,
    brush_size: Annotated[int | None, typer.Option(min=64, help="Longest side of the painting, px.")] = None,
    image_size: Annotated[int | None, typer.Option(min=64, help="Side of the content crops, px.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    photo: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What the sheet shows; else one set aside.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    precision: Annotated[str, typer.Option(help="auto, bf16, fp16 or fp32.")] = "auto",
    device: Device = "auto",
    vgg_weights: VggWeights = None,
    workers: Annotated[int, typer.Option(min=1, help="Threads that read photographs.")] = 1,
) -> None:
    """Compare content and style weights: short trainings on one contact sheet (PNG), with a table (CSV).

    Every content weight is trained with every style weight, without search for the balance and without the
    temporal term. The weights mean what they mean to the preset. Ctrl-C stops; the same command goes on
    and redoes nothing.
    """
    keep_freed_memory()
    from training.feed_forward.presets import preset as preset_of
    from training.feed_forward.presets import recipe_of
    from training.feed_forward.recipe import Run
    from training.studies.train_grid import Grid, run_train_study

    chosen = pick_device(device)
    given = {
        "network": network,
        "style_size": brush_size,
        "image_size": image_size,
        "batch_size": batch_size,
        "steps": steps,
        "precision": pick_precision(precision, chosen),
        "seed": seed,
    }
    recipe = recipe_of(preset_of(preset), 0, given)
    grid = Grid(
        numbers("--content-weights", content_weights) or (), numbers("--style-weights", style_weights) or ()
    )
    run = Run(painting, photos, output, vgg_weights, chosen, workers)
    trials = len(grid.content_weights) * len(grid.style_weights)
    try:
        with study_progress(trials, describe) as show:
            done = run_train_study(recipe, run, grid, photo, show)
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on from {output}", flush=True)
        raise
    print(f"wrote {done.sheet} and {done.table}")
