"""The int8 graph that export writes into a style file, made by NNCF of real pictures."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from pipeline.common.adapters import is_installed
from pipeline.common.errors import InputError
from pipeline.engines.int8 import GRAPH_KEY
from pipeline.engines.parity import ParityReport
from pipeline.style import StyleCard, read_style
from tests.support import make_models

pytestmark = pytest.mark.skipif(not is_installed("nncf"), reason="nncf is not installed (extra `int8`)")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        picture = np.random.default_rng(number).integers(0, 256, (30, 40, 3), np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), cv2.resize(picture, (400, 300)))
    return folder


def graphs_in(path: Path) -> int:
    return sum(entry.key == GRAPH_KEY for entry in onnx.load(path).metadata_props)


def test_it_stands_in_the_file_with_its_parity_and_is_replaced(tmp_path: Path, photos: Path) -> None:
    from export.quantized import add_int8

    path, told = make_models.normed(tmp_path / "normed.onnx"), list[ParityReport]()
    for _ in range(2):
        card = add_int8(path, photos, told.append)
    assert read_style(path).card == card
    assert (card.int8["photographs"], graphs_in(path), len(told)) == (6, 1, 2)
    assert [report["engine"].rpartition(", ")[2] for report in card.parity] == ["int8"]
    assert told[1].passed


def test_one_that_shows_another_picture_is_left_out(tmp_path: Path, photos: Path) -> None:
    from export.quantized import add_int8

    strict = dataclasses.replace(StyleCard("normed", size_multiple=4), parity_limits={"int8": [0, 0]})
    path = make_models.normed(tmp_path / "normed.onnx", card=strict)
    card = add_int8(path, photos)
    assert (card.int8, card.parity, graphs_in(path)) == ({}, (), 0)
    assert read_style(path).card == card


def test_photographs_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    from export.quantized import add_int8

    path = make_models.normed(tmp_path / "normed.onnx")
    (tmp_path / "a.jpg").write_text("no picture")
    before = path.read_bytes()
    with pytest.raises(InputError, match="none of 1 pictures"):
        add_int8(path, tmp_path)
    assert path.read_bytes() == before
