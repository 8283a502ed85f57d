"""Styles to evaluate: from what was named to something that paints, with its costs; figures into a card."""

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from export.to_onnx import style_file_from_checkpoint, write_style_file
from pipeline.bench.service import BenchOptions, run_bench
from pipeline.common.atomic_files import make_folder
from pipeline.common.errors import InputNotFoundError, StyleError
from pipeline.lookup import find_style
from pipeline.style import StyleFile, read_style
from training import checkpoint as checkpoints

BENCH_SIZE = (480, 640)
BENCH_FRAMES, BENCH_WARMUP = 100, 10


@dataclass(frozen=True)
class Candidate:
    """A style that was named on the command line.

    Attributes:
        name: how the report calls it.
        file: what paints; of a checkpoint, the style file exported from it.
        painting_names: under which its painting is looked for, in this order.
        given: the .onnx file that was given by its path, whose card may be written; else None.
    """

    name: str
    file: StyleFile
    painting_names: tuple[str, ...]
    given: Path | None = None

    @property
    def recipe(self) -> dict[str, Any]:
        """Of its training, as the card tells."""
        return self.file.card.recipe

    @property
    def way_back(self) -> StyleFile | None:
        """The other direction of a pair trained between two folders, where it lies beside this one.

        Raises:
            StyleError: there is a file of that name, and it is no style.
        """
        direction = str(self.recipe.get("direction", ""))
        other = {"a2b": "b2a", "b2a": "a2b"}.get(direction)
        path = self.file.path
        if other is None or not path.stem.endswith(direction):
            return None
        beside = path.with_name(path.stem.removesuffix(direction) + other + path.suffix)
        return read_style(beside) if beside.exists() else None

    @property
    def trained_side_px(self) -> int | None:
        """Side of the largest pictures that a training between two folders saw; None for other styles."""
        if self.recipe.get("method") != "cycle":
            return None
        return round(float(self.recipe["image_size"] * self.recipe["largest_scale"]))


def candidate(named: str, folder: Path) -> Candidate:
    """Open a style by name, ``NAME.onnx``, or a trained checkpoint.

    A checkpoint is exported into ``folder`` first, parity check and all, once for the same file.

    Raises:
        StyleNotFoundError, StyleError, CheckpointError, ParityError: it cannot be used.
        InputNotFoundError: no such checkpoint.
    """
    if named.endswith(".safetensors"):
        return _of_checkpoint(Path(named), folder)
    file = find_style(named)
    name = file.path.stem
    names = tuple(dict.fromkeys((name, file.card.name)))
    return Candidate(name, file, names, file.path if named.endswith(".onnx") else None)


def _of_checkpoint(path: Path, folder: Path) -> Candidate:
    if not path.is_file():
        raise InputNotFoundError(f"{path}: a trained checkpoint was expected, there is no such file")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    exported = folder / digest / f"{path.stem}.onnx"
    artwork = str(checkpoints.load(path).artwork.get("name", ""))
    if not exported.exists():
        make_folder(exported.parent, parents=True)
        style_file_from_checkpoint(path, exported)
    names = tuple(dict.fromkeys(name for name in (path.stem, artwork) if name))
    return Candidate(path.stem, read_style(exported), names)


def candidates(named: list[str], folder: Path) -> list[Candidate]:
    """All of them, each under a name of its own.

    Raises:
        StyleError: two would have one name.
    """
    found = [candidate(one, folder) for one in named]
    names = [one.name for one in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise StyleError(
            f"{', '.join(twice)}: two styles have this name, a report needs one for each; rename a file"
        )
    return found


def cost(style: StyleFile, engine: str) -> tuple[dict[str, float | None], str]:
    """``parameters``, ``gmacs`` and ``service_ms`` at 640x480, and what ran; None where the card is silent.

    Raises:
        EngineError, MissingPackageError: the engine cannot run.
    """
    report = run_bench(BenchOptions(style, BENCH_SIZE, engine, None, BENCH_FRAMES, BENCH_WARMUP))
    height, width = BENCH_SIZE
    figures = {
        "parameters": float(style.card.parameters) or None,
        "gmacs": style.card.macs_per_pixel * height * width / 1e9 or None,
        "service_ms": report.service.p50,
    }
    return figures, f"{report.engine}; {report.machine['cpu']}, {report.machine['cores']} cores"


def write_evaluation(path: Path, evaluation: dict[str, Any]) -> None:
    """Store measured figures in a style file's card, whole or not at all; weights and graph stay the same.

    Other keys that the card has under ``evaluation`` are kept.

    Raises:
        StyleError: no style file. OutputError: it cannot be written.
    """
    card = read_style(path).card
    card = dataclasses.replace(card, evaluation={**card.evaluation, **evaluation})
    write_style_file(path, onnx.load(path), card)
