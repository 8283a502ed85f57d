"""The command ``brushstream gatys-study``: one study of Gatys' method a call."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipeline.common.adapters import require
from pipeline.common.option_groups import flattened
from training.cli.gatys import Preset, describe, feature_precision
from training.cli.options import (
    EncoderOptions,
    FeaturePrecision,
    named,
    numbers,
    stop_after_step,
    whole_numbers,
)
from training.cli.progress import trials_shown

if TYPE_CHECKING:
    from training.gatys.recipe import RenderRecipe
    from training.studies.options import StudyOptions
    from training.studies.runner import Outcome, Place

StudyName = Literal["seeds", "iterations", "ratio", "tv", "content-layers", "style-layers", "feed-forward"]


@flattened
def gatys_study(
    name: Annotated[StudyName, typer.Argument(metavar="NAME", help="The study; see above.")],
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="The photograph.")],
    style: Annotated[Path, typer.Argument(metavar="STYLE", help="The painting.")],
    encoder: EncoderOptions,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Gets NAME.png and NAME.csv.")
    ] = Path("gatys-studies"),
    preset: Preset = "shallow-pyramid",
    size: Annotated[int, typer.Option(metavar="PX", min=32, help="Longest side of the pictures.")] = 256,
    iterations: Annotated[
        str | None, typer.Option(metavar="N[,N...]", help="Steps after which pictures are shown: 10,30,100")
    ] = None,
    seeds: Annotated[str, typer.Option(help="Of the study seeds.")] = "0,1,2",
    ratios: Annotated[str, typer.Option(help="alpha/beta of the study ratio.")] = "0.1,0.03,0.01,0.003,0.001",
    gammas: Annotated[str, typer.Option(help="TV weights of the study tv.")] = "0,10,100",
    layers: Annotated[
        str | None, typer.Option(help="Of content-layers and style-layers: relu1_1,relu2_1")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Of the study feed-forward: NAME.safetensors of brushstream train.")
    ] = None,
    precision: FeaturePrecision = "auto",
) -> None:
    """Compare settings of `brushstream gatys`: a labelled contact sheet (PNG) and a table (CSV).

    seeds: random seed x iterations, from noise. iterations: what more steps do. ratio: content against
    style weight. tv: total variation weight, with the amplitude spectrum. content-layers, style-layers:
    what single layers hold, rebuilt from white noise. feed-forward: a trained network against the
    optimisation, loss and time. Ctrl-C stops; the same command goes on and redoes nothing.
    """
    require("the loss chart", "matplotlib", "train")
    from training import devices
    from training.gatys import recipe as recipes
    from training.losses.vgg_weights import source_of
    from training.studies.options import StudyOptions
    from training.studies.runner import Place

    devices.keep_freed_memory()
    print(f"VGG-19: {source_of(encoder.vgg_weights)}", flush=True)
    device = devices.pick_device(encoder.device)
    base = named(recipes.PRESETS, preset)
    base = recipes.changed(
        base, sizes=(size,), precision=feature_precision(precision, device, base.optimizer)
    )
    options = StudyOptions(
        marks=whole_numbers("--iterations", iterations) or (),
        seeds=whole_numbers("--seeds", seeds) or (),
        ratios=numbers("--ratios", ratios) or (),
        gammas=numbers("--gammas", gammas) or (),
        layers=tuple(layer.strip() for layer in layers.split(",")) if layers else (),
        vgg_weights=encoder.vgg_weights,
        checkpoint=checkpoint,
    )
    done = _run(name, base, (content, style), Place(output, encoder.vgg_weights, device), options)
    for note in done.notes:
        print(note)
    if not done.finished:
        print(f"stopped; the same command goes on from {output}")
        raise KeyboardInterrupt
    print(f"wrote {done.sheet} and {done.table}")


def _run(
    name: str, base: "RenderRecipe", paths: tuple[Path, Path], place: "Place", options: "StudyOptions"
) -> "Outcome":
    from training.gatys.render import Inputs
    from training.image_io import read_picture
    from training.studies import feed_forward, plans, runner

    content, style = (read_picture(p, role) for p, role in zip(paths, ("content", "style"), strict=True))
    inputs = Inputs(content.image, (style.image,))
    if name == feed_forward.NAME:
        with stop_after_step() as should_stop, trials_shown(1, describe) as show:
            return feed_forward.run_feed_forward_study(base, inputs, place, options, show, should_stop)
    study = plans.plan(name, base, options)
    with stop_after_step() as should_stop, trials_shown(len(study.trials), describe) as show:
        return runner.run_study(study, inputs, place, show, should_stop)
