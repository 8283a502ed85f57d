"""Gatys' method: one picture is optimised against VGG-19 features. One loop to read top to bottom."""

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.common.errors import TrainingError
from training import image_io
from training.gatys import state as states
from training.gatys.recipe import RenderRecipe
from training.gatys.state import State
from training.gatys.step import Clock, Evaluation, RenderProgress
from training.losses.encoder import VggEncoder
from training.losses.objective import Objective
from training.losses.vgg_weights import layer_indices

LINE_SEARCH_EVALUATIONS = 12
NOISE_DEVIATION = 0.02
"""Of white noise round middle grey. VGG-19 hardly sees the finest frequencies, so what noise holds of them
stays in the picture: noise over the whole range leaves a checkerboard. (Gatys et al.'s own code: 0.004.)"""
CHANNELS = (64, 128, 256, 512, 512)  # of VGG-19's five blocks


@dataclass(frozen=True)
class Inputs:
    """What a render is made from: pictures (1, 3, H, W), RGB in [0, 1], float32, of any size.

    Attributes:
        style_weights: one for each style; only their proportions count.
        start: the picture to start from under ``init="file"``.
    """

    content: Tensor
    styles: tuple[Tensor, ...]
    style_weights: tuple[float, ...] = (1.0,)
    start: Tensor | None = None


@dataclass(frozen=True)
class RenderRun:
    """What a render reports and keeps; none of it shapes the picture.

    Attributes:
        resume_file: written every ``checkpoint_interval`` steps and on a stop, read at the start where it
            exists, removed at the end.
        snapshots_at: steps after which ``on_snapshot`` gets (step, image (1, 3, H, W) in [0, 1]).
        should_stop: asked after every step; a stopped render is returned unfinished.
    """

    resume_file: Path | None = None
    checkpoint_interval: int = 50
    snapshots_at: Container[int] = ()
    on_snapshot: Callable[[int, Tensor], None] = lambda step, image: None
    on_progress: Callable[[RenderProgress], None] = lambda progress: None
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Render:
    """The result.

    Attributes:
        image: (1, 3, H, W), RGB in [0, 1], float32, on the CPU.
        history: one row for each number of steps taken, from 0: ``step``, ``size_px``, ``seconds`` and the
            unweighted terms ``content``, ``style``, ``tv`` and their weighted ``total``.
        finished: False when it was stopped.
    """

    image: Tensor
    history: list[dict[str, float]]
    seconds: float
    finished: bool


def render(recipe: RenderRecipe, inputs: Inputs, encoder: VggEncoder, run: RenderRun | None = None) -> Render:
    """Optimise a picture; goes on from ``run.resume_file`` where there is one.

    In float32 on a CPU the same recipe, inputs and number of threads give the same picture bit for bit,
    interrupted or not. Departures from Gatys et al. 2016: under Adam the picture is clipped to its range
    after every step; L-BFGS does a strong Wolfe line search (and is clipped only at the end).

    Args:
        encoder: opened with ``recipe.layers``, in the recipe's precision, on the device to compute on.

    Raises:
        DivergedError: a term is no longer a number; it holds the last good picture.
        TrainingError: sizes, octaves or ``init`` do not fit the pictures.
        CheckpointError, OutputError: see ``training.gatys.state``.
    """
    run = run or RenderRun()
    device = encoder.mean.device
    state = _start(recipe, inputs, encoder, run)
    history, done = list(state.history), sum(recipe.iterations[: state.stage]) + state.iteration
    clock = Clock(recipe, inputs.content, state.seconds, done)

    for stage in range(state.stage, len(recipe.sizes)):
        content = image_io.fit(inputs.content, recipe.sizes[stage]).to(device)
        side = style_side(recipe, *content.shape[2:])
        styles = [image_io.fit(style, side).to(device) for style in inputs.styles]
        objective = Objective(recipe.spec, encoder, styles, _shares(inputs), content)
        pixels = nn.Parameter(_brought_to(state.pixels, content, recipe).to(device))
        optimizer = _optimizer(recipe, pixels)
        states.restore_optimizer(optimizer, state.tensors, state.scalars)
        evaluation = Evaluation(objective, pixels, recipe)

        for iteration in range(state.iteration + 1, recipe.iterations[stage] + 1):
            before_s = clock.seconds
            terms = evaluation.step(optimizer, done)
            history.append(_row(done, content, before_s, terms))
            if recipe.optimizer == "adam":
                pixels.data.clamp_(0.0, recipe.pixel_range)
            done += 1
            run.on_progress(clock.progress(done, stage, terms))
            if done in run.snapshots_at:
                run.on_snapshot(done, _image(pixels, recipe))
            stop = run.should_stop()
            if run.resume_file and (stop or done % run.checkpoint_interval == 0):
                state = replace(state, pixels=pixels.detach(), stage=stage, iteration=iteration)
                _save(run.resume_file, state, optimizer, history, clock)
            if stop:
                return Render(_image(pixels, recipe), history, clock.seconds, finished=False)
        state = State(state.recipe, pixels.detach(), stage + 1)

    history.append(_row(done, content, clock.seconds, evaluation.terms(done)))
    if run.resume_file:
        run.resume_file.unlink(missing_ok=True)
    return Render(_image(pixels, recipe), history, clock.seconds, finished=True)


