"""The command ``brushstream train``: options in, progress lines out. torch is imported when it runs."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.common.errors import OutputError
from pipeline.common.option_groups import flattened
from training.cli.options import EncoderOptions, LogFolder, RunOptions, SizeOptions, TrainingPrecision, named
from training.cli.progress import training_shown

if TYPE_CHECKING:
    from torch import Tensor

    from training.feed_forward.recipe import TrainingProgress, TrainingRecipe, TrainingRun


@dataclass(frozen=True)
class RecipeOptions(SizeOptions):
    """Settings of the recipe. None: the preset's."""

    content_weight: Annotated[float | None, typer.Option(min=0.0, help="Of the content term.")] = None
    style_weight: Annotated[
        float | None,
        typer.Option(min=0.0, help="Of the style term, fixed; with --content-goal, where the search begins."),
    ] = None
    content_goal: Annotated[
        float | None,
        typer.Option(min=0.05, max=1.0, help="How much of the photograph may go: 0 nothing, 1 all of it."),
    ] = None
    tv_weight: Annotated[float | None, typer.Option(min=0.0, help="Of total variation.")] = None
    temporal_weight: Annotated[
        float | None, typer.Option(min=0.0, help="Of stability in time, against flicker.")
    ] = None
    repetition_weight: Annotated[
        float | None, typer.Option(min=0.0, help="Against cells that repeat on plain ground.")
    ] = None
    content_layer: Annotated[
        str | None, typer.Option(help="Of VGG-19: relu4_2, relu4_2/2 (on half the size).")
    ] = None
    style_layers: Annotated[
        str | None, typer.Option(metavar="NAME[:W],...", help="relu1_1,relu3_1, or relu1_1:0.5,relu3_1:2.")
    ] = None
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps.")] = None
    learning_rate: Annotated[
        float | None, typer.Option("--lr", min=0.0, help="Learning rate after warm-up.")
    ] = None
    plain_share: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Share of flat pictures among the photographs.")
    ] = None


@dataclass(frozen=True)
class PhotoRunOptions(RunOptions):
    """With what the card says of the photographs."""

    photo_terms: Annotated[str, typer.Option(help="Licence or terms of the photographs.")] = ""


@dataclass(frozen=True)
class ArtworkOptions:
    """What the card says of the painting."""

    title: Annotated[str | None, typer.Option(help="Artwork's title, for the card.")] = None
    artist: Annotated[str | None, typer.Option(help="Artwork's artist.")] = None
    year: Annotated[int | None, typer.Option(help="Artwork's year.")] = None
    rights: Annotated[str | None, typer.Option(help="Artwork's rights.")] = None
    source: Annotated[str | None, typer.Option(help="Where the reproduction came from.")] = None


@flattened
def train(
    paintings: Annotated[
        list[Path],
        typer.Argument(metavar="STYLE.jpg...", help="The painting to learn; several share a network."),
    ],
    photos: Annotated[Path, typer.Option(help="Folder of content photographs, nested or not.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="NAME.safetensors", help="The trained network.")
    ],
    *,
    preset: Annotated[
        str, typer.Option(help="balanced, johnson-2016 or johnson-2016-vgg19; see docs/training.md.")
    ] = "balanced",
    settings: RecipeOptions,
    encoder: EncoderOptions,
    running: PhotoRunOptions,
    artwork: ArtworkOptions,
    photograph_row: Annotated[
        bool, typer.Option("--photograph", help="With several: a row more that leaves photographs alone.")
    ] = False,
    no_temporal: Annotated[
        bool, typer.Option("--no-temporal", help="Train without --temporal-weight.")
    ] = False,
    epochs: Annotated[
        float | None, typer.Option(min=0.0, help="Looks at every photograph, in place of --steps.")
    ] = None,
    precision: TrainingPrecision = "auto",
    log_dir: LogFolder = None,
) -> None:
    """Train a style network from a painting. What no option says comes from the preset.

    balanced starts from the weights of the bundled starry-night where it has the same network.

    Several paintings make one network that holds a row for each, `brushstream export` one style file of
    which `--style "NAME*0.6+OTHER*0.4"` mixes them.

    Writes NAME.safetensors for `brushstream export`, previews into NAME.previews/, and while it runs
    NAME.resume.safetensors: the same command goes on from there after Ctrl-C or a crash, and gives the
    same weights as a run that was never stopped. What the card says of the artwork is taken from the
    options, else from the entry of the painting's name in a styles.json beside it.
    """
    from training import devices
    from training.feed_forward import presets, report
    from training.feed_forward.data import find_photos, split_photos
    from training.feed_forward.recipe import TrainingRun

    devices.keep_freed_memory()
    device = devices.pick_device(encoder.device)
    given = {
        **asdict(settings),
        **presets.parsed_layers(settings.style_layers),
        "precision": devices.pick_precision(precision, device),
    }
    if no_temporal:
        given["temporal_weight"] = 0.0
    seen = len(split_photos(find_photos(photos))[0])
    chosen = named(presets.PRESETS, preset)
    recipe = presets.recipe_of(chosen, seen, given, epochs)
    told = asdict(artwork)
    if (several := len(paintings) > 1 or photograph_row) and any(told.values()):
        raise typer.BadParameter("--title, --artist, ... are of one painting; of several styles.json tells")
    recipe = replace(recipe, batch_size=settings.batch_size or 2) if several else recipe
    run = TrainingRun(
        painting=paintings[0],
        further_paintings=tuple(paintings[1:]),
        photograph_row=photograph_row,
        styles=report.styles_of(paintings, photograph_row) if several else (),
        photos=photos,
        output=output,
        vgg_weights=encoder.vgg_weights,
        device=device,
        artwork={} if several else report.artwork_of(paintings[0], told),
        **running.settings(recipe.network, chosen.starts_from_style),
    )
    _check_output(output)
    _run(recipe, run, log_dir)


def _run(recipe: "TrainingRecipe", run: "TrainingRun", log_dir: Path | None) -> None:
    from training.feed_forward import distributed, loop, report
    from training.losses.vgg_weights import source_of

    if not distributed.is_first_process():
        loop.train(recipe, run)
        return
    print(f"VGG-19: {source_of(run.vgg_weights)}", flush=True)
    print(
        f"training {recipe.network} {f'with {run.rows} rows ' if run.rows else ''}on {run.device} in "
        f"{recipe.precision}, {recipe.steps} steps",
        flush=True,
    )

    def preview(step: int, content: "Tensor", stylized: "Tensor") -> None:
        path = run.output.with_suffix(".previews") / f"step-{step:06d}.png"
        report.write_preview(path, content, *stylized.reshape(-1, *content.shape))

    def told(progress: "TrainingProgress") -> None:
        tell(progress, {"train": progress.terms, "held_out": progress.held_out or {}})

    with training_shown(run, report.describe, log_dir) as tell:
        loop.train(recipe, run, told, preview)
    print(f"wrote {run.output}; next: brushstream export {run.output}", flush=True)


def _check_output(output: Path) -> None:
    if output.suffix != ".safetensors":
        raise OutputError(f"-o {output}: a name ending in .safetensors was expected")
    if not output.absolute().parent.is_dir():
        raise OutputError(f"-o {output}: the folder {output.parent} does not exist; make it first")
