"""``scripts/train_gallery.py``: a gallery of one painting, made, continued and stopped in time."""

from pathlib import Path

import pytest

from pipeline.style import read_style
from scripts import train_gallery


@pytest.fixture
def command(tmp_path: Path, painting: Path, photos: Path, full_vgg: Path) -> list[str]:
    return [
        "--paintings", str(painting.parent), "--photos", str(photos), "-o", str(tmp_path / "out"),
        "--styles", "stripes", "--goals", "stripes=0.3", "--", "--vgg-weights", str(full_vgg),
        "--steps", "2", "--image-size", "64", "--brush-size", "96", "--batch-size", "1",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_gallery_is_made_once(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "out" / "fast" / "stripes.onnx"
    command[8:10] = ["--fast", "stripes"]  # in the place of --goals
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "stripes.onnx").touch()  # the default network is there already
    assert train_gallery.main(command) == 0
    card = read_style(made).card
    assert (card.name, card.network, card.margin_px) == ("stripes", train_gallery.FAST_NETWORK, 0)
    before = made.stat().st_mtime_ns
    assert train_gallery.main(command) == 0
    assert made.stat().st_mtime_ns == before
    assert capsys.readouterr().out.count("there already") == 3


def test_time_that_is_up_is_said_and_the_exit_code_tells(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_gallery.main(["--minutes", "0", *command]) == 1
    assert "not begun, the time was up" in capsys.readouterr().out


@pytest.mark.slow
def test_a_training_that_fails_is_named(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert train_gallery.main([*command, "--network", "none"]) == 1
    assert "FAILED with exit code 8" in capsys.readouterr().out


def test_an_unknown_name_is_refused_before_any_work(command: list[str], tmp_path: Path) -> None:
    command[7] = "stripes,none"
    with pytest.raises(SystemExit, match="no painting named none"):
        train_gallery.main(command)
    assert not (tmp_path / "out").exists()