def _start(recipe: RenderRecipe, inputs: Inputs, encoder: VggEncoder, run: RenderRun) -> State:
    """Where to begin: an unfinished render's state, or the picture that ``recipe.init`` names."""
    digests = states.digest(
        [inputs.content, *inputs.styles, *([] if inputs.start is None else [inputs.start])]
    )
    about = {
        **recipe.to_dict(),
        "pictures": digests,
        "style_weights": list(inputs.style_weights),
        "encoder": states.digest(encoder.body.parameters()),
    }
    if run.resume_file and run.resume_file.exists():
        return states.load(run.resume_file, about)
    first = _first_picture(recipe, inputs, image_io.fit(inputs.content, recipe.sizes[0]))
    return State(about, first * recipe.pixel_range)


def _first_picture(recipe: RenderRecipe, inputs: Inputs, content: Tensor) -> Tensor:
    if recipe.init == "content":
        return content.clone()
    if recipe.init == "noise":
        generator = torch.Generator().manual_seed(recipe.seed)
        return 0.5 + NOISE_DEVIATION * torch.randn(content.shape, generator=generator)
    start = inputs.styles[0] if recipe.init == "style" else inputs.start
    if start is None:
        raise TrainingError("init file: a picture to start from was expected, none was given")
    return image_io.resized(start, (content.shape[2], content.shape[3]))


def _brought_to(pixels: Tensor, content: Tensor, recipe: RenderRecipe) -> Tensor:
    """``pixels`` at the size of ``content``; untouched where they have it, since scaling back would round."""
    if pixels.shape == content.shape:
        return pixels.clone()
    scaled = image_io.resized(pixels / recipe.pixel_range, (content.shape[2], content.shape[3]))
    return scaled * recipe.pixel_range


def style_side(recipe: RenderRecipe, height: int, width: int) -> int:
    """Longest side the style is brought to for a result of that size, px."""
    return max(1, round(recipe.style_scale * max(height, width)))


def _shares(inputs: Inputs) -> list[float]:
    weights, total = inputs.style_weights, sum(inputs.style_weights)
    if len(weights) != len(inputs.styles) or min(weights, default=0) < 0 or not total > 0:
        raise TrainingError(
            f"style weights {weights}: one of at least 0 for each of {len(inputs.styles)} styles, not all 0, "
            "was expected"
        )
    return [weight / total for weight in weights]


def _optimizer(recipe: RenderRecipe, pixels: nn.Parameter) -> torch.optim.Optimizer:
    if recipe.optimizer == "adam":
        return torch.optim.Adam([pixels], recipe.learning_rate)
    return torch.optim.LBFGS(
        [pixels],
        recipe.learning_rate,
        max_iter=1,
        max_eval=LINE_SEARCH_EVALUATIONS,
        tolerance_grad=0.0,
        tolerance_change=0.0,
        history_size=recipe.lbfgs_history,
        line_search_fn="strong_wolfe",
    )


def _row(step: int, content: Tensor, seconds: float, terms: dict[str, float]) -> dict[str, float]:
    return {"step": step, "size_px": max(content.shape[2:]), "seconds": seconds, **terms}


def _image(pixels: Tensor, recipe: RenderRecipe) -> Tensor:
    return (pixels.detach() / recipe.pixel_range).clamp(0.0, 1.0).cpu()


def _save(
    path: Path,
    state: State,
    optimizer: torch.optim.Optimizer,
    history: list[dict[str, float]],
    clock: Clock,
) -> None:
    tensors, scalars = states.optimizer_state(optimizer)
    kept = replace(state, tensors=tensors, scalars=scalars, history=history, seconds=clock.seconds)
    states.save(path, kept)


def memory_needed(recipe: RenderRecipe, height: int, width: int) -> int:
    """Bytes a render of that size takes at its peak: an estimate from the sizes of its maps, not measured.

    Every feature map down to the deepest layer is held for the backward pass, once as value and for the
    two largest as gradient; the pyramid adds a third; L-BFGS keeps two pictures a pair.
    """
    deepest = max((layer_indices()[name] for name in recipe.layers), default=0)
    names = [name for name, index in layer_indices().items() if index <= deepest and name[0] != "p"]
    blocks = [int(name[4]) - 1 for name in names if name.startswith("conv")]
    maps = sum(CHANNELS[block] / 4**block for block in blocks) + 2 * CHANNELS[0]
    bytes_each = 2 if recipe.precision == "bf16" else 4
    pyramid = sum(0.25**octave for octave in range(recipe.octaves))
    vectors = 2 * recipe.lbfgs_history + 8 if recipe.optimizer == "lbfgs" else 8
    total: float = height * width * (maps * pyramid * bytes_each + vectors * 3 * 4)
    return round(total)
