"""What a training begins from: an interrupted run, another network's weights, or nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from pipeline.common.errors import CheckpointError
from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint, require_same_recipe
from training.feed_forward.optimizer import Optimizer
from training.feed_forward.recipe import TrainingRecipe, TrainingRun
from training.feed_forward.style_weights import checkpoint_from_style_file
from training.networks.rows import fitted


def starting_state(
    recipe: TrainingRecipe, run: TrainingRun, network: nn.Module, optimizer: Optimizer
) -> Checkpoint:
    """The state to begin from: an interrupted run's, another network's weights, or fresh ones."""
    fresh = Checkpoint(recipe.network, {}, recipe.to_dict(), artwork=run.artwork, styles=list(run.styles))
    if run.resume_file.exists():
        earlier = checkpoints.load(run.resume_file)
        before = {**TrainingRecipe().to_dict(), **earlier.recipe}  # what is younger stood at its default
        require_same_recipe(_with_names(before, earlier), _with_names(fresh.recipe, fresh), run.resume_file)
        network.load_state_dict(earlier.network)
        optimizer.restore(earlier.optimizer)
        return earlier
    if run.init_from:
        other = warm_start(run.init_from)
        if other.network_name != recipe.network:
            raise CheckpointError(
                f"--init-from {run.init_from}: a {other.network_name} network; {recipe.network} was asked for"
            )
        network.load_state_dict(fitted(other.network, run.rows))
        return replace(fresh, recipe={**fresh.recipe, "init_from": run.init_from.stem})
    return fresh


def warm_start(path: Path) -> Checkpoint:
    """The weights of a checkpoint or a style file, to start from."""
    return checkpoint_from_style_file(path) if path.suffix == ".onnx" else checkpoints.load(path)


def _with_names(recipe: dict[str, Any], checkpoint: Checkpoint) -> dict[str, Any]:
    return {**recipe, "styles": [style["name"] for style in checkpoint.styles]}
