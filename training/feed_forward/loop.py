"""Training of a feed-forward style network (Johnson et al. 2016): one loop to read top to bottom."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.common.errors import TrainingError
from training import checkpoint as checkpoints
from training import networks
from training.checkpoint import Checkpoint, weights_of
from training.feed_forward import temporal
from training.feed_forward.artefacts import warnings_for
from training.feed_forward.balance import Balances
from training.feed_forward.data import PhotoSamples, batches, find_photos, read_painting, split_photos
from training.feed_forward.distributed import Ranks, joined
from training.feed_forward.many_styles import Judge, SamePicture, row_shares, rows_of_step
from training.feed_forward.meter import Due, Meter, stop_if_not_finite
from training.feed_forward.optimizer import Optimizer
from training.feed_forward.plain_ground import repetition_on_ground, with_plain_ground
from training.feed_forward.recipe import TrainingProgress, TrainingRecipe, TrainingRun
from training.feed_forward.start import starting_state
from training.feed_forward.validation import autocast, held_out_batch, validate, with_every_row
from training.losses.encoder import VggEncoder
from training.losses.objective import Objective, weighted_sum
from training.networks.rows import is_table

OnProgress = Callable[[TrainingProgress], None]
OnPreview = Callable[[int, Tensor, Tensor], None]


def learning_rate_factor(step: int, warmup_steps: int, steps: int) -> float:
    """Linear warm-up to 1, then a half cosine to 0.02 at the last step."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = min(1.0, (step - warmup_steps) / max(1, steps - warmup_steps))
    return 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * progress))


def learning_rate_of(recipe: TrainingRecipe, step: int) -> float:
    """The optimizer's learning rate at ``step``."""
    if recipe.decay == "none" and step >= recipe.warmup_steps:
        return recipe.learning_rate
    return recipe.learning_rate * learning_rate_factor(step, recipe.warmup_steps, recipe.steps)


