"""The command ``brushstream gatys``: options in, progress and result out. torch is imported when it runs."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.common.errors import OutputError
from pipeline.common.option_groups import flattened
from pipeline.common.progress import Standing, progress_shown, time_left
from training.cli.options import (
    EncoderOptions,
    FeaturePrecision,
    named,
    numbers,
    stop_after_step,
    whole_numbers,
)

if TYPE_CHECKING:
    from training.gatys.job import Job
    from training.gatys.recipe import RenderRecipe
    from training.gatys.render import Render
    from training.gatys.step import RenderProgress

LINE_EVERY = 25
SIZES_HELP = "Longest side of the result, px; coarse to fine: 256,512. 0: the content's own."

Preset = Annotated[
    str,
    typer.Option(help="gatys-2016, adam-content-start, multi-content or shallow-pyramid; see docs/gatys.md."),
]


@dataclass(frozen=True)
class RecipeOptions:
    """Settings of the recipe, as they are typed. None: the preset's."""

    sizes: Annotated[str | None, typer.Option("--size", metavar="PX[,PX...]", help=SIZES_HELP)] = None
    iterations: Annotated[
        str | None,
        typer.Option(metavar="N[,N...]", help="Optimizer steps: one number, or one for each size."),
    ] = None
    content_weight: Annotated[
        float | None, typer.Option("--content-weight", "--alpha", min=0.0, help="Of the content term.")
    ] = None
    style_weight: Annotated[
        float | None, typer.Option("--style-weight", "--beta", min=0.0, help="Of the style term.")
    ] = None
    tv_weight: Annotated[
        float | None, typer.Option("--tv-weight", "--gamma", min=0.0, help="Of the total variation.")
    ] = None
    tv_form: Annotated[str | None, typer.Option(help="l1-sum, squared-sum, l1-mean or squared-mean.")] = None
    content_layers: Annotated[
        str | None, typer.Option(metavar="NAME[:W],...", help="Of VGG-19: relu4_2, or relu3_1:0.5,relu4_2:1.")
    ] = None
    style_layers: Annotated[
        str | None, typer.Option(metavar="NAME[:W],...", help="relu1_1,relu3_1: all count alike.")
    ] = None
    normalization: Annotated[
        str | None,
        typer.Option(help="What a weight means: gatys, johnson, mean, relative; see docs/gatys.md."),
    ] = None
    statistic: Annotated[str | None, typer.Option(help="gram, covariance or wasserstein.")] = None
    style_scale: Annotated[
        float | None, typer.Option(help="Style's side over the result's: above 1 for larger strokes.")
    ] = None
    octaves: Annotated[int | None, typer.Option(min=1, help="Pyramid levels of the style term.")] = None
    pooling: Annotated[str | None, typer.Option(help="average or max.")] = None
    optimizer: Annotated[str | None, typer.Option(help="lbfgs or adam.")] = None
    learning_rate: Annotated[
        float | None, typer.Option("--lr", help="Adam's, in the units of --pixel-range.")
    ] = None
    pixel_range: Annotated[
        float | None, typer.Option(min=1.0, help="Optimise numbers from 0 to 1, or to 255.")
    ] = None
    init: Annotated[
        str | None, typer.Option(help="Start from content, noise, style, or a picture's path.")
    ] = None
    seed: Annotated[int, typer.Option(min=0, help="Of the noise.")] = 0
    original_colors: Annotated[
        bool, typer.Option("--original-colors", help="Keep the photograph's colours: luma alone is painted.")
    ] = False


@dataclass(frozen=True)
class JobOptions:
    """How a render runs, whatever its recipe."""

    bits: Annotated[int, typer.Option(help="Bits a channel of OUT: 8, or 16 in PNG and TIFF.")] = 8
    snapshot_interval: Annotated[
        int, typer.Option(min=0, help="Steps between pictures in OUT.snapshots/; 0: none.")
    ] = 0
    checkpoint_interval: Annotated[int, typer.Option(min=1, help="Steps between states to resume.")] = 50
    force: Annotated[bool, typer.Option("--force", help="Do pictures over 8192 px too.")] = False


