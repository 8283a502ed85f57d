"""The int8 graph of a style file: read, refused where it is absent or damaged, taken by itself with VNNI."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from pipeline.common import machine
from pipeline.common.errors import EngineError
from pipeline.engines import int8, ov
from pipeline.engines.base import Precision
from pipeline.style import read_style
from tests.support.make_int8 import with_int8

SIZE = (64, 96)


def opened(path: Path, precision: Precision | None) -> ov.OpenVinoEngine:
    return ov.OpenVinoEngine(path, read_style(path).card, SIZE, precision)


def test_a_style_without_one_is_refused_with_the_cure(styles_folder: Path) -> None:
    with pytest.raises(EngineError, match=r"no int8 graph; `brushstream export .*invert.onnx --photos"):
        opened(styles_folder / "invert.onnx", "int8")


@pytest.mark.parametrize("damage", [lambda text: text[: len(text) // 2], lambda text: "~" + text])
def test_a_damaged_one_is_refused(tmp_path: Path, styles_folder: Path, damage: object) -> None:
    path = with_int8(styles_folder / "invert.onnx", tmp_path / "invert.onnx")
    model = onnx.load(path)
    (entry,) = (p for p in model.metadata_props if p.key == int8.GRAPH_KEY)
    entry.value = damage(entry.value)  # type: ignore[operator]
    path.write_bytes(model.SerializeToString())
    with pytest.raises(EngineError, match="damaged"):
        opened(path, "int8")


@pytest.mark.parametrize(
    ("bf16", "vnni", "graph", "taken"),
    [
        (True, True, True, "bf16"),
        (False, True, True, "int8"),
        (False, False, True, "fp32"),
        (False, True, False, "fp32"),
    ],
)
def test_it_is_the_default_with_vnni_and_without_bf16(
    tmp_path: Path, styles_folder: Path, monkeypatch: pytest.MonkeyPatch,
    bf16: bool, vnni: bool, graph: bool, taken: str,
) -> None:  # fmt: skip
    path = styles_folder / "invert.onnx"
    if graph:
        path = with_int8(path, tmp_path / "invert.onnx")
    monkeypatch.setattr(ov, "_computes_bf16", lambda core: bf16)
    monkeypatch.setattr(machine, "has_vnni", lambda: vnni)
    frame = np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8)
    with opened(path, None) as engine:
        assert engine.info.precision == taken
        assert np.abs(engine.infer(frame).astype(int) - (255 - frame)).max() <= 1