def step_generator(step: int, seed: int) -> torch.Generator:
    """The random numbers of one step: the same after a resume as in a run that was never stopped."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


def shift(step: int, seed: int, largest_px: int = 3) -> tuple[int, int]:
    """By how many px (down, across) step ``step`` moves its pictures before the encoder sees them.

    A pixel shuffle can hide a grid that is in phase with the encoder's pooling; it cannot once the
    phase is random.
    """
    down, across = torch.randint(0, largest_px + 1, (2,), generator=step_generator(step, seed)).tolist()
    return down, across


def train(
    recipe: TrainingRecipe,
    run: TrainingRun,
    on_progress: OnProgress | None = None,
    on_preview: OnPreview | None = None,
) -> Checkpoint:
    """Train one network for one painting; resumes where ``run.resume_file`` left off.

    The same recipe, seed and machine give the same weights whether interrupted or not. Under torchrun
    every process calls this, and all train together (``distributed``); the first alone writes and
    tells.

    Args:
        on_progress: called every ``run.report_interval`` steps and at the end.
        on_preview: called with (step, content, stylized), both (N, 3, H, W) in [0, 1], of held-out photos.

    Returns:
        The final checkpoint, also written to ``run.output``.

    Raises:
        TrainingError: the run diverged (which term, at which step), or the recipe names what is not there.
        InputError, CheckpointError, OutputError: see ``pipeline.common.errors``.
        KeyboardInterrupt: passed on after a checkpoint to resume from was written.
    """
    with joined(run.device) as ranks:
        if ranks.is_first:
            return _train(recipe, run, ranks, on_progress, on_preview)
        return _train(recipe, run, ranks, None, None)


def _train(
    recipe: TrainingRecipe,
    run: TrainingRun,
    ranks: Ranks,
    on_progress: OnProgress | None,
    on_preview: OnPreview | None,
) -> Checkpoint:
    torch.manual_seed(recipe.seed)
    device, share = ranks.device, ranks.share(recipe.batch_size)
    train_photos, held_out_photos = split_photos(find_photos(run.photos))
    judges = _judges(recipe, run, ranks)
    network = networks.build(recipe.network, run.rows).to(device).to(memory_format=torch.channels_last)
    for name, weight in network.named_parameters():
        weight.requires_grad_(recipe.trained == "all" or is_table(name))
    optimizer = Optimizer(network, recipe.optimizer, recipe.learning_rate, recipe.precision == "fp16")
    state = starting_state(recipe, run, network, optimizer)
    samples = PhotoSamples(
        train_photos, recipe.image_size, recipe.seed, recipe.plain_share, recipe.largest_scale,
        different=recipe.repeat_after * recipe.batch_size,
    )  # fmt: skip
    held_out = held_out_batch(held_out_photos).to(device)
    about = replace(state, training_data=_describe_photos(run, train_photos))
    balances = Balances(recipe.style_weight, recipe.content_goal, recipe.steps, len(judges))
    balances.restore(state.balance)
    meter, history, step = Meter(), list(state.history), state.step
    previews = Due(run.preview_interval, run.preview_interval_s)
    last = min(recipe.steps, run.stop_after or recipe.steps)
    together = ranks.together(network)

    def now() -> Checkpoint:
        return replace(
            about, network=weights_of(network), step=step, history=history, balance=balances.state()
        )

    try:
        for content in batches(samples, recipe.batch_size, step, last, run.workers, share):
            optimizer.set_learning_rate(learning_rate_of(recipe, step))
            seen = _terms(together, judges, content, ranks, recipe, step)
            weights = [_weights_at(recipe, balances[row].style_weight, step) for row, _ in seen]
            loss = torch.stack([weighted_sum(t, w) for (_, t), w in zip(seen, weights, strict=True)]).mean()
            optimizer.step(loss, recipe.clip_norm)
            if recipe.content_goal is not None:
                for row, terms in seen:
                    balances[row].update(step, float(ranks.pooled(terms["content"].detach())))
            step += 1
            meter.add({name: ranks.pooled(value) for name, value in _means(seen, loss).items()})
            if step % run.report_interval == 0 or step == last:
                means = {**meter.means(), "style_weight": balances.style_weight}
                _stop_if_diverged(means, step, recipe.normalization)
                validated: dict[str, float] | None = None
                warnings: tuple[str, ...] = ()
                if step % run.held_out_interval == 0 or step == recipe.steps:
                    painted, validated = validate(
                        network, held_out, recipe, judges[: len(run.paintings)], run.rows
                    )
                    warnings = warnings_for(held_out, painted)
                history.append({"step": step, **means, **_prefixed(validated)})
                if on_progress:
                    pace = meter.seconds_per_step()
                    on_progress(
                        TrainingProgress(step, recipe.steps, means, validated, pace, samples.broken, warnings)
                    )
            if on_preview and previews.due(step):
                on_preview(step, held_out[:6], with_every_row(network, held_out[:6], recipe, run.rows))
            if step % run.checkpoint_interval == 0 and step < last:
                _save_resume(run, ranks, now(), optimizer)
    except KeyboardInterrupt:
        _save_resume(run, ranks, now(), optimizer)
        raise
    if last < recipe.steps:
        _save_resume(run, ranks, now(), optimizer)
        return now()
    settled = {**about.recipe, "style_weight": balances.style_weight}
    final = replace(now(), recipe=settled, balance={})
    if ranks.is_first:
        checkpoints.save(run.output, final)
        run.resume_file.unlink(missing_ok=True)
    return final


def _judges(recipe: TrainingRecipe, run: TrainingRun, ranks: Ranks) -> list[Judge]:
    """What each row is trained by; one objective for a network of one style."""
    device = ranks.device
    encoder = VggEncoder(recipe.spec.layers, run.vgg_weights, reflect=recipe.encoder_padding == "reflect")
    encoder = encoder.to(device, encoder_dtype(recipe.precision)).to(memory_format=torch.channels_last)
    paintings = [read_painting(path, recipe.style_size).to(device) for path in run.paintings]
    judges: list[Judge] = [
        Objective(recipe.spec, encoder, [p], pooled=ranks.pooled, kept=recipe.repeat_after) for p in paintings
    ]
    return [*judges, SamePicture()] if run.photograph_row else judges


def _terms(
    network: nn.Module,
    judges: Sequence[Judge],
    content: Tensor,
    ranks: Ranks,
    recipe: TrainingRecipe,
    step: int,
) -> list[tuple[int, dict[str, Tensor]]]:
    """The unweighted terms of one step by row; ``temporal`` among them once its ramp has begun.

    One entry for the whole batch of a network of one style, else one for each picture.
    """
    device, share, motion = ranks.device, ranks.share(recipe.batch_size), None
    several = len(judges) > 1
    rows = rows_of_step(step, recipe.batch_size, len(judges), recipe.seed)[share] if several else []
    pictures, count = content, len(content)
    if recipe.temporal_weight and temporal.weight_factor(step, recipe.steps):
        generator = step_generator(step, recipe.seed + 1)
        motion = temporal.draw_motion(recipe.batch_size, content.shape[-1], generator).part(share)
        after = temporal.second_frame(content, motion, generator, recipe.batch_size, share)
        pictures = torch.cat([content, after])
    if recipe.repetition_weight:
        numbers = range(step * recipe.batch_size, (step + 1) * recipe.batch_size)[share]
        pictures = torch.cat([pictures, with_plain_ground(content, recipe.seed, numbers)])
    rows = rows * (len(pictures) // count)
    pictures = pictures.to(device, memory_format=torch.channels_last, non_blocking=True)
    with autocast(device, recipe.precision):
        drawn = network(pictures, row_shares(rows, len(judges), device)) if several else network(pictures)
    drawn = drawn.float()
    shown = step % recipe.repeat_after if recipe.repeat_after else step
    down, across = shift(shown, recipe.seed, recipe.largest_shift_px)
    first, given = (
        _shifted(image[:count], down, across, recipe.largest_shift_px) for image in (drawn, pictures)
    )
    parts = [(row, slice(n, n + 1)) for n, row in enumerate(rows[:count])] or [(0, slice(None))]
    seen = [(row, judges[row].terms(first[part], given[part])) for row, part in parts]
    if motion is not None:
        now, then = drawn[:count], drawn[count : 2 * count]
        steadiness = temporal.temporal_distance(now, then, motion.to(device), ranks.pooled)
        seen = [(row, {**terms, "temporal": steadiness}) for row, terms in seen]
    if recipe.repetition_weight:
        repeated = repetition_on_ground(drawn[-count:])
        seen = [(row, {**terms, "repetition": repeated}) for row, terms in seen]
    return seen


def _means(seen: list[tuple[int, dict[str, Tensor]]], loss: Tensor) -> dict[str, Tensor]:
    """Of the terms over the pictures of a step, with the ``total``."""
    means = {name: torch.stack([terms[name].detach() for _, terms in seen]).mean() for name in seen[0][1]}
    return {**means, "total": loss.detach()}


def _weights_at(recipe: TrainingRecipe, style_weight: float, step: int) -> dict[str, float]:
    """What the terms weigh at ``step``: the style as the balance has it, the temporal term on its ramp."""
    weight = recipe.temporal_weight * temporal.weight_factor(step, recipe.steps)
    cells = recipe.repetition_weight
    return {**recipe.spec.weights, "style": style_weight, "temporal": weight, "repetition": cells}


def _save_resume(run: TrainingRun, ranks: Ranks, state: Checkpoint, optimizer: Optimizer) -> None:
    if ranks.is_first:
        checkpoints.save(run.resume_file, replace(state, optimizer=optimizer.state()))


def _describe_photos(run: TrainingRun, photos: list[Path]) -> dict[str, Any]:
    return {"photos": len(photos), "terms": run.photo_terms or "not stated"}


def encoder_dtype(precision: str) -> torch.dtype:
    """Of VGG-19 while a network trains in ``precision``."""
    # fp16 activations of VGG overflow in the Gram sums; under fp16 the encoder stays in float32.
    return torch.bfloat16 if precision == "bf16" else torch.float32


def _shifted(image: Tensor, down: int, across: int, largest_px: int) -> Tensor:
    room = largest_px + 1 if largest_px else 0
    height, width = image.shape[2] - room, image.shape[3] - room
    return image[:, :, down : down + height, across : across + width]


def _stop_if_diverged(means: dict[str, float], step: int, normalization: str) -> None:
    stop_if_not_finite(means, step)
    if normalization == "relative" and (means["content"] > 20 or means["style"] > 1e4):
        raise TrainingError(
            f"training diverged before step {step}: content {means['content']:.3g}, style "
            f"{means['style']:.3g} (1 is a blank picture); the last checkpoint is kept. Lower --lr"
        )


def _prefixed(terms: dict[str, float] | None) -> dict[str, float]:
    return {f"held_out_{name}": value for name, value in (terms or {}).items()}
