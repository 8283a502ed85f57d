"""Checkpoints: safetensors with the recipe as JSON beside the weights. Never a pickle."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pipeline.common.atomic_files import written
from pipeline.common.errors import CheckpointError, UnsafeCheckpointError
from training import networks

CHECKPOINT_FORMAT = 1
_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_KEY = "brushstream.checkpoint"
_NETWORK, _OPTIMIZER = "network.", "optimizer."


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        network_name: key into ``training.networks.NETWORKS``.
        network: the weights by name, float32.
        recipe: every setting that shaped the weights; a run resumes only under the same recipe.
        step: steps taken.
        artwork: title, artist, year, rights, source of the painting, as far as known.
        styles: the same of each row, in order, with its ``name``; empty for a network of one style.
        training_data: folder's name, number of photographs and their terms.
        optimizer: state of the optimizers by ``index.name``; empty in a file made only for export.
        history: losses so far, one row a report.
        balance: state of the search for the style weight (``feed_forward.balance``), while a run goes on.
    """

    network_name: str
    network: dict[str, Tensor]
    recipe: dict[str, Any] = field(default_factory=dict)
    step: int = 0
    artwork: dict[str, Any] = field(default_factory=dict)
    training_data: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    balance: dict[str, float] = field(default_factory=dict)
    styles: list[dict[str, Any]] = field(default_factory=list)

    def build_network(self) -> nn.Module:
        """The network with these weights, on the CPU, in eval mode.

        Raises:
            CheckpointError: unknown network name, or weights of other names and shapes.
        """
        if self.network_name not in networks.NETWORKS:
            raise CheckpointError(
                f"the checkpoint is of network {self.network_name!r}, which this version does not have; "
                f"it has {', '.join(networks.NETWORKS)}: upgrade brushstream"
            )
        network = networks.build(self.network_name, len(self.styles))
        try:
            network.load_state_dict(self.network)
        except RuntimeError as error:
            raise CheckpointError(
                f"the checkpoint's weights do not fit network {self.network_name!r}; it was written by "
                "another version: train again"
            ) from error
        return network.eval()


def is_pickle(head: bytes) -> bool:
    """Whether a file that begins with these nine bytes is a pickle, bare or in PyTorch's archive.

    Safetensors begin with the length of their header in eight bytes, which may be those of a pickle; the
    header's brace behind them tells.
    """
    return head.startswith(_PICKLES) and head[8:9] != b"{"


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """(tensors, metadata) of a safetensors file; nothing in it can run code.

    Raises:
        UnsafeCheckpointError: a pickle (.pth, .pt, .pkl), by content, whatever its name.
        CheckpointError: anything else that is not safetensors, or truncated.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: a checkpoint (.safetensors) was expected, there is no such file")
    with path.open("rb") as file:
        head = file.read(9)
    if is_pickle(head):
        raise UnsafeCheckpointError(
            f"{path}: this is a pickle, which can run code when it is loaded; only .safetensors checkpoints "
            "written by `brushstream train` are read here"
        )
    try:
        with safe_open(str(path), framework="pt") as opened:
            # Copies lie where torch puts its own tensors: sums over others may differ in their last bits.
            tensors = {key: opened.get_tensor(key).clone() for key in opened.keys()}  # noqa: SIM118 - no iterator
            return tensors, dict(opened.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a whole safetensors file ({error})") from error


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write ``checkpoint``; the old file stays until the new one is whole.

    Raises:
        OutputError: the folder is missing or cannot be written, or the disk is full.
    """
    meta = {
        "format": CHECKPOINT_FORMAT,
        "network": checkpoint.network_name,
        "recipe": checkpoint.recipe,
        "step": checkpoint.step,
        "artwork": checkpoint.artwork,
        "training_data": checkpoint.training_data,
        "history": checkpoint.history,
        "balance": checkpoint.balance,
        "styles": checkpoint.styles,
    }
    tensors = {_NETWORK + k: v.detach().cpu().contiguous() for k, v in checkpoint.network.items()}
    tensors |= {_OPTIMIZER + k: v.detach().cpu().contiguous() for k, v in checkpoint.optimizer.items()}
    with written(path, SafetensorError) as part:
        save_file(tensors, str(part), {_KEY: json.dumps(meta)})


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: not one of ours, damaged, or of a newer format (UnsafeCheckpointError: a pickle).
    """
    tensors, metadata = read_safetensors(path)
    if _KEY not in metadata:
        raise CheckpointError(f"{path}: safetensors, but not a checkpoint written by `brushstream train`")
    try:
        meta = json.loads(metadata[_KEY])
        if meta["format"] > CHECKPOINT_FORMAT:
            raise CheckpointError(f"{path}: checkpoint format {meta['format']}: upgrade brushstream")
        return Checkpoint(
            network_name=str(meta["network"]),
            network=_part(tensors, _NETWORK),
            recipe=dict(meta["recipe"]),
            step=int(meta["step"]),
            artwork=dict(meta["artwork"]),
            training_data=dict(meta["training_data"]),
            optimizer=_part(tensors, _OPTIMIZER),
            history=list(meta["history"]),
            balance=dict(meta.get("balance", {})),
            styles=list(meta.get("styles", [])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: the checkpoint's description is damaged ({error})") from error


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """The weights of ``network`` by name as a checkpoint holds them: float32, on the CPU."""
    return {name: value.detach().float().cpu() for name, value in network.state_dict().items()}


def require_same_recipe(
    earlier: dict[str, Any],
    now: dict[str, Any],
    path: Path,
    otherwise: str = "delete this file to start again",
) -> None:
    """CheckpointError where what ``path`` keeps was begun with other settings; it says which."""
    differing = [key for key in now if earlier.get(key) != now[key]]
    if differing:
        changes = ", ".join(f"{key} {earlier.get(key)} -> {now[key]}" for key in differing)
        raise CheckpointError(
            f"{path}: begun with another recipe ({changes}); use the same options and pictures to go on, or "
            f"{otherwise}"
        )


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
