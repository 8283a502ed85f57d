"""`brushstream train --preset` and `brushstream train-study` as one types them."""

import csv
from pathlib import Path

import pytest

from pipeline.cli.main import run
from training import checkpoint as checkpoints
from training.feed_forward import loop
from training.feed_forward.presets import PRESETS
from training.feed_forward.recipe import TrainingRecipe, TrainingRun

SMALL = ("--network=hourglass-40", "--image-size=64", "--brush-size=96", "--batch-size=1", "--precision=fp32")


@pytest.fixture(autouse=True)
def _leave_the_allocator_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.devices.keep_freed_memory", lambda: None)


def command(name: str, painting: Path, photos: Path, output: Path, *more: object) -> list[str]:
    return [str(part) for part in (name, painting, "--photos", photos, "-o", output, *more)]


def test_a_preset_is_named_and_options_win_over_it(
    tmp_path: Path, painting: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[TrainingRecipe] = []
    monkeypatch.setattr(loop, "train", lambda recipe, *_: trained.append(recipe))
    output = tmp_path / "o.safetensors"
    more = ("--precision=fp32", "--batch-size=3", "--style-layers=relu1_1:0.3,relu2_1:2", "--tv-weight=5")
    assert run(command("train", painting, photos, output, "--preset=johnson-2016-vgg19", *more)) == 0
    recipe, wanted = trained[0], PRESETS["johnson-2016-vgg19"].recipe
    assert (recipe.batch_size, recipe.tv_weight, recipe.steps) == (3, 5.0, 9)  # 13 files twice, by three
    assert (recipe.style_layers, recipe.style_layer_weights) == (("relu1_1", "relu2_1"), (0.3, 2.0))
    for name in ("content_layer", "content_weight", "style_weight", "normalization", "network", "decay"):
        assert getattr(recipe, name) == getattr(wanted, name)
    assert run(command("train", painting, photos, output, "--precision=fp32")) == 0
    assert trained[1] == TrainingRecipe(**{**vars(PRESETS["balanced"].recipe), "precision": "fp32"})
    assert run(command("train", painting, photos, output, "--style-weight=3")) == 0
    assert (trained[2].style_weight, trained[2].content_goal) == (3.0, None)


@pytest.mark.parametrize(
    ("options", "start"),
    [((), "starry-night"), (("--from-scratch",), None), (("--init-from=other.safetensors",), "other"),
     (("--network=johnson",), None), (("--preset=johnson-2016", "--network=hourglass"), None)],
)  # fmt: skip
def test_balanced_starts_from_a_bundled_style_of_its_network(
    tmp_path: Path, painting: Path, photos: Path, monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...], start: str | None,
) -> None:  # fmt: skip
    runs: list[TrainingRun] = []
    monkeypatch.setattr(loop, "train", lambda recipe, asked, *_: runs.append(asked))
    assert run(command("train", painting, photos, tmp_path / "o.safetensors", *options)) == 0
    assert (runs[0].init_from and runs[0].init_from.stem) == start


def test_one_start_is_enough(
    tmp_path: Path, painting: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ("--from-scratch", "--init-from=other.safetensors")
    assert run(command("train", painting, photos, tmp_path / "o.safetensors", *both)) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_what_a_preset_cannot_do_is_one_line(
    tmp_path: Path, painting: Path, photos: Path, random_vgg: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "o.safetensors"

    def refused(*more: object) -> str:
        assert run(command("train", painting, photos, output, f"--vgg-weights={random_vgg}", *more)) == 8
        (line,) = capsys.readouterr().err.splitlines()
        return line

    lacking = refused("--preset=johnson-2016-vgg19")
    assert "conv4_1, conv4_2, conv5_1: not in" in lacking
    assert "leave out --vgg-weights to use the whole set" in lacking
    assert "--content-goal 0.3 is about relative terms" in refused(
        "--preset=johnson-2016", "--content-goal=0.3"
    )
    assert "--preset nothing: there is none of that name" in refused("--preset=nothing")
    assert "give one of them" in refused("--steps=1", "--epochs=1")
    assert [path for path in tmp_path.iterdir() if path.suffix == ".safetensors"] == []


@pytest.mark.slow
def test_a_study_from_the_command_line_and_again(
    tmp_path: Path, painting: Path, photos: Path, full_vgg: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "study"
    weights = ("--content-weights=1", "--style-weights=4,40", "--steps=2", f"--vgg-weights={full_vgg}")
    study = command("train-study", painting, photos, folder, *weights, *SMALL)
    assert run(study) == 0
    told = capsys.readouterr().out
    assert "content 1, style 40: step 2/2" in told
    assert {path.name for path in folder.iterdir()} == {
        "train-study.png", "train-study.csv", "train-study.cells",
    }  # fmt: skip
    with (folder / "train-study.csv").open(newline="") as file:
        assert [row["style_weight"] for row in csv.DictReader(file)] == ["4.0", "40.0"]
    assert run(study) == 0
    assert "step" not in capsys.readouterr().out
    networks = sorted(folder.glob("train-study.cells/*/network.safetensors"))
    assert [checkpoints.load(path).recipe["style_weight"] for path in networks] == [4.0, 40.0]
