"""A painting is learned from a network of several styles."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from export import learn
from export.to_onnx import style_file_from_checkpoint
from pipeline.cli import main
from pipeline.frame import Pixels
from pipeline.style import read_style
from tests.support.training_inputs import full_vgg, painting, photos  # noqa: F401
from training import checkpoint as checkpoints
from training import networks
from training.checkpoint import Checkpoint
from training.feed_forward import validation
from training.networks.rows import is_table


@pytest.fixture
def base(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = networks.build("hourglass-40", 2)
    for name, weight in network.named_parameters():  # equal tables would be stored once
        weight.data = 1.0 + torch.randn_like(weight) / 4 if is_table(name) else weight.data
    styles = [{"name": "stripes"}, {"name": "photograph"}]
    saved = tmp_path / "many.safetensors"
    checkpoints.save(saved, Checkpoint("hourglass-40", network.state_dict(), {}, styles=styles))
    style_file_from_checkpoint(saved, tmp_path / "many.onnx")
    return tmp_path / "many.onnx"


@pytest.mark.slow
def test_a_painting_becomes_a_style_file(
    base: Path,
    painting: Path,  # noqa: F811
    full_vgg: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("training.devices.keep_freed_memory", lambda: None)
    monkeypatch.setattr(learn, "CROP_PX", 64)
    monkeypatch.setattr(learn, "DRAWN", 4)
    monkeypatch.setattr(learn, "PREVIEW_EVERY_S", 0.0)
    monkeypatch.setattr(validation, "HELD_OUT_SIDE_PX", 64)
    output = tmp_path / "stripes.onnx"
    arguments = ["learn", str(painting), "-o", str(output), "--base", str(base), "--steps", "10"]
    assert main.run([*arguments, "--vgg-weights", str(full_vgg), "--artist", "Nobody"]) == 0
    told = capsys.readouterr().out
    assert "4 drawn pictures" in told
    assert "begins from stripes" in told
    card = read_style(output).card
    assert (card.name, card.artist, card.network, card.styles) == ("stripes", "Nobody", "hourglass-40", ())
    assert cv2.imread(str(output.with_suffix(".preview.png"))).shape[0] == 128
    assert main.run(arguments) == 5
    assert "is there already; give --overwrite" in capsys.readouterr().err


def test_what_cannot_be_learned_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.devices.keep_freed_memory", lambda: None)
    shades = np.linspace(0, 255, 20 * 20 * 3).reshape(20, 20, 3).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "tiny.png"), shades)
    cv2.imwrite(str(tmp_path / "red.png"), np.full((100, 100, 3), (0, 0, 200), np.uint8))
    (tmp_path / "text.jpg").write_text("no picture")
    messages = {
        "tiny.png": "has 20x20 pixels; 64 on the short side are needed",
        "red.png": "is of one colour; there are no strokes in it to learn",
        "text.jpg": "text.jpg",
        "missing.jpg": "does not exist",
    }
    for name, message in messages.items():
        code = main.run(["learn", str(tmp_path / name), "-o", str(tmp_path / "out.onnx")])
        told = capsys.readouterr().err
        assert code == 3, name
        assert message in told
        assert told.count("\n") == 1


def test_drawn_pictures_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learn, "DRAWN", 3)
    assert learn.write_pictures(tmp_path / "photos", None).startswith("3 drawn pictures")
    drawn: list[Pixels] = [cv2.imread(str(path)) for path in sorted((tmp_path / "photos").iterdir())]
    assert len({picture.tobytes() for picture in drawn}) == 3
