"""Short trainings over content and style weights, side by side: which balance suits a painting."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.common.atomic_files import make_folder
from pipeline.common.contact_sheet import Cell, draw_sheet, write_sheet
from pipeline.common.errors import TrainingError
from pipeline.common.reports import write_table
from training import checkpoint as checkpoints
from training import image_io
from training.checkpoint import Checkpoint
from training.feed_forward import loop
from training.feed_forward.data import find_photos, read_painting, split_photos
from training.feed_forward.recipe import TrainingProgress, TrainingRecipe, TrainingRun
from training.feed_forward.validation import held_out_batch, stylize
from training.losses.encoder import VggEncoder
from training.studies.cells import cell, claim, file_name
from training.studies.runner import Outcome

NAME = "train-study"
COLUMNS = ("step", "content", "style", "tv", "total", "held_out_content", "held_out_style", "held_out_tv")

OnTraining = Callable[[str, TrainingProgress], None]


@dataclass(frozen=True)
class Grid:
    """The weights to compare, every one of the first with every one of the second."""

    content_weights: tuple[float, ...] = (0.5, 1.0, 2.0)
    style_weights: tuple[float, ...] = (4.0, 40.0, 400.0)

    def __post_init__(self) -> None:
        """Refuse what could not be trained; TrainingError says what was expected."""
        weights = (*self.content_weights, *self.style_weights)
        if not self.content_weights or not self.style_weights or not all(0 <= w < 1e30 for w in weights):
            raise TrainingError(
                f"--content-weights {self.content_weights}, --style-weights {self.style_weights}: numbers "
                "from 0 on were expected, 0.5,1,2 and 4,40,400 for example"
            )


@dataclass(frozen=True)
class Trial:
    """One training of the grid; its folder keeps the network and says what it is of."""

    label: str
    recipe: TrainingRecipe
    folder: Path

    @property
    def network_file(self) -> Path:
        """Checkpoint of the finished training."""
        return self.folder / "network.safetensors"


def trials_of(base: TrainingRecipe, grid: Grid, folder: Path) -> list[list[Trial]]:
    """A row for each content weight. The weights stand still, and nothing else is asked of the networks."""
    plain = replace(base, content_goal=None, temporal_weight=0.0)

    def trial(content_weight: float, style_weight: float) -> Trial:
        label = f"content {content_weight:g}, style {style_weight:g}"
        recipe = replace(plain, content_weight=content_weight, style_weight=style_weight)
        return Trial(label, recipe, folder / f"{NAME}.cells" / file_name(label.replace(",", "")))

    return [[trial(content, style) for style in grid.style_weights] for content in grid.content_weights]


def run_train_study(
    base: TrainingRecipe,
    run: TrainingRun,
    grid: Grid,
    photo: Path | None = None,
    on_progress: OnTraining = lambda label, progress: None,
) -> Outcome:
    """Train every network of the grid that is not there yet, then write the sheet and the table.

    Args:
        base: every setting but the two weights.
        run: ``output`` is the folder: it gets ``train-study.png``, ``.csv`` and ``.cells/``.
        photo: what the sheet shows stylized; else the first photograph set aside from training.

    Raises:
        LayerMissingError: the weights lack a layer of the recipe; before any work.
        CheckpointError: the folder holds trainings of other settings.
        KeyboardInterrupt: passed on; what was trained until then is kept, and the same call goes on.
        TrainingError, InputError, OutputError: as ``loop.train``.
    """
    VggEncoder(base.spec.layers, run.vgg_weights)
    shown = _shown_photo(run, photo)
    identity = {"painting": _digest(run.painting), "photos": len(find_photos(run.photos))}
    grid_of_trials = trials_of(base, grid, run.output)
    rows, table = [_references(run, base, shown)], []
    for trials in grid_of_trials:
        cells = []
        for trial in trials:
            done = _trained(trial, run, identity, on_progress)
            row = {name: done.history[-1].get(name, "") for name in COLUMNS}
            table.append({"study": NAME, "trial": trial.label, **_weights(trial), **row})
            cells.append(_cell(trial, done, shown))
        rows.append(cells)
    outcome = Outcome(run.output / f"{NAME}.png", run.output / f"{NAME}.csv", True)
    write_table(outcome.table, table)
    title = f"{run.painting.stem}: {base.network}, {base.steps} steps, content and style weight"
    write_sheet(outcome.sheet, draw_sheet(title, rows))
    return outcome


def _trained(trial: Trial, run: TrainingRun, identity: dict[str, Any], on_progress: OnTraining) -> Checkpoint:
    """The network of ``trial``, from its folder where it is there."""
    make_folder(trial.folder, parents=True)
    claim(trial.folder / "trial.json", {**trial.recipe.to_dict(), **identity})
    if trial.network_file.exists():
        return checkpoints.load(trial.network_file)
    here = replace(run, output=trial.network_file, preview_interval=0)
    return loop.train(trial.recipe, here, lambda progress: on_progress(trial.label, progress))


def _weights(trial: Trial) -> dict[str, float]:
    return {"content_weight": trial.recipe.content_weight, "style_weight": trial.recipe.style_weight}


def _shown_photo(run: TrainingRun, photo: Path | None) -> Tensor:
    """(1, 3, 256, 256), RGB in [0, 1]."""
    if photo is not None:
        image_io.read_picture(photo, "--photo")
        return held_out_batch([photo])
    return held_out_batch(split_photos(find_photos(run.photos))[1])[:1]


def _digest(painting: Path) -> str:
    return hashlib.sha256(painting.read_bytes()).hexdigest()[:16]


def _references(run: TrainingRun, base: TrainingRecipe, shown: Tensor) -> list[Cell]:
    painting = read_painting(run.painting, base.style_size)
    return [cell(shown, "photograph"), cell(painting, "painting", run.painting.stem)]


def _cell(trial: Trial, done: Checkpoint, shown: Tensor) -> Cell:
    with torch.no_grad():
        painted = stylize(done.build_network(), shown, trial.recipe)
    last = done.history[-1]
    judged = ", ".join(f"{name} {last[f'held_out_{name}']:.3g}" for name in ("content", "style"))
    return cell(painted, trial.label, f"held out: {judged}")
