"""`train-study`: every pair of weights is trained once, and the sheet and the table show them."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from pipeline.common.errors import CheckpointError, LayerMissingError, TrainingError
from training.feed_forward.recipe import TrainingProgress, TrainingRecipe, TrainingRun
from training.studies.train_grid import Grid, run_train_study, trials_of

BASE = TrainingRecipe(
    network="hourglass-40", style_size=96, image_size=64, batch_size=1, steps=3, octaves=1, precision="fp32",
    temporal_weight=1.0, content_goal=0.4,
)  # fmt: skip
GRID = Grid((0.5, 1.0), (4.0, 40.0))


@pytest.fixture
def run(tmp_path: Path, painting: Path, photos: Path, random_vgg: Path) -> TrainingRun:
    return TrainingRun(painting, photos, tmp_path / "study", random_vgg, checkpoint_interval=1)


@pytest.mark.slow
def test_a_stopped_study_goes_on_and_redoes_nothing(run: TrainingRun) -> None:
    told: list[tuple[str, int]] = []

    def interrupt(label: str, progress: TrainingProgress) -> None:
        told.append((label, progress.step))
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_train_study(BASE, run, GRID, on_progress=interrupt)
    assert not list(run.output.glob("*.png"))
    assert told == [("content 0.5, style 4", 3), ("content 0.5, style 40", 3)]
    again: list[str] = []
    done = run_train_study(BASE, run, GRID, on_progress=lambda label, _: again.append(label))
    assert "content 0.5, style 4" not in again
    assert again[-2:] == ["content 1, style 4", "content 1, style 40"]
    with done.table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["content_weight"], row["style_weight"]) for row in rows] == [
        ("0.5", "4.0"), ("0.5", "40.0"), ("1.0", "4.0"), ("1.0", "40.0"),
    ]  # fmt: skip
    assert all(row["step"] == "3" and float(row["held_out_style"]) > 0 for row in rows)
    with Image.open(done.sheet) as sheet:
        assert sheet.width >= 2 * 256
        assert sheet.height >= 2 * 256
    before = done.sheet.read_bytes(), done.table.read_bytes()
    run_train_study(BASE, run, GRID, on_progress=lambda label, _: pytest.fail(label))
    assert (done.sheet.read_bytes(), done.table.read_bytes()) == before
    with pytest.raises(CheckpointError, match=r"steps 3 -> 4.*another folder"):
        run_train_study(replace(BASE, steps=4), run, GRID)


def test_the_grid_is_plain_trainings_with_fixed_weights(tmp_path: Path) -> None:
    trials = trials_of(BASE, Grid(), tmp_path)
    weights = [[(t.recipe.content_weight, t.recipe.style_weight) for t in row] for row in trials]
    assert weights == [[(content, style) for style in (4.0, 40.0, 400.0)] for content in (0.5, 1.0, 2.0)]
    assert len({trial.folder for row in trials for trial in row}) == 9
    for trial in (trial for row in trials for trial in row):
        assert (trial.recipe.content_goal, trial.recipe.temporal_weight) == (None, 0.0)


def test_a_missing_layer_is_named_before_any_work(run: TrainingRun) -> None:
    with pytest.raises(LayerMissingError, match="relu4_2: not in"):
        run_train_study(replace(BASE, content_layer="relu4_2"), run, GRID)
    assert not run.output.exists()


def test_weights_nobody_could_train() -> None:
    for weights in ((), (-1.0,), (float("nan"),)):
        with pytest.raises(TrainingError, match="numbers from 0 on"):
            Grid(weights)
