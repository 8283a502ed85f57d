"""Networks of lengstrom's fast-style-transfer: the style paints what the program paints, or is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from export.foreign.recognise import recognise
from export.foreign.style_file import Provenance, style_file_from_foreign
from export.parity import sample_frames
from pipeline.cli import main
from pipeline.common.errors import CheckpointError
from pipeline.engines.ort import OnnxRuntimeEngine
from pipeline.style import read_style
from tests.support import make_fast_style_transfer as made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made.save(tmp_path / "wave", made.variables())


@pytest.mark.slow
def test_the_style_paints_what_the_program_paints(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "wave.onnx"
    style_file_from_foreign(folder, target, Provenance("unknown"), sizes=[(40, 52)])
    style, draw = read_style(target), made.drawing(made.variables())
    with OnnxRuntimeEngine(style.path, style.card, (36, 68)) as engine:
        for frame in sample_frames((36, 68))[:6]:
            wanted = draw(frame)
            assert wanted.std() > 30
            assert np.abs(engine.infer(frame).astype(int) - wanted.astype(int)).max() <= 1
    card = style.card
    assert (card.network, card.origin["layout"]) == ("fast-style-transfer 6/8/10, 2", "fast-style-transfer")
    assert card.parameters == sum(value.size for value in made.variables().values())
    assert card.origin["value_range"] == [0.0, 255.0]
    assert len(card.origin["sha256"]) == 64


def test_other_widths_and_numbers_of_blocks(tmp_path: Path) -> None:
    found = recognise(made.save(tmp_path / "a", made.variables((4, 5, 7), 3)))
    assert found.architecture == "fast-style-transfer 4/5/7, 3"


def without_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def changed_manifest(change: Callable[[dict[str, dict[str, object]]], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        manifest = folder / "manifest.json"
        entries = json.loads(manifest.read_text())
        change(entries)
        manifest.write_text(json.dumps(entries))

    return apply


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (without_manifest, "manifest.json cannot be read"),
    "no object": (lambda f: (f / "manifest.json").write_text("[1]"), "damaged or of another kind"),
    "truncated": (lambda f: (f / "Variable_3").write_bytes(b"1234"), "4 bytes, but .* takes 1728"),
    "a file is missing": (lambda f: (f / "Variable_7").unlink(), "named in manifest.json, cannot be read"),
    "outside": (changed_manifest(lambda m: m["Variable"].update(filename="../x")), "no plain file name"),
    "one too many": (changed_manifest(lambda m: m.update(Adam=m["Variable_1"])), "has 31 variables"),
    "another shape": (changed_manifest(lambda m: m["Variable_1"].update(shape=[2, 3])), "has shape"),
    "not finite": (lambda f: (f / "Variable_1").write_bytes(np.full(6, np.nan, "<f4").tobytes()), "finite"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_folders_are_one_line(folder: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    damage, message = DAMAGES[kind]
    damage(folder)
    with pytest.raises(CheckpointError, match=message):
        recognise(folder)
    assert main.run(["import", str(folder), "-o", str(folder / "a.onnx"), "--licence", "MIT"]) == 4
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (folder / "a.onnx").exists()
