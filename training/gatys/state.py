"""The state of an unfinished render: picture, optimizer, step. Never a pickle."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from pipeline.common.atomic_files import written
from pipeline.common.errors import CheckpointError
from training.checkpoint import read_safetensors, require_same_recipe

STATE_FORMAT = 1
_KEY = "brushstream.gatys"
_OPTIMIZER = "optimizer."


@dataclass(frozen=True)
class State:
    """Where a render stands.

    Attributes:
        recipe: the recipe and a digest of every input; a render resumes only under the same.
        pixels: (1, 3, H, W) float32, the optimised numbers in the recipe's range.
        stage, iteration: index into the recipe's sizes, and steps taken there.
        tensors, scalars: the optimizer's state, flat.
        history: terms after 0, 1, 2, ... steps of all stages. seconds: spent so far.
    """

    recipe: dict[str, Any]
    pixels: Tensor
    stage: int = 0
    iteration: int = 0
    tensors: dict[str, Tensor] = field(default_factory=dict)
    scalars: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0


def digest(tensors: Iterable[Tensor]) -> str:
    """A short name for the exact numbers and shapes of ``tensors``."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(str(tuple(tensor.shape)).encode())
        found.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def save(path: Path, state: State) -> None:
    """Write ``state``; the old file stays until the new one is whole.

    Raises:
        OutputError: the folder is missing or read-only, or the disk is full.
    """
    tensors = {_OPTIMIZER + k: v.detach().cpu().contiguous() for k, v in state.tensors.items()}
    tensors["pixels"] = state.pixels.detach().cpu().contiguous()
    meta = {
        "format": STATE_FORMAT,
        "recipe": state.recipe,
        "stage": state.stage,
        "iteration": state.iteration,
        "scalars": state.scalars,
        "history": state.history,
        "seconds": state.seconds,
    }
    with written(path, SafetensorError) as part:
        save_file(tensors, str(part), {_KEY: json.dumps(meta)})


def load(path: Path, recipe: dict[str, Any]) -> State:
    """Read the state of a render with the same ``recipe``.

    Raises:
        CheckpointError: no such state, damaged, or of another recipe (which settings differ is said).
    """
    tensors, metadata = read_safetensors(path)
    try:
        meta = json.loads(metadata[_KEY])
        if meta["format"] > STATE_FORMAT:
            raise CheckpointError(f"{path}: state format {meta['format']}: upgrade brushstream")
        require_same_recipe(meta["recipe"], recipe, path)
        return State(
            recipe=recipe,
            pixels=tensors.pop("pixels"),
            stage=int(meta["stage"]),
            iteration=int(meta["iteration"]),
            tensors={key.removeprefix(_OPTIMIZER): value for key, value in tensors.items()},
            scalars=dict(meta["scalars"]),
            history=list(meta["history"]),
            seconds=float(meta["seconds"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path}: no whole state of a render ({error}); delete it to start again"
        ) from error


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, float]]:
    """(tensors, scalars) of an optimizer with one parameter, Adam or L-BFGS, copied.

    L-BFGS keeps lists of tensors: element i of ``old_dirs`` is ``old_dirs.i``. Its scratch list ``al`` is
    left out.
    """
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, float] = {}
    for key, value in optimizer.state_dict()["state"].get(0, {}).items():
        if isinstance(value, Tensor):
            tensors[key] = value.clone()
        elif isinstance(value, (int, float)):
            scalars[key] = value
        elif isinstance(value, list) and key != "al":
            tensors |= {f"{key}.{index:04d}": item.clone() for index, item in enumerate(value)}
    return tensors, scalars


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], scalars: dict[str, float]
) -> None:
    """Put back what ``optimizer_state`` gave; nothing was given before the first step."""
    values: dict[str, Any] = dict(scalars)
    for key, tensor in sorted(tensors.items()):
        name, listed, _ = key.partition(".")
        if listed:
            values.setdefault(name, []).append(tensor)
        else:
            values[name] = tensor
    if values:
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": {0: values}, "param_groups": groups})
