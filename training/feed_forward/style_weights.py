"""The trained weights inside a style file."""

import importlib.resources
import json
from pathlib import Path
from typing import Any

import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]

from pipeline.common.errors import CheckpointError, TrainingError
from training import networks
from training.checkpoint import Checkpoint
from training.networks.folding import unfolded
from training.networks.rows import rows_of

_CARD_KEY = "brushstream.card"
_BODY = "body."
_START = "starry-night.onnx"


def checkpoint_from_style_file(path: Path) -> Checkpoint:
    """A checkpoint with the weights of ``path``, to start another training from.

    Raises:
        CheckpointError: no style file, or one whose network is not of ours (an imported one).
    """
    model = _read(path)
    card = _card(path, model)
    name = str(card.get("network"))
    stored = {t.name: torch.tensor(onnx.numpy_helper.to_array(t)) for t in model.graph.initializer}
    body = {key.removeprefix(_BODY): value for key, value in stored.items() if key.startswith(_BODY)}
    try:
        network = networks.build(name, rows_of(body))
        weights = unfolded(body, networks.value_range(network), networks.adds_input(network))
        network.load_state_dict(weights)
    except (TrainingError, RuntimeError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path}: the weights of its network {name!r} cannot be taken up again; start from a "
            ".safetensors checkpoint, or from a style trained by this version"
        ) from error
    return Checkpoint(name, weights, styles=list(card.get("styles", [])))


def bundled_start(network_name: str) -> Path | None:
    """The bundled style file that a training of that network starts from; None where none is of it."""
    folder = Path(str(importlib.resources.files("pipeline"))) / "styles"
    starts = (folder / _START, folder / "fast" / _START)
    return next(
        (p for p in starts if p.is_file() and _card(p, _read(p)).get("network") == network_name), None
    )


def _card(path: Path, model: onnx.ModelProto) -> dict[str, Any]:
    card = {entry.key: entry.value for entry in model.metadata_props}.get(_CARD_KEY)
    if card is None:
        raise CheckpointError(f"{path}: an ONNX file, but no style file of brushstream (it has no card)")
    return dict(json.loads(card))


def _read(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise CheckpointError(f"{path}: a style file (.onnx) was expected, there is no such file")
    try:
        return onnx.load_model_from_string(path.read_bytes())
    except DecodeError as error:
        raise CheckpointError(f"{path}: not a whole ONNX file ({error})") from error
