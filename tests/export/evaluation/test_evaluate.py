"""`brushstream evaluate` as one types it, on tiny material, and what it leaves behind."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models.vgg import cfgs, make_layers

from export.evaluation import candidates
from export.to_onnx import style_file_from_checkpoint
from pipeline.cli import main
from pipeline.style import StyleCard, read_style
from tests.support.exported import Exported
from training import checkpoint as checkpoints
from training import networks
from training.checkpoint import Checkpoint
from training.cycle.recipe import DIRECTIONS, CycleRecipe
from training.evaluation import figures, material
from training.feed_forward.loop import TrainingRecipe

pytestmark = pytest.mark.xdist_group("export")  # one style file serves them
Capture = pytest.CaptureFixture[str]
SIDE = 72


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, a painting, a clip, random VGG weights, and two trained networks of one painting."""
    folder = tmp_path_factory.mktemp("evaluate")
    rng = np.random.default_rng(0)
    for name in ("photos", "paintings", "clips"):
        (folder / name).mkdir()
    (folder / "photos" / "HELD_OUT").touch()
    for number in range(3):
        picture = cv2.resize(rng.integers(0, 256, (8, 10, 3), np.uint8), (100, 80))
        cv2.imwrite(str(folder / "photos" / f"{number}.png"), picture)
    cv2.imwrite(str(folder / "paintings" / "swirl.png"), rng.integers(0, 256, (80, 100, 3), np.uint8))
    writer = cv2.VideoWriter(str(folder / "clips" / "c.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (96, 72))
    for shift in range(3):
        writer.write(np.ascontiguousarray(picture[:72, shift : shift + 96]))
    writer.release()
    torch.manual_seed(0)
    body = make_layers(cfgs["E"], batch_norm=False)[:29]
    weights = {f"features.{key}": value for key, value in body.state_dict().items()}
    save_file(weights, str(folder / "vgg.safetensors"))
    short = {key: value for key, value in weights.items() if int(key.split(".")[1]) < 18}
    save_file(short, str(folder / "short.safetensors"))
    for name, network in (("swirl", "hourglass-40"), ("trial", "hourglass-80")):
        recipe = TrainingRecipe(network=network, style_size=80).to_dict()
        state = networks.build(network).state_dict()
        checkpoints.save(
            folder / f"{name}.safetensors", Checkpoint(network, state, recipe, 3, {"name": "swirl"})
        )
    return folder


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Squares of 72 px instead of 512, and few frames to time."""
    monkeypatch.setattr(material, "PHOTO_SIDE_PX", SIDE)
    monkeypatch.setattr(candidates, "BENCH_SIZE", (48, 64))
    monkeypatch.setattr(candidates, "BENCH_FRAMES", 2)
    monkeypatch.setattr(candidates, "BENCH_WARMUP", 0)


def run(place: Path, output: Path, *arguments: object) -> int:
    words = (
        "evaluate", "--photos", place / "photos", "-o", output, "--engine=onnxruntime",
        "--vgg-weights", place / "vgg.safetensors", "--precision=fp32", *arguments,
    )  # fmt: skip
    return main.run([str(word) for word in words])


@pytest.mark.slow
def test_a_report_of_two_networks_of_one_painting(place: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "report"
    told = (
        place / "swirl.safetensors", place / "trial.safetensors", "--paintings", place / "paintings",
        "--clips", place / "clips", "--iterations=2", "--limit-photos=2",
    )  # fmt: skip
    assert run(place, output, *told) == 0
    shown = capsys.readouterr()
    assert "2 held-out photographs" in shown.out
    assert "objective ratio" in shown.out
    report = json.loads((output / "report.json").read_text())
    assert report["photos"]["files"] == ["0.png", "1.png"]
    assert set(report["styles"]) == {"swirl", "trial"}
    for style in report["styles"].values():
        check_style(style)
    for name in ("contact-sheet", "frames", "pareto"):
        with Image.open(output / f"{name}.png") as picture:
            assert min(picture.size) > 200
    kept = sorted((output / "optimised").glob("*.json"))
    assert len(kept) == 2  # one a photograph: both networks have the same objective
    before = [path.stat().st_mtime_ns for path in kept]
    assert run(place, output, *told) == 0
    assert [path.stat().st_mtime_ns for path in kept] == before


def check_style(style: dict[str, Any]) -> None:
    assert style["painting"] == "swirl.png"
    assert style["notes"] == []
    assert list(style["figures"]) == [figure.name for figure in figures.FIGURES]
    left_out = ("equivalent_iterations", "kernel_distance", "cycle_error")
    asked = {key: value for key, value in style["figures"].items() if not key.startswith(left_out)}
    assert all(isinstance(value, float) for value in asked.values())
    assert style["figures"]["service_ms"] > 0
    for row in style["photos"].values():
        terms, weights = row["objective"]["network"], row["objective"]["weights"]
        assert terms["total"] == pytest.approx(sum(weights[key] * terms[key] for key in weights), rel=1e-5)
    assert [clip["name"] for clip in style["stability"]["real"]] == ["c.avi"]
    assert len(style["stability"]["exact"]) == 3


def test_without_paintings_the_rest_still_runs(
    place: Path, tmp_path: Path, styles_folder: Path, capsys: Capture
) -> None:
    own = tmp_path / "own.onnx"
    own.write_bytes((styles_folder / "invert.onnx").read_bytes())
    graph = own.read_bytes()[:200]
    assert run(place, tmp_path / "report", own, "--limit-photos=1", "--paintings", place / "paintings",
               "--write-cards") == 0  # fmt: skip
    shown = capsys.readouterr()
    lines = [
        line for line in shown.out.splitlines() if line.startswith("own: no painting own or invert (.jpg")
    ]
    assert len(lines) == 1
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    figures_found = report["styles"]["own"]["figures"]
    assert figures_found["objective_ratio"] is None
    assert figures_found["style_distance"] is None
    assert figures_found["flicker"] == pytest.approx(figures_found["flicker_input"], rel=1e-6)  # 255 - x
    assert figures_found["warp_error_exact"] == pytest.approx(
        figures_found["warp_error_exact_input"], rel=1e-6
    )
    assert figures_found["luma_structure"] < 0
    evaluation = read_style(own).card.evaluation
    assert evaluation["content"] == pytest.approx(figures_found["content"], abs=1e-5)
    assert "style_distance" not in evaluation
    assert evaluation["photos"] == 1
    assert set(figures.ABOUT) <= set(evaluation)
    assert own.read_bytes()[:200] == graph
    assert [path.name for path in tmp_path.glob("*.part*")] == []


@pytest.mark.slow
def test_figures_of_layers_that_the_weights_do_not_reach_are_left_out_with_one_line(
    place: Path, tmp_path: Path, exported: Exported, capsys: Capture
) -> None:
    told = ("--paintings", place / "paintings", "--iterations=0", "--limit-photos=1", "--style-size=96")
    weights = ("--vgg-weights", place / "short.safetensors")
    style = shutil.copy(exported.path, tmp_path / "swirl.onnx")
    assert run(place, tmp_path / "report", style, *told, *weights) == 0
    deep = ["content_relu4_2", "wasserstein_relu4_2", "gram_relu4_1", "gram_relu5_1"]
    lines = [line for line in capsys.readouterr().out.splitlines() if "weights end before" in line]
    assert len(lines) == 1
    assert all(name in lines[0] for name in deep)
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert sorted(report["figures_left_out"]) == sorted(deep)
    found = report["styles"]["swirl"]["figures"]
    assert [found[name] for name in deep] == [None] * len(deep)
    assert found["gram_relu3_1"] > 0
    assert report["style_size_px"] == 96


def test_other_figures_of_a_card_are_kept(styles_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    path.write_bytes((styles_folder / "invert.onnx").read_bytes())
    candidates.write_evaluation(path, {"held_out_content": 0.4})
    candidates.write_evaluation(path, {"content": 0.5})
    card = read_style(path).card
    assert card.evaluation == {"held_out_content": 0.4, "content": 0.5}
    assert StyleCard.from_json(card.to_json()) == card


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ("no-such-style", "--vgg-weights=none.safetensors"),
            3,
            "--vgg-weights none.safetensors: there is no",
        ),
        (("no-such-style",), 4, "no style is called 'no-such-style'"),
        (("absent.safetensors",), 3, "absent.safetensors: a trained checkpoint was expected"),
        (("great-wave", "--precision=int8"), 2, "auto, bf16 or fp32 was expected"),
        (("great-wave", "--all-photos", "--write-cards"), 2, "cards carry figures of held-out pictures"),
        (("great-wave", "great-wave"), 4, "great-wave: two styles have this name"),
        (("great-wave", "--paintings=absent"), 3, "--paintings absent: a folder of paintings was expected"),
        (("great-wave", "--clips=absent"), 3, "--clips absent: a folder of videos was expected"),
    ],
)
def test_what_cannot_be_is_one_line(
    place: Path, tmp_path: Path, capsys: Capture, arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert run(place, tmp_path / "report", *arguments) == code
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_styles_of_two_folders_are_judged_by_kind_and_cycle(place: Path, tmp_path: Path) -> None:
    trained = CycleRecipe(network="hourglass-40", image_size=48, largest_scale=1.0).to_dict()
    for direction in DIRECTIONS:
        recipe = {**trained, "method": "cycle", "direction": direction}
        state = networks.build("hourglass-40").state_dict()
        checkpoints.save(tmp_path / f"t-{direction}.safetensors", Checkpoint("hourglass-40", state, recipe))
        style_file_from_checkpoint(tmp_path / f"t-{direction}.safetensors", tmp_path / f"t-{direction}.onnx")
    told = (tmp_path / "t-a2b.onnx", "--targets", place / "paintings", "--write-cards")
    assert run(place, tmp_path / "few", *told) == 3  # one picture is no kind
    told = (tmp_path / "t-a2b.onnx", "--targets", place / "photos", "--write-cards")
    assert run(place, tmp_path / "report", *told) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["photos"]["side_px"] == 48
    found = report["styles"]["t-a2b"]["figures"]
    assert found["cycle_error"] > 1.0
    assert found["kernel_distance"] > found["kernel_distance_untouched"]
    assert found["kernel_distance_error"] > 0
    card = read_style(tmp_path / "t-a2b.onnx").card
    assert card.evaluation["kernel_distance"] == pytest.approx(found["kernel_distance"], abs=1e-5)
    assert report["photos"]["rule"].startswith("held out: ")
    unmarked = tmp_path / "unmarked"
    shutil.copytree(place / "photos", unmarked, ignore=shutil.ignore_patterns("HELD_OUT"))
    told = (tmp_path / "t-a2b.onnx", "--targets", place / "photos", "--photos", unmarked, "--all-photos")
    assert run(place, tmp_path / "all", *told) == 0
    everything = json.loads((tmp_path / "all" / "report.json").read_text())["photos"]
    assert everything["count"] == 3
    assert everything["rule"] == "all of the folder, those of training among them"
