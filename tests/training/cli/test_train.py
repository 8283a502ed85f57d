"""`brushstream train` and `brushstream export` as one types them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipeline.cli.main import run
from pipeline.common.errors import InputError
from pipeline.style import read_style
from training.feed_forward.recipe import TrainingProgress
from training.feed_forward.report import artwork_of, describe, write_preview


@pytest.mark.slow
def test_from_painting_to_style_file(
    tmp_path: Path,
    painting: Path,
    photos: Path,
    full_vgg: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("training.devices.keep_freed_memory", lambda: None)

    def brushstream(*arguments: object) -> str:
        assert run([str(argument) for argument in arguments]) == 0
        return capsys.readouterr().out

    (tmp_path / "styles.json").write_text(json.dumps([{"name": "stripes", "artist": "Nobody", "year": 1900}]))
    checkpoint, style = tmp_path / "s.safetensors", tmp_path / "striped.onnx"
    trained = brushstream(
        "train", painting, "--photos", photos, "-o", checkpoint, "--vgg-weights", full_vgg,
        "--network", "hourglass-40", "--steps", 2, "--image-size", 64, "--brush-size", 96, "--batch-size", 1,
        "--preview-interval", 1, "--log-dir", tmp_path / "log", "--title", "Stripes",
    )  # fmt: skip
    assert trained.splitlines()[0] == f"VGG-19: {full_vgg}"
    assert "step 2/2, content" in trained
    assert sorted(p.name for p in (tmp_path / "s.previews").iterdir()) == [
        "step-000001.png",
        "step-000002.png",
    ]
    assert any((tmp_path / "log").iterdir())

    assert brushstream("export", checkpoint, "-o", style).count("same picture") == 2
    card = read_style(style).card
    assert (card.name, card.title, card.artist, card.year) == ("striped", "Stripes", "Nobody", 1900)
    assert card.recipe["steps_taken"] == 2


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"painting": "absent.png"}, 3, "no such file"),
        ({"photos": "absent"}, 3, "a folder of photographs was expected"),
        ({"output": "x.pth"}, 5, "a name ending in .safetensors"),
        ({"output": "absent/x.safetensors"}, 5, "does not exist"),
        ({"network": "vgg"}, 8, "no network 'vgg'"),
        ({"precision": "fp64"}, 8, "choose auto, bf16"),
    ],
)
def test_wrong_input_gets_one_line_and_its_exit_code(
    tmp_path: Path,
    painting: Path,
    photos: Path,
    full_vgg: Path,
    change: dict[str, str],
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("training.devices.keep_freed_memory", lambda: None)
    values = {"painting": painting, "photos": photos, "output": tmp_path / "o.safetensors"} | {
        key: value if key in {"network", "precision"} else tmp_path / value for key, value in change.items()
    }
    options = [
        f"--{key}={values[key]}" for key in ("photos", "output", "network", "precision") if key in values
    ]
    arguments = ["train", str(values["painting"]), f"--vgg-weights={full_vgg}", "--steps=1", *options]
    assert run(arguments) == code
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told
    assert len(told.splitlines()) == 1


def test_artwork_is_taken_from_the_options_first(tmp_path: Path) -> None:
    listing = [{"name": "wave", "title": "Wave", "artist": "Hokusai", "size": "9x9"}]
    (tmp_path / "styles.json").write_text(json.dumps(listing))
    told = {"title": None, "artist": "Katsushika Hokusai", "year": 1831}
    expected = {"name": "wave", "title": "Wave", "artist": "Katsushika Hokusai", "year": 1831}
    assert artwork_of(tmp_path / "wave.jpg", told) == expected
    (tmp_path / "styles.json").write_text("[1]")
    with pytest.raises(InputError, match="a list of objects"):
        artwork_of(tmp_path / "wave.jpg", told)


def test_a_preview_has_content_above_and_result_below(tmp_path: Path) -> None:
    red, blue = torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 8)
    red[:, 0], blue[:, 2] = 1.0, 1.0
    write_preview(tmp_path / "new" / "p.png", red, blue)
    pixels = cv2.imread(str(tmp_path / "new" / "p.png"))
    assert pixels is not None
    assert pixels.shape == (16, 16, 3)
    assert np.array_equal(pixels[0, 0], (0, 0, 255))
    assert np.array_equal(pixels[15, 15], (255, 0, 0))


def test_a_report_is_one_line() -> None:
    terms = {"content": 0.5, "style": 0.25, "total": 3.0, "tv": 0.1, "style_weight": 8.0}
    assert describe(TrainingProgress(25, 100, terms, terms, 0.8, 2)) == (
        "step 25/100, content 0.5000, style 0.2500, total 3.0000, style weight 8.00, 0.80 s/step, "
        "1:00 to go, "
        "held out: content 0.5000, style 0.2500, 2 broken photographs skipped"
    )
