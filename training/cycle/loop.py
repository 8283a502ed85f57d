"""Training between two folders without pairs (Zhu et al. 2017): one loop to read top to bottom."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from pipeline.common.errors import CheckpointError
from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint, require_same_recipe, weights_of
from training.cycle.collapse import CollapseWatch, dependence_warnings
from training.cycle.data import PairedSamples, Side, two_sides
from training.cycle.players import Players, fresh_players
from training.cycle.recipe import DIRECTIONS, CycleProgress, CycleRecipe, CycleRun
from training.cycle.report import Preview, previews
from training.cycle.shift import Shift, mean_shift
from training.cycle.step import Step, draw
from training.feed_forward.distributed import Ranks, joined
from training.feed_forward.loop import encoder_dtype
from training.feed_forward.meter import Meter, stop_if_not_finite
from training.feed_forward.start import warm_start
from training.feed_forward.validation import squares_of
from training.losses.encoder import VggEncoder

HELD_OUT_SHOWN = 6
OnProgress = Callable[[CycleProgress], None]
OnPreview = Callable[[int, list[Preview]], None]


def train(
    recipe: CycleRecipe,
    run: CycleRun,
    on_progress: OnProgress | None = None,
    on_preview: OnPreview | None = None,
) -> dict[str, Checkpoint]:
    """Train both directions between two folders; resumes where ``run.resume_file`` left off.

    The same recipe, seed and machine give the same weights whether interrupted or not. Under torchrun
    every process calls this, and all train together; the first alone writes and tells.

    Args:
        on_progress: called every ``run.report_interval`` steps and at the end.
        on_preview: called with the step and both directions on held-out pictures.

    Returns:
        The finished generators by direction, also written to ``run.checkpoint_of``.

    Raises:
        TrainingError: the run diverged, or the recipe names what is not there.
        InputError, CheckpointError, OutputError: see ``pipeline.common.errors``.
        KeyboardInterrupt: passed on after a checkpoint to resume from was written.
    """
    with joined(run.device) as ranks:
        if ranks.is_first:
            return _train(recipe, run, ranks, on_progress, on_preview)
        return _train(recipe, run, ranks, None, None)


def _train(
    recipe: CycleRecipe,
    run: CycleRun,
    ranks: Ranks,
    on_progress: OnProgress | None,
    on_preview: OnPreview | None,
) -> dict[str, Checkpoint]:
    share, sides = ranks.share(recipe.batch_size), two_sides(run)
    players, state = _start(recipe, run, ranks)
    about = replace(state, training_data=_describe(run, sides))
    encoder = _encoder(recipe, run, ranks)
    this = Step(recipe, players, encoder, ranks, _shift(encoder, sides, recipe))
    samples = PairedSamples.of(sides, recipe)
    held_out_a, held_out_b = (
        squares_of(side.held_out, recipe.image_size, HELD_OUT_SHOWN).to(ranks.device) for side in sides
    )
    meter, watch, history, step = Meter(), CollapseWatch(), list(state.history), state.step
    last = min(recipe.steps, run.stop_after or recipe.steps)

    def save_resume() -> None:
        if ranks.is_first:
            tensors, moments = players.state()
            now = replace(about, network=tensors, optimizer=moments, step=step, history=history)
            checkpoints.save(run.resume_file, now)

    try:
        for a, b in samples.batches(recipe.batch_size, step, last, run.workers, share):
            drawn = draw(step, a, b, recipe, ranks)
            a, b = (side.to(ranks.device, memory_format=torch.channels_last) for side in (a, b))
            factor = recipe.rate_factor(step)
            players.generator_optimizer.set_learning_rate(recipe.learning_rate * factor)
            players.discriminator_optimizer.set_learning_rate(recipe.discriminator_rate * factor)

            real = this.look_at_real(a, b, drawn)
            painted, terms = None, {}
            if step >= recipe.discriminator_steps:
                players.discriminators.requires_grad_(False)
                painted = this.generator_terms(a, b, real, drawn)
                terms = {**painted.terms, "total": this.total(painted.terms, step)}
                players.generator_optimizer.step(terms["total"])
                players.average(recipe.average)

            players.discriminators.requires_grad_(True)
            judged = this.discriminator_terms(painted, real, drawn)
            players.discriminator_optimizer.step(torch.stack(list(judged.values())).sum())
            if painted is None:
                players.teach_guides(recipe.average)

            step += 1
            meter.add({name: ranks.pooled(value.detach()) for name, value in {**terms, **judged}.items()})
            shows = run.preview_interval and step % run.preview_interval == 0
            shown = previews(players.averages, held_out_a, held_out_b, recipe) if shows else []
            if step % run.report_interval == 0 or step == last:
                means = meter.means()
                stop_if_not_finite(means, step)
                history.append({"step": step, **means})
                warnings = watch.look(step, means, run.report_interval)
                for preview in shown:
                    warnings += dependence_warnings(preview.real, preview.fake, preview.direction)
                if on_progress:
                    pace = meter.seconds_per_step()
                    on_progress(
                        CycleProgress(step, recipe.steps, means, pace, samples.broken, tuple(warnings))
                    )
            if on_preview and shown:
                on_preview(step, shown)
            if step % run.checkpoint_interval == 0 and step < last:
                save_resume()
    except KeyboardInterrupt:
        save_resume()
        raise
    finished = {
        direction: replace(
            about,
            network=weights_of(players.averages[direction]),
            optimizer={},
            recipe={**about.recipe, "direction": direction},
            artwork=_artwork(sides, direction, run),
            step=step,
            history=history,
        )
        for direction in DIRECTIONS
    }
    if last < recipe.steps:
        save_resume()
    elif ranks.is_first:
        for direction, checkpoint in finished.items():
            checkpoints.save(run.checkpoint_of(direction), checkpoint)
        run.resume_file.unlink(missing_ok=True)
    return finished


def _start(recipe: CycleRecipe, run: CycleRun, ranks: Ranks) -> tuple[Players, Checkpoint]:
    """The four networks to begin with, and how far they are."""
    fresh = Checkpoint(recipe.network, {}, {**recipe.to_dict(), "method": "cycle"})
    if run.resume_file.exists():
        earlier = checkpoints.load(run.resume_file)
        require_same_recipe({**CycleRecipe().to_dict(), **earlier.recipe}, fresh.recipe, run.resume_file)
        players = fresh_players(recipe, ranks)
        players.restore(earlier, ranks.device)
        return players, earlier
    if run.init_from is None:
        return fresh_players(recipe, ranks), fresh
    other = warm_start(run.init_from)
    try:
        players = fresh_players(recipe, ranks, other.network)
    except RuntimeError as error:
        raise CheckpointError(
            f"--init-from {run.init_from}: a {other.network_name} network, whose weights do not fit "
            f"{recipe.network}"
        ) from error
    return players, replace(fresh, recipe={**fresh.recipe, "init_from": run.init_from.stem})


def _encoder(recipe: CycleRecipe, run: CycleRun, ranks: Ranks) -> VggEncoder | None:
    """VGG-19 at the layers the recipe looks at, padded by reflection; None where it looks at none."""
    if not recipe.encoder_layers:
        return None
    encoder = VggEncoder(recipe.encoder_layers, run.vgg_weights, reflect=True)
    return encoder.to(ranks.device, encoder_dtype(recipe.precision)).to(memory_format=torch.channels_last)


def _shift(encoder: VggEncoder | None, sides: tuple[Side, Side], recipe: CycleRecipe) -> Shift:
    if encoder is None or not recipe.shift_weight:
        return {}
    a, b = (side.train for side in sides)
    return mean_shift(
        encoder, recipe.discriminator_features, a, b, round(recipe.image_size * recipe.smallest_scale)
    )


def _artwork(sides: tuple[Side, Side], direction: str, run: CycleRun) -> dict[str, Any]:
    """What the card calls the style, and the terms of all pictures that its network was trained on."""
    names = [side.folder.resolve().name for side in sides]
    terms = [run.terms_a or "not stated", run.terms_b or "not stated"]
    told = [f"{name}: {of}" for name, of in zip(names, terms, strict=True)]
    source, target = names if direction == "a2b" else names[::-1]
    return {
        "name": f"{source}-to-{target}",
        "title": f"{source} to {target}",
        "rights": f"trained on pictures of two folders: {'; '.join(told)}",
    }


def _describe(run: CycleRun, sides: tuple[Side, Side]) -> dict[str, Any]:
    return {
        name: {
            "folder": side.folder.resolve().name,
            "pictures": len(side.train),
            "held_out": len(side.held_out),
            "terms": terms or "not stated",
        }
        for name, side, terms in zip("ab", sides, (run.terms_a, run.terms_b), strict=True)
    }
