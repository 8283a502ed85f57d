"""All studies at 128 px and 5 iterations, their sheets and tables, and going on where one stopped."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.common.contact_sheet import draw_sheet, wrapped
from pipeline.common.errors import CheckpointError, LayerMissingError, TrainingError
from training import checkpoint as checkpoints
from training import networks
from training.checkpoint import Checkpoint
from training.feed_forward.recipe import TrainingRecipe
from training.gatys.recipe import RenderRecipe
from training.gatys.render import Inputs
from training.studies import feed_forward, plans, runner
from training.studies.cells import cell
from training.studies.chart import Level, draw_chart
from training.studies.options import StudyOptions
from training.studies.plans import PLANS
from training.studies.runner import Outcome, Place

BASE = RenderRecipe(
    content_layers=(("relu2_1", 1.0),),
    style_layers=(("relu1_1", 0.5), ("relu2_1", 0.5)),
    octaves=1,
    sizes=(128,),
)
TRIALS = {"seeds": 2, "iterations": 1, "ratio": 5, "tv": 3, "content-layers": 3, "style-layers": 3}


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    generator = torch.Generator().manual_seed(2)
    content = torch.nn.functional.interpolate(torch.rand(1, 3, 8, 10, generator=generator), (96, 128))
    return Inputs(content, (torch.rand(1, 3, 128, 112, generator=generator),))


@pytest.fixture
def place(tmp_path: Path, random_vgg: Path) -> Place:
    return Place(tmp_path, random_vgg)


def options(place: Place, **changes: object) -> StudyOptions:
    return StudyOptions(marks=(2, 5), seeds=(0, 1), vgg_weights=place.vgg_weights, **changes)  # type: ignore[arg-type]


def rows(outcome: Outcome) -> list[dict[str, str]]:
    with outcome.table.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANS)
def test_every_study_writes_its_sheet_and_table(name: str, inputs: Inputs, place: Place) -> None:
    study = plans.plan(name, BASE, options(place))
    outcome = runner.run_study(study, inputs, place)
    found = rows(outcome)
    assert len({row["trial"] for row in found}) == TRIALS[name] == len(study.trials)
    assert {row["step"] for row in found} == ({"2", "5"} if name in ("seeds", "iterations") else {"5"})
    assert all(float(row["total"]) > 0 and row["size_px"] == "128" for row in found)
    with Image.open(outcome.sheet) as sheet:
        assert sheet.width >= 2 * 256
        assert sheet.height >= 2 * 96
    before = outcome.sheet.read_bytes()
    assert runner.run_study(study, inputs, place).sheet.read_bytes() == before


@pytest.mark.slow
def test_feed_forward_against_gatys(inputs: Inputs, place: Place) -> None:
    trained = replace(
        TrainingRecipe(network="hourglass-40", style_size=96, octaves=2),
        style_layers=("relu1_1", "relu2_1"),
        content_layer="relu2_1",
    )
    torch.manual_seed(0)
    network = networks.build("hourglass-40")
    path = place.folder / "net.safetensors"
    checkpoints.save(path, Checkpoint("hourglass-40", dict(network.state_dict()), trained.to_dict()))
    told = options(place, checkpoint=path)
    outcome = feed_forward.run_feed_forward_study(BASE, inputs, place, told)
    found = rows(outcome)
    assert [row["trial"] for row in found] == ["network"] + ["Gatys"] * 6
    assert all(float(row["total"]) > 0 for row in found)
    expected = float(found[0]["content"]) + 10 * float(found[0]["style"])
    assert float(found[0]["total"]) == pytest.approx(expected)
    assert "network: total" in outcome.notes[0]
    with Image.open(outcome.sheet) as sheet:
        assert sheet.width > 800
    recipe = feed_forward.objective_of(trained.to_dict(), BASE, (5,), inputs)
    assert recipe.style_scale == 96 / 128
    literature = {
        "normalization": "mean", "style_layer_weights": [0.2, 0.3], "tv_form": "squared-mean",
        "tv_weight": 200.0, "pixel_range": 255.0,
    }  # fmt: skip
    recipe = feed_forward.objective_of({**trained.to_dict(), **literature}, BASE, (5,), inputs)
    assert (recipe.normalization, recipe.tv_form, recipe.tv_weight) == (
        "mean",
        "squared-mean",
        200.0 * 255**2,
    )
    assert recipe.style_layers == (("relu1_1", 0.2), ("relu2_1", 0.3))
    with pytest.raises(CheckpointError, match="lacks what its objective was"):
        feed_forward.objective_of({}, BASE, (5,), inputs)
    with pytest.raises(CheckpointError, match=r"--checkpoint NAME.safetensors"):
        feed_forward.run_feed_forward_study(BASE, inputs, place, options(place))


def test_a_stopped_study_goes_on_and_redoes_nothing(inputs: Inputs, place: Place) -> None:
    study = plans.plan("ratio", replace(BASE, sizes=(48,)), options(place, ratios=(0.1, 0.01)))
    seen: list[str] = []
    asked = iter([False] * 7)
    outcome = runner.run_study(
        study,
        inputs,
        place,
        lambda label, progress: seen.append(f"{label} {progress.step}"),
        lambda: next(asked, True),
    )
    assert not outcome.finished
    assert not outcome.sheet.exists()
    assert len(seen) == 8  # five steps of the first, three of the second
    seen.clear()
    again = runner.run_study(study, inputs, place, lambda label, progress: seen.append(label))
    assert again.finished
    assert seen == ["alpha/beta 0.01"] * 2
    whole = runner.run_study(study, inputs, Place(place.folder / "whole", place.vgg_weights))
    terms = [[row["total"] for row in rows(outcome)] for outcome in (again, whole)]
    assert terms[0] == terms[1]


def test_renders_of_other_settings_are_not_taken_for_these(inputs: Inputs, place: Place) -> None:
    small = replace(BASE, sizes=(48,))
    runner.run_study(plans.plan("tv", small, options(place)), inputs, place)
    with pytest.raises(CheckpointError, match=r"style_weight 100\.0 -> 7\.0.*another folder"):
        runner.run_study(plans.plan("tv", replace(small, style_weight=7.0), options(place)), inputs, place)


def test_a_damaged_render_is_named(inputs: Inputs, place: Place) -> None:
    study = plans.plan("iterations", replace(BASE, sizes=(48,)), options(place))
    runner.run_study(study, inputs, place)
    history = place.cells("iterations") / "from-content" / "history.json"
    history.write_text("{")
    with pytest.raises(CheckpointError, match=r"history\.json: damaged .*delete"):
        runner.run_study(study, inputs, place)
    other = plans.plan("iterations", replace(BASE, sizes=(48,)), replace(options(place), marks=(3, 5)))
    with pytest.raises(CheckpointError, match=r"marks \[2, 5\] -> \[3, 5\]"):
        runner.run_study(other, inputs, place)


def test_layers_the_weights_lack_are_left_out_with_a_note_or_refused(inputs: Inputs, place: Place) -> None:
    study = plans.plan("style-layers", BASE, options(place))
    assert study.notes == ("not in these weights: relu4_1, relu5_1; without --vgg-weights all are there",)
    assert [t.label for t in study.trials] == ["relu1_1", "relu1_1 to relu2_1", "relu1_1 to relu3_1"]
    assert plans.plan("style-layers", BASE, replace(options(place), vgg_weights=None)).notes == ()
    asked = plans.plan("content-layers", BASE, options(place, layers=("relu1_1", "relu4_2")))
    with pytest.raises(LayerMissingError, match="relu4_2: not in"):
        runner.run_study(asked, inputs, place)
    assert not list(place.folder.iterdir())


def test_what_each_study_compares(place: Place) -> None:
    told = options(place)
    ratios = plans.plan("ratio", BASE, told).trials
    assert [t.recipe.content_weight / t.recipe.style_weight for t in ratios] == pytest.approx(told.ratios)
    assert [t.recipe.tv_weight for t in plans.plan("tv", BASE, told).trials] == [0.0, 10.0, 100.0]
    for name in ("seeds", "content-layers", "style-layers"):
        assert {t.recipe.init for t in plans.plan(name, BASE, told).trials} == {"noise"}
    assert [t.recipe.seed for t in plans.plan("seeds", BASE, told).trials] == [0, 1]


def test_options_no_study_could_show() -> None:
    with pytest.raises(TrainingError, match="rising numbers"):
        StudyOptions(marks=(5, 2))
    with pytest.raises(TrainingError, match="ratios above 0"):
        StudyOptions(ratios=(0.0,))


def test_a_sheet_holds_every_picture_where_it_belongs() -> None:
    red, green = (torch.zeros(1, 3, 10, 20) for _ in range(2))
    red[:, 0], green[:, 1] = 1.0, 1.0
    sheet = np.asarray(draw_sheet("Title", [[cell(red, "one"), cell(green, "two", "more")]], ["note"]))
    assert tuple(sheet[100, 100]) == (255, 0, 0)
    assert tuple(sheet[100, 14 + 256 + 14 + 100]) == (0, 255, 0)
    cells = [cell(red)] * 7
    assert [len(row) for row in wrapped(cells, 5)] == [4, 3]


def test_a_chart_has_its_curve_and_level() -> None:
    chart = np.asarray(draw_chart("t", "x", "c", [(0, 100.0), (10, 1.0)], Level("l", 10.0)))
    blue = np.argwhere((chart == (31, 95, 170)).all(axis=2) & (np.arange(len(chart)) > 70)[:, None])
    assert blue[np.argmin(blue[:, 1])][0] < blue[np.argmax(blue[:, 1])][0]  # it falls
