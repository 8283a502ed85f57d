"""The command ``brushstream train-cycle``: two folders in, two networks out; torch is imported late."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.common.errors import OutputError
from pipeline.common.option_groups import flattened
from training.cli.options import EncoderOptions, LogFolder, RunOptions, TrainingPrecision, named
from training.cli.progress import training_shown

if TYPE_CHECKING:
    from training.cycle.recipe import CycleProgress, CycleRecipe, CycleRun
    from training.cycle.report import Preview


@dataclass(frozen=True)
class CycleOptions:
    """Settings of the recipe. None: the preset's."""

    network: Annotated[
        str | None, typer.Option(help="hourglass, hourglass-change (adds to the picture), resnet-9, ...")
    ] = None
    adversarial: Annotated[str | None, typer.Option(help="least-squares or log.")] = None
    cycle_weight: Annotated[float | None, typer.Option(min=0.0, help="There and back again.")] = None
    identity_weight: Annotated[
        float | None, typer.Option(min=0.0, help="Pictures of the target side are left alone.")
    ] = None
    content_weight: Annotated[
        float | None, typer.Option(min=0.0, help="What VGG-19 sees of the source is kept.")
    ] = None
    temporal_weight: Annotated[float | None, typer.Option(min=0.0, help="Against flicker.")] = None
    guide_weight: Annotated[
        float | None, typer.Option(min=0.0, help="Of what the discriminators had learned alone.")
    ] = None
    shift_weight: Annotated[
        float | None, typer.Option(min=0.0, help="Features move as far as the folders' lie apart.")
    ] = None
    smoothness_weight: Annotated[
        float | None, typer.Option(min=0.0, help="Against clouds: changes where there is no edge.")
    ] = None
    discriminator_width: Annotated[
        int | None, typer.Option(min=1, help="Channels of the PatchGAN's first layer.")
    ] = None
    discriminator_steps: Annotated[
        int | None, typer.Option(min=0, help="First steps, of the discriminators alone.")
    ] = None
    history: Annotated[int | None, typer.Option(min=0, help="Generated pictures kept to judge.")] = None
    image_size: Annotated[int | None, typer.Option(min=32, help="Side of the crops, px.")] = None
    smallest_scale: Annotated[
        float | None, typer.Option(min=1.0, help="Pictures are at least so many crops large.")
    ] = None
    largest_scale: Annotated[
        float | None, typer.Option(min=1.0, help="Pictures are up to so many crops large.")
    ] = None
    batch_size: Annotated[int | None, typer.Option(min=1, help="Pictures of either side a step.")] = None
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps.")] = None
    learning_rate: Annotated[
        float | None, typer.Option("--lr", min=0.0, help="Of the generators, falling after half the steps.")
    ] = None
    discriminator_rate: Annotated[
        float | None, typer.Option("--discriminator-lr", min=0.0, help="Of the discriminators.")
    ] = None
    average: Annotated[
        float | None, typer.Option(min=0.0, max=0.9999, help="Of the saved running mean; 0: none.")
    ] = None
    seed: Annotated[int, typer.Option(min=0, help="Of first weights, crops and all that is drawn.")] = 0


@dataclass(frozen=True)
class CycleRunOptions(RunOptions):
    """With what the cards say of the pictures."""

    terms_a: Annotated[str, typer.Option(help="Licence or terms of the pictures in A_FOLDER.")] = ""
    terms_b: Annotated[str, typer.Option(help="Licence or terms of the pictures in B_FOLDER.")] = ""


@flattened
def train_cycle(
    folder_a: Annotated[Path, typer.Argument(metavar="A_FOLDER", help="Pictures of one kind.")],
    folder_b: Annotated[Path, typer.Argument(metavar="B_FOLDER", help="Pictures of the other kind.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="NAME", help="Of what is written.")],
    *,
    preset: Annotated[str, typer.Option(help="live, retouch or cyclegan-2017; see docs/cycle.md.")] = "live",
    settings: CycleOptions,
    encoder: EncoderOptions,
    running: CycleRunOptions,
    augmentation: Annotated[
        str | None, typer.Option(metavar="KIND,...", help="color, translation, cutout; none.")
    ] = None,
    discriminator_features: Annotated[
        str | None, typer.Option(metavar="LAYER,...", help="Of VGG-19, each with a head: relu4_1; none.")
    ] = None,
    epochs: Annotated[
        float | None, typer.Option(min=0.0, help="Looks at the larger folder, in place of --steps.")
    ] = None,
    precision: TrainingPrecision = "auto",
    log_dir: LogFolder = None,
) -> None:
    """Train two networks between two folders of pictures that show no pairs (CycleGAN).

    Writes NAME-a2b.safetensors, which makes pictures of A_FOLDER look like those of B_FOLDER, and
    NAME-b2a.safetensors, for `brushstream export`; sheets of previews into NAME.previews/; and while it runs
    NAME.resume.safetensors: the same command goes on from there after Ctrl-C or a crash, and gives the same
    weights as a run that was never stopped. One picture in ten, by its file's name, is set aside.
    """
    from training import devices
    from training.cycle import presets
    from training.cycle.data import two_sides
    from training.cycle.recipe import CycleRun

    _check_output(output)
    devices.keep_freed_memory()
    device = devices.pick_device(encoder.device)
    given = {**asdict(settings), "precision": devices.pick_precision(precision, device)}
    for setting, names in (
        ("augmentation", augmentation),
        ("discriminator_features", discriminator_features),
    ):
        if names is not None:
            given[setting] = tuple(name for name in names.split(",") if name != "none")
    chosen = named(presets.PRESETS, preset)
    plain_network = (settings.network or chosen.recipe.network).removesuffix("-change")
    run = CycleRun(
        folder_a,
        folder_b,
        output,
        vgg_weights=encoder.vgg_weights,
        device=device,
        **running.settings(plain_network, chosen.starts_from_style),
    )
    pictures = max(len(side.train) for side in two_sides(run))
    _run(presets.recipe_of(chosen, pictures, given, epochs), run, log_dir)


def _run(recipe: "CycleRecipe", run: "CycleRun", log_dir: Path | None) -> None:
    from training.cycle import loop, report
    from training.feed_forward import distributed
    from training.feed_forward.report import write_preview
    from training.losses.vgg_weights import source_of

    if not distributed.is_first_process():
        loop.train(recipe, run)
        return
    if recipe.encoder_layers:
        print(f"VGG-19: {source_of(run.vgg_weights)}", flush=True)
    print(f"training two {recipe.network} on {run.device} in {recipe.precision}, {recipe.steps} steps")

    def preview(step: int, shown: "list[Preview]") -> None:
        folder = run.output.with_name(run.output.name + ".previews")
        write_preview(folder / f"step-{step:06d}.png", *report.sheet_rows(shown))

    def told(progress: "CycleProgress") -> None:
        tell(progress, {"train": progress.terms})

    with training_shown(run, report.describe, log_dir) as tell:
        loop.train(recipe, run, told, preview)
    a2b, b2a = (run.checkpoint_of(direction) for direction in ("a2b", "b2a"))
    print(f"wrote {a2b} and {b2a}; next: brushstream export {a2b}", flush=True)


def _check_output(output: Path) -> None:
    if output.suffix in (".safetensors", ".onnx"):
        raise OutputError(
            f"-o {output}: a name without {output.suffix} was expected, which gets -a2b and -b2a"
        )
    if not output.absolute().parent.is_dir():
        raise OutputError(f"-o {output}: the folder {output.parent} does not exist; make it first")
