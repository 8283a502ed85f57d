"""Runs a study: renders what is not there yet, then writes the sheet and the table."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipeline.common.atomic_files import make_folder
from pipeline.common.contact_sheet import Cell, draw_sheet, wrapped, write_sheet
from pipeline.common.reports import read_json, write_json, write_table
from training import image_io
from training.gatys import render, state
from training.gatys.job import open_encoder, require_sensible_render
from training.gatys.render import Inputs, RenderRun
from training.gatys.step import RenderProgress
from training.losses import functional
from training.losses.vgg_weights import source_of
from training.studies.cells import cell, claim, file_name
from training.studies.plans import Study, Trial

WRAP_COLUMNS = 5


@dataclass(frozen=True)
class Place:
    """Where a study lives and computes.

    Attributes:
        folder: gets ``NAME.png``, ``NAME.csv`` and ``NAME.cells/``, the renders themselves: they are not
            made again, and one that was broken off goes on.
        vgg_weights, device: as in ``gatys_job.Job``.
    """

    folder: Path
    vgg_weights: Path | None = None
    device: str = "cpu"

    def cells(self, study: str) -> Path:
        """Where the renders of ``study`` are kept."""
        return self.folder / f"{study}.cells"


@dataclass(frozen=True)
class Shown:
    """A finished trial: pictures by mark, and a row of terms and seconds for each step."""

    pictures: dict[int, Tensor]
    history: list[dict[str, float]]

    def row(self, mark: int) -> dict[str, float]:
        """Terms, seconds and size after ``mark`` steps."""
        return next(row for row in self.history if row["step"] == mark)


OnTrial = Callable[[str, RenderProgress], None]


@dataclass(frozen=True)
class Outcome:
    """What a study wrote; ``finished`` is False when it was stopped, and then nothing is written."""

    sheet: Path
    table: Path
    finished: bool
    notes: tuple[str, ...] = ()


def run_study(
    study: Study,
    inputs: Inputs,
    place: Place,
    on_progress: OnTrial = lambda label, progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Render every trial of ``study`` that is not there yet, then write sheet and table.

    Raises:
        LayerMissingError: a layer of any trial is not in the weights; before any work.
        CheckpointError: the folder holds renders of the same study with other settings.
        DivergedError, InputError, OutputError: see ``gatys_job``.
    """
    outcome = Outcome(
        place.folder / f"{study.name}.png", place.folder / f"{study.name}.csv", True, study.notes
    )
    for trial in study.trials:
        open_encoder(trial.recipe, place.vgg_weights, "cpu")
        require_sensible_render(trial.recipe, inputs, force=False)
    shown: list[Shown] = []
    for trial in study.trials:
        done = run_trial(trial, inputs, place, place.cells(study.name), on_progress, should_stop)
        if done is None:
            return Outcome(outcome.sheet, outcome.table, False, study.notes)
        shown.append(done)
    write_table(outcome.table, _table(study, shown))
    write_sheet(outcome.sheet, _sheet(study, shown, inputs))
    return outcome


def run_trial(
    trial: Trial,
    inputs: Inputs,
    place: Place,
    cells: Path,
    on_progress: OnTrial,
    should_stop: Callable[[], bool],
) -> Shown | None:
    """One render with its pictures at the marks, from the folder where it is there; None when stopped.

    The folder holds ``trial.json`` (what is rendered), the pictures, the state to go on from, and at the
    end ``history.json``.
    """
    folder = cells / file_name(trial.label)
    make_folder(folder, parents=True)
    claim(folder / "trial.json", _identity(trial, inputs, place))
    history = folder / "history.json"
    if not history.exists():
        run = RenderRun(
            resume_file=folder / "render.resume.safetensors",
            snapshots_at=frozenset(trial.marks),
            on_snapshot=lambda step, image: image_io.write_picture(_mark_file(folder, step), image),
            on_progress=lambda progress: on_progress(trial.label, progress),
            should_stop=should_stop,
        )
        done = render.render(
            trial.recipe, inputs, open_encoder(trial.recipe, place.vgg_weights, place.device), run
        )
        if not done.finished:
            return None
        write_json(history, done.history)
    images = {mark: image_io.read_picture(_mark_file(folder, mark), "cell").image for mark in trial.marks}
    return Shown(images, list(read_json(history)))


def _identity(trial: Trial, inputs: Inputs, place: Place) -> dict[str, Any]:
    return {
        **trial.recipe.to_dict(),
        "marks": list(trial.marks),
        "pictures": state.digest([inputs.content, *inputs.styles]),
        "weights": place.vgg_weights.name if place.vgg_weights else source_of(None),
    }


def _mark_file(folder: Path, step: int) -> Path:
    return folder / f"{step:06d}.png"


def _table(study: Study, shown: list[Shown]) -> list[dict[str, Any]]:
    return [
        {"study": study.name, "trial": trial.label, **done.row(mark)}
        for trial, done in zip(study.trials, shown, strict=True)
        for mark in trial.marks
    ]


def _sheet(study: Study, shown: list[Shown], inputs: Inputs) -> Image.Image:
    rows = [trial_cells(trial, done) for trial, done in zip(study.trials, shown, strict=True)]
    if study.spectrum:
        spectra = [
            cell(
                spectrum_picture(done.pictures[trial.marks[-1]]),
                "amplitude spectrum",
                "low frequencies in the middle",
            )
            for trial, done in zip(study.trials, shown, strict=True)
        ]
        rows = [[*row, spectrum] for row, spectrum in zip(rows, spectra, strict=True)]
    elif all(len(row) == 1 for row in rows):
        rows = wrapped([row[0] for row in rows], WRAP_COLUMNS)
    elif len(rows) == 1:
        rows = wrapped(rows[0], WRAP_COLUMNS)
    return draw_sheet(
        study.title, [reference_cells(inputs, study.trials[0].recipe.sizes[-1]), *rows], study.notes
    )


def reference_cells(inputs: Inputs, size_px: int) -> list[Cell]:
    """Content and style, for the top of a sheet."""
    height, width = image_io.fitted_size(inputs.content, size_px)
    styles = [cell(style, "style") for style in inputs.styles]
    return [cell(inputs.content, "content", f"rendered at {width}x{height}"), *styles]


def trial_cells(trial: Trial, done: Shown) -> list[Cell]:
    """The pictures of one trial, captioned with steps, terms and seconds."""
    cells = []
    for mark in trial.marks:
        row = done.row(mark)
        terms = ", ".join(f"{name} {row[name]:.3g}" for name in _shown_terms(trial))
        caption = (f"{trial.label}, {mark} steps", terms, f"{row['seconds']:.1f} s")
        cells.append(cell(done.pictures[mark], *caption))
    return cells


def _shown_terms(trial: Trial) -> list[str]:
    recipe = trial.recipe
    weights = {"content": recipe.content_weight, "style": recipe.style_weight, "tv": recipe.tv_weight}
    return [name for name, weight in weights.items() if weight]


def spectrum_picture(image: Tensor) -> Tensor:
    """The amplitude spectrum in a colour scale, (1, 3, H, W), RGB in [0, 1]."""
    gray = functional.amplitude_spectrum(image)[0, 0]
    colors = cv2.applyColorMap((gray * 255).byte().cpu().numpy(), cv2.COLORMAP_VIRIDIS)[:, :, ::-1]
    return torch.from_numpy(np.ascontiguousarray(colors)).permute(2, 0, 1).unsqueeze(0).float() / 255