@flattened
def gatys(
    content: Annotated[Path, typer.Argument(metavar="CONTENT", help="The photograph.")],
    styles: Annotated[list[Path], typer.Argument(metavar="STYLE...", help="The painting, or several.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help=".png, .tif or .jpg.")],
    *,
    preset: Preset = "gatys-2016",
    settings: RecipeOptions,
    encoder: EncoderOptions,
    running: JobOptions,
    style_weights: Annotated[
        str | None, typer.Option(metavar="W,W...", help="One for each STYLE; only proportions count.")
    ] = None,
    precision: FeaturePrecision = "auto",
    log: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write the terms of every step.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", "-y", help="Replace OUT.")] = False,
) -> None:
    """Paint one photograph in the style of one or more paintings, by optimising the picture itself.

    Minimises content-weight * content + style-weight * style + tv-weight * tv, seen through VGG-19 (Gatys
    et al. 2016). What is not given comes from the preset. Ctrl-C ends after the step; the same command
    then goes on from OUT.resume.safetensors and ends with the very same picture.
    """
    from training import devices
    from training.gatys import recipe as recipes
    from training.gatys.job import Job
    from training.losses.layer_weights import parse_layers

    devices.keep_freed_memory()
    base = named(recipes.PRESETS, preset)
    device = devices.pick_device(encoder.device)
    start, init_file = _start(settings.init)
    typed = {
        "sizes": whole_numbers("--size", settings.sizes),
        "iterations": whole_numbers("--iterations", settings.iterations),
        "content_layers": settings.content_layers and parse_layers(settings.content_layers),
        "style_layers": settings.style_layers and parse_layers(settings.style_layers),
        "init": start,
        "precision": feature_precision(precision, device, settings.optimizer or base.optimizer),
    }
    recipe = recipes.changed(base, **{**asdict(settings), **typed})
    job = Job(
        content=content,
        styles=tuple(styles),
        output=output,
        style_weights=numbers("--style-weights", style_weights) or (),
        init_file=init_file,
        vgg_weights=encoder.vgg_weights,
        device=device,
        **asdict(running),
    )
    _require_free(job, overwrite)
    _run(recipe, job, log)


def _run(recipe: "RenderRecipe", job: "Job", log: Path | None) -> None:
    from pipeline.common.reports import write_table
    from training.gatys.job import render_still
    from training.losses.vgg_weights import source_of

    print(f"VGG-19: {source_of(job.vgg_weights)}", flush=True)
    print(f"{recipe.name} on {job.device}, features in {recipe.precision}", flush=True)
    if job.resume_file.exists():
        print(f"going on from {job.resume_file}", flush=True)
    with stop_after_step() as should_stop, progress_shown(_standing, _tell_some) as show:
        done = render_still(recipe, job, show, should_stop)
    if log is not None:
        write_table(log, done.history)
    if not done.finished:
        print(f"stopped; {job.output} is what there was, the same command goes on from {job.resume_file}")
        raise KeyboardInterrupt
    print(f"wrote {job.output}: {summary(done)}", flush=True)


def summary(done: "Render") -> str:
    """Steps, seconds and the terms before and after, one line."""
    first, last = done.history[0], done.history[-1]
    terms = ", ".join(
        f"{name} {first[name]:.4g} -> {last[name]:.4g}" for name in ("content", "style", "total")
    )
    return f"{last['step']:.0f} steps in {done.seconds:.1f} s; {terms}"


def describe(progress: "RenderProgress") -> str:
    """One line: step, size, terms, pace and time to go."""
    terms = ", ".join(f"{name} {value:.4g}" for name, value in progress.terms.items())
    return (
        f"step {progress.step}/{progress.steps} at {progress.size_px} px, {terms}, "
        f"{progress.seconds_per_step:.2f} s/step, {time_left(progress.eta_s)}"
    )


def _standing(progress: "RenderProgress") -> Standing:
    return Standing(progress.step, progress.steps, describe(progress))


def _tell_some(progress: "RenderProgress") -> None:
    if progress.step % LINE_EVERY == 0 or progress.step == progress.steps:
        print(describe(progress), flush=True)


def feature_precision(requested: str, device: str, optimizer: str) -> str:
    """``fp32`` or ``bf16``; ``auto`` is bf16 where the device has it and the optimizer bears it.

    L-BFGS's line search compares losses that differ by less than bfloat16 resolves.
    """
    from training.devices import pick_precision

    if requested != "auto":
        return requested
    return "bf16" if optimizer == "adam" and pick_precision("auto", device) == "bf16" else "fp32"


def _start(init: str | None) -> tuple[str | None, Path | None]:
    """(the recipe's ``init``, the file to start from)."""
    if init is None or init in ("content", "noise", "style"):
        return init, None
    return "file", Path(init)


def _require_free(job: "Job", overwrite: bool) -> None:
    if job.output.exists() and not overwrite and not job.resume_file.exists():
        raise OutputError(f"-o {job.output} exists; give another name, or --overwrite to replace it")
    if job.bits not in (8, 16):
        raise OutputError(f"--bits {job.bits}: 8 or 16 was expected")
