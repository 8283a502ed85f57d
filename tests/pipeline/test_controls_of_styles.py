"""A style's controls from the command line: `--control NAME=VALUE[,VALUE...]`."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

import pipeline.live.visitors.session as visitors
from pipeline import style
from pipeline.cli import main
from pipeline.common.errors import StyleError
from pipeline.live.pace import fast_versions
from pipeline.live.session import WebcamOptions, choose_styles
from pipeline.lookup import find_style, with_controls


def test_image_paints_with_the_control(styles_folder: Path, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 128, (64, 64, 3), np.uint8) * 2
    cv2.imwrite(str(tmp_path / "in.png"), picture)
    dim, out = str(styles_folder / "dim.onnx"), tmp_path / "out.png"
    line = ["image", str(tmp_path / "in.png"), "-o", str(out), "--style", dim, "--precision", "fp32"]
    assert main.run([*line, "--control", "level=0.5"]) == 0
    np.testing.assert_array_equal(cv2.imread(str(out)), picture // 2)


@pytest.mark.parametrize("setting", ["level=x", "level=2", "level=0.5,0.5", "level=", "level"])
def test_values_that_do_not_fit_are_refused(styles_folder: Path, setting: str) -> None:
    with pytest.raises(StyleError, match=r"--control level=.*1 numbers from 0 to 1"):
        find_style(f"{styles_folder / 'dim.onnx'}?{setting}")


def test_a_control_that_is_not_there_is_named(styles_folder: Path) -> None:
    with pytest.raises(StyleError, match=r"--control mix=1: style 'dim' has the controls level"):
        with_controls(find_style(styles_folder / "dim.onnx"), ["mix=1"])
    with pytest.raises(StyleError, match="nothing to turn"):
        with_controls(find_style(styles_folder / "invert.onnx"), ["level=1"])


def test_the_webcam_shows_what_was_turned(styles_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "bundled_folder", lambda: styles_folder)
    styles, first = choose_styles(WebcamOptions(first_style="dim?level=0.5"), print)
    assert styles[first].card.controls[0].default == (0.5,)
    assert len(styles) == len(list(styles_folder.glob("*.onnx")))


@pytest.mark.parametrize("command", ["webcam", "serve"])
def test_a_control_that_none_of_the_styles_would_see_is_refused(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run([command, "--styles", "invert,dim", "--control", "level=0.5"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "--control is of --style, which --styles does not use; leave one of them out" in told


def test_visitors_see_what_was_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[visitors.ServeOptions] = []

    def run_serve(options: visitors.ServeOptions, say: visitors.Tell) -> visitors.ServeReport:
        asked.append(options)
        return visitors.ServeReport(0, 0, 0.0)

    monkeypatch.setattr(visitors, "run_serve", run_serve)
    main.run(["serve", "--style", "dim", "--control", "level=0.5"])
    assert [options.first_style for options in asked] == ["dim?level=0.5"]


def test_a_smaller_network_is_turned_alike(
    styles_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fast").mkdir()
    for name, smaller in (("dim", "dim"), ("invert", "dim")):
        shutil.copy(styles_folder / f"{name}.onnx", tmp_path)
        shutil.copy(styles_folder / f"{smaller}.onnx", tmp_path / "fast" / f"{name}.onnx")
    monkeypatch.setattr(style, "bundled_folder", lambda: tmp_path)
    turned, other = find_style("dim?level=0.5"), find_style("invert")
    swapped, kept = fast_versions((turned, other))
    assert swapped.path == tmp_path / "fast" / "dim.onnx"
    assert swapped.card.controls[0].default == (0.5,)
    assert kept is other
