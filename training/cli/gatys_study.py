"""The command ``brushstream gatys-study``: one study of Gatys' method a call."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from training.cli.gatys import (
    Device,
    PrecisionOf,
    Preset,
    VggWeights,
    describe,
    feature_precision,
    numbers,
    stop_on_interrupt,
    whole_numbers,
)
from training.cli.train import keep_freed_memory, pick_device

if TYPE_CHECKING:
    from training.gatys.recipe import Recipe
    from training.studies.options import StudyOptions
    from training.studies.runner import Outcome, Place

StudyName = Literal["seeds", "iterations", "ratio", "tv", "content-layers", "style-layers", "feed-forward"]


def gatys_study(
    name: Annotated[StudyName, typer.Argument(metavar="NAME", help="The study; see below.")],
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="The photograph.")],
    style: Annotated[Path, typer.Argument(metavar="STYLE", help="The painting.")],
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
    precision: PrecisionOf = "auto",
    device: Device = "auto",
    vgg_weights: VggWeights = None,
) -> None:
    """Compare settings of `brushstream gatys`: a labelled contact sheet (PNG) and a table (CSV).

    seeds: random seed x iterations, from noise. iterations: what more steps do. ratio: content against
    style weight. tv: total variation weight, with the amplitude spectrum. content-layers, style-layers:
    what single layers hold, rebuilt from white noise. feed-forward: a trained network against the
    optimisation, loss and time. Ctrl-C stops; the same command goes on and redoes nothing.
    """
    keep_freed_memory()
    from training.gatys import recipe as recipes
    from training.studies.options import StudyOptions
    from training.studies.runner import Place

    chosen = pick_device(device)
    base = recipes.preset(preset)
    base = recipes.changed(
        base, sizes=(size,), precision=feature_precision(precision, chosen, base.optimizer)
    )
    options = StudyOptions(
        marks=whole_numbers("--iterations", iterations) or (),
        seeds=whole_numbers("--seeds", seeds) or (),
        ratios=numbers("--ratios", ratios) or (),
        gammas=numbers("--gammas", gammas) or (),
        layers=tuple(layer.strip() for layer in layers.split(",")) if layers else (),
        vgg_weights=vgg_weights,
        checkpoint=checkpoint,
    )
    done = _run(name, base, (content, style), Place(output, vgg_weights, chosen), options)
    for note in done.notes:
        print(note)
    if not done.finished:
        print(f"stopped; the same command goes on from {output}")
        raise KeyboardInterrupt
    print(f"wrote {done.sheet} and {done.table}")


def _run(
    name: str, base: "Recipe", paths: tuple[Path, Path], place: "Place", options: "StudyOptions"
) -> "Outcome":
    from training.gatys.render import Inputs
    from training.image_io import read_picture
    from training.studies import feed_forward, plans, runner

    content, style = (read_picture(p, role) for p, role in zip(paths, ("content", "style"), strict=True))
    inputs = Inputs(content.image, (style.image,))
    if name == feed_forward.NAME:
        with stop_on_interrupt() as should_stop, study_progress(1) as show:
            return feed_forward.run_feed_forward_study(base, inputs, place, options, show, should_stop)
    study = plans.plan(name, base, options)
    with stop_on_interrupt() as should_stop, study_progress(len(study.trials)) as show:
        return runner.run_study(study, inputs, place, show, should_stop)


@contextlib.contextmanager
def study_progress(
    trials: int, describe: Callable[[Any], str] = describe
) -> Iterator[Callable[[str, Any], None]]:
    """A function that shows progress: a bar a trial on a terminal, a line at a trial's end elsewhere.

    Args:
        describe: what a line says of a progress, which has ``step`` and ``steps``.
    """
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn
    from rich.progress import Progress as Bar

    console = Console()
    tasks: dict[str, TaskID] = {}
    if not console.is_terminal:

        def tell(label: str, progress: Any) -> None:
            if progress.step == progress.steps:
                print(f"{label}: {describe(progress)}", flush=True)

        yield tell
        return
    with Bar(TextColumn("{task.fields[label]}"), BarColumn(), TextColumn("{task.description}")) as bar:

        def show(label: str, progress: Any) -> None:
            if label not in tasks:
                numbered = f"{len(tasks) + 1}/{trials} {label}"
                tasks[label] = bar.add_task("", total=progress.steps, label=numbered)
            bar.update(tasks[label], completed=progress.step, description=describe(progress))

        yield show
