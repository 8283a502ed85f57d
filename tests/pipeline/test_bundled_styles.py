"""What comes with the program: every style small, described, and the same picture in the chosen engine."""

from pathlib import Path

import pytest

from pipeline.lookup import find_style
from pipeline.style import bundled_folder, read_style
from pipeline.stylize.stylizer import Stylizer

FILES = sorted(bundled_folder().rglob("*.onnx"))
PAINTINGS = [path for path in FILES if path.parent.name != "cycle"]
TRANSLATIONS = [path for path in FILES if path.parent.name == "cycle"]
LARGEST_BYTES = 2_400_000


def test_there_are_styles() -> None:
    assert {"starry-night", "great-wave"} <= {path.stem for path in FILES if path.parent == bundled_folder()}


@pytest.mark.parametrize("path", PAINTINGS, ids=lambda path: str(path.relative_to(bundled_folder())))
def test_a_card_tells_everything(path: Path) -> None:
    card = read_style(path).card
    assert path.stat().st_size <= LARGEST_BYTES
    assert card.name == path.stem
    told = [card.title, card.artist, card.rights]
    for row in card.styles or ({"year": card.year, "source": card.artwork_source, "name": ""},):
        told += [row[key] for key in row] if row["name"] == "photograph" else [row["year"], row["source"]]
    assert all(told)
    assert card.training_data["photos"] > 100
    assert "ImageNet" in card.training_data["terms"]
    assert card.recipe["steps_taken"] == card.recipe["steps"]
    assert {"held_out_content", "held_out_style"} <= set(card.evaluation)
    assert all(report["passed"] for report in card.parity)


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_a_translation_tells_both_folders_and_their_terms(path: Path) -> None:
    card = read_style(path).card
    assert path.stat().st_size <= LARGEST_BYTES
    assert find_style(path.stem).path == path
    assert card.name == path.stem
    assert all(card.training_data[side]["terms"] in card.rights for side in "ab")
    assert card.recipe["method"] == "cycle"
    assert {"kernel_distance", "kernel_distance_untouched"} <= set(card.evaluation)
    assert card.evaluation["cycle_error"] > 0
    assert all(report["passed"] for report in card.parity)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(bundled_folder())))
def test_the_chosen_engine_keeps_the_picture(path: Path) -> None:
    with Stylizer(read_style(path), (240, 320)) as stylizer:
        assert stylizer.opened.refused is None, stylizer.describe()
