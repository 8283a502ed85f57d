"""One still from files to a file: reads the pictures, keeps colours, renders, writes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pipeline.common.atomic_files import make_folder
from pipeline.common.errors import InputError
from training import image_io
from training.gatys import render
from training.gatys.recipe import RenderRecipe
from training.gatys.render import Inputs, Render, RenderRun, memory_needed
from training.gatys.step import DivergedError, RenderProgress
from training.image_io import Picture
from training.losses import color
from training.losses.encoder import VggEncoder


@dataclass(frozen=True)
class Job:
    """Where a still reads and writes; none of it shapes the picture.

    Attributes:
        styles: paintings, one or more. style_weights: one for each; empty counts all alike.
        init_file: the picture to start from under ``init="file"``.
        vgg_weights: VGG-19 as safetensors; None takes the set that is installed.
        bits: 8 or 16 a channel. force: do pictures and sizes over 8192 px too.
        snapshot_interval: steps between pictures in ``NAME.snapshots/``; 0: none.
    """

    content: Path
    styles: tuple[Path, ...]
    output: Path
    style_weights: tuple[float, ...] = ()
    init_file: Path | None = None
    vgg_weights: Path | None = None
    device: str = "cpu"
    bits: int = 8
    force: bool = False
    checkpoint_interval: int = 50
    snapshot_interval: int = 0

    @property
    def resume_file(self) -> Path:
        """Written while the render runs; the same command goes on from it."""
        return self.output.with_name(self.output.stem + ".resume.safetensors")

    @property
    def last_good_file(self) -> Path:
        """Where the last good picture of a render that blew up is kept."""
        return self.output.with_name(self.output.stem + ".last-good.png")

    def snapshot_file(self, step: int) -> Path:
        """Where the picture after ``step`` goes."""
        return self.output.with_suffix(".snapshots") / f"{step:06d}.png"


def render_still(
    recipe: RenderRecipe,
    job: Job,
    on_progress: Callable[[RenderProgress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Render:
    """Render ``job.content`` in the style of ``job.styles`` and write it to ``job.output``.

    A stopped render writes what it has and the state to go on from. The output carries the content's ICC
    profile, stands upright, and is in the content's own colour space.

    Raises:
        LayerMissingError: the weights lack a layer; before anything else is done.
        OutputError: the output cannot be written. InputError: a picture cannot be used, or is huge.
        DivergedError: a term blew up; ``job.last_good_file`` holds the last good picture.
        CheckpointError: the state to resume from is of another recipe.
    """
    encoder = open_encoder(recipe, job.vgg_weights, job.device)
    image_io.require_writable(job.output, job.bits)
    content = image_io.read_picture(job.content, "content", job.force)
    inputs = _inputs(recipe, job, content)
    require_sensible_render(recipe, inputs, job.force)

    def finish(image: Tensor) -> Tensor:
        return _with_own_colors(image, content.image) if recipe.original_colors else image

    def keep_snapshot(step: int, image: Tensor) -> None:
        path = job.snapshot_file(step)
        make_folder(path.parent, parents=True)
        image_io.write_picture(path, finish(image), 8, content.icc_profile)

    every = job.snapshot_interval
    snapshots_at = range(every, sum(recipe.iterations) + 1, every) if every else ()
    run = RenderRun(
        job.resume_file, job.checkpoint_interval, snapshots_at, keep_snapshot, on_progress, should_stop
    )
    try:
        done = render.render(recipe, inputs, encoder, run)
    except DivergedError as error:
        raise _with_last_good(error, job, finish, content) from error
    image_io.write_picture(job.output, finish(done.image), job.bits, content.icc_profile)
    return done


def open_encoder(recipe: RenderRecipe, vgg_weights: Path | None, device: str) -> VggEncoder:
    """The encoder the recipe needs, in its precision, on ``device``; LayerMissingError names what lacks."""
    layers = recipe.layers or ("relu1_1",)  # total variation alone looks at no layer
    encoder = VggEncoder(layers, vgg_weights, recipe.pooling == "average")
    dtype = torch.bfloat16 if recipe.precision == "bf16" else torch.float32
    return encoder.to(torch.device(device), dtype).to(memory_format=torch.channels_last)


def require_sensible_render(recipe: RenderRecipe, inputs: Inputs, force: bool) -> None:
    """Refuse a render too small for the encoder or too large for this machine's likes.

    Raises:
        InputError: a side under 32 px at any size (or under what the octaves need), or over 8192 px
            without ``force``; the memory it would need is said.
    """
    needed = max(image_io.SHORTEST_PX, 8 << (recipe.spec.octaves - 1))
    for side in recipe.sizes:
        height, width = image_io.fitted_size(inputs.content, side)
        _require_short_side("content", height, width, needed, side)
        for style in inputs.styles:
            style_side = render.style_side(recipe, height, width)
            _require_short_side("style", *image_io.fitted_size(style, style_side), needed, side)
        if max(height, width) > image_io.LONGEST_PX and not force:
            gigabytes = memory_needed(recipe, height, width) / 1e9
            raise InputError(
                f"a result of {width}x{height} is over {image_io.LONGEST_PX} px and needs about "
                f"{gigabytes:.0f} GB of memory: give a smaller --size, or --force"
            )


def _require_short_side(role: str, height: int, width: int, needed: int, size: int) -> None:
    if min(height, width) < needed:
        raise InputError(
            f"{role}: {width}x{height} at --size {size or 'of the content'} is too small; {needed} px on the "
            "short side are needed: give a larger --size, or fewer --octaves"
        )


def _inputs(recipe: RenderRecipe, job: Job, content: Picture) -> Inputs:
    styles = [image_io.read_picture(path, "style", job.force).image for path in job.styles]
    start = image_io.read_picture(job.init_file, "init", job.force).image if job.init_file else None
    seen = content.image
    if recipe.original_colors:
        seen = color.gray(seen)
        styles = [_in_gray_like(style, seen) for style in styles]
        start = None if start is None else color.gray(start)
    return Inputs(seen, tuple(styles), job.style_weights or (1.0,) * len(styles), start)


def _in_gray_like(style: Tensor, content: Tensor) -> Tensor:
    """The style's luma with the content's histogram, in three channels."""
    return color.match_histogram(color.luma(style), color.luma(content)).expand_as(style).contiguous()


def _with_own_colors(image: Tensor, content: Tensor) -> Tensor:
    return color.with_luma(image_io.resized(content, (image.shape[2], image.shape[3])), image)


def _with_last_good(
    error: DivergedError, job: Job, finish: Callable[[Tensor], Tensor], content: Picture
) -> DivergedError:
    """The error with the place of the last good picture, which is written."""
    if error.picture is None:
        kept = "there was no good picture before"
    else:
        image_io.write_picture(job.last_good_file, finish(error.picture), 8, content.icc_profile)
        kept = f"the last good picture is {job.last_good_file}"
    advice = "lower --lr or the weight of that term, or use --precision fp32"
    return DivergedError(f"{error}; {kept}. To go on, {advice}", error.step, error.picture)
