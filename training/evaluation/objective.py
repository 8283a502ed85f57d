"""Objective ratio: how near a network comes to what slow optimisation of the same loss reaches."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.common.atomic_files import make_folder
from pipeline.common.errors import CheckpointError
from pipeline.common.reports import read_json, write_json
from training import image_io
from training.gatys import render, state
from training.gatys.recipe import RenderRecipe, changed
from training.gatys.render import Inputs, RenderRun
from training.losses.encoder import VggEncoder
from training.losses.objective import Objective
from training.studies.feed_forward import objective_of

CACHE_FORMAT = 1
NEEDED = ("content_weight", "style_weight", "style_layers", "content_layer", "style_size")
OnStep = Callable[[int], None]


@dataclass(frozen=True)
class Optimised:
    """What optimising the pixels reached.

    Attributes:
        losses: the objective after 0, 1, 2, ... steps; the first is that of the untouched photograph.
        terms: unweighted ``content``, ``style``, ``tv`` and the weighted ``total`` after the last step.
        image: (1, 3, H, W), RGB in [0, 1].
    """

    losses: list[float]
    terms: dict[str, float]
    image: Tensor


def optimisation(trained: dict[str, Any], side_px: int, iterations: int, precision: str) -> RenderRecipe:
    """The objective of a training recipe as one to optimise the pixels of a ``side_px`` square by.

    Keys that are not known are passed over; ``tv_weight`` and ``octaves`` may be missing (0 and 1).

    Raises:
        CheckpointError: the recipe does not say what its objective was.
    """
    lacking = [key for key in NEEDED if key not in trained]
    if lacking:
        raise CheckpointError(f"its recipe does not say {', '.join(lacking)}, so its objective is not known")
    known = {"tv_weight": 0.0, "octaves": 1, **trained}
    base = replace(RenderRecipe(), sizes=(side_px,), precision=precision)
    square = Inputs(torch.zeros(1, 3, side_px, side_px), ())
    return changed(objective_of(known, base, (iterations,), square), name="evaluation", sizes=(0,))


class Judge:
    """The objective of one style for one photograph, on the device of ``encoder``."""

    def __init__(self, recipe: RenderRecipe, encoder: VggEncoder, painting: Tensor, photo: Tensor) -> None:
        """Take the style's objective.

        Args:
            recipe: of ``optimisation``.
            encoder: opened with ``recipe.layers`` in the recipe's precision.
            painting: (1, 3, H, W), RGB in [0, 1], at the scale the network was trained with.
            photo: (1, 3, side, side), RGB in [0, 1].
        """
        self.recipe, self.encoder = recipe, encoder
        self.inputs = Inputs(photo.cpu(), (painting.cpu(),))
        device = encoder.mean.device
        self._objective = Objective(recipe.spec, encoder, [painting.to(device)], content=photo.to(device))

    @torch.no_grad()
    def terms(self, image: Tensor) -> dict[str, float]:
        """Unweighted ``content``, ``style``, ``tv`` and the weighted ``total`` of a picture."""
        found = self._objective(image.to(self.encoder.mean.device))
        return {name: float(value) for name, value in found.items()}

    def optimised(self, folder: Path, on_step: OnStep = lambda step: None) -> Optimised:
        """Optimise the photograph's pixels, or take what ``folder`` holds of the very same optimisation.

        An interrupted one goes on from its last state, at most 25 steps back.

        Raises:
            CheckpointError: a file in ``folder`` is damaged. OutputError: ``folder`` cannot be written.
            DivergedError: a term is no number any more.
        """
        about = self._about()
        name = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:20]
        make_folder(folder, parents=True)
        numbers, picture = folder / f"{name}.json", folder / f"{name}.png"
        if not numbers.exists():
            self._optimise(folder / f"{name}.resume.safetensors", numbers, picture, about, on_step)
        kept = read_json(numbers)
        image = image_io.read_picture(picture, "optimised picture").image
        return Optimised(list(kept["losses"]), dict(kept["terms"]), image)

    def _about(self) -> dict[str, Any]:
        """Everything that shapes an optimisation, and nothing else: networks of one recipe share it."""
        return {
            "format": CACHE_FORMAT,
            "recipe": self.recipe.to_dict(),
            "photo": state.digest([self.inputs.content]),
            "painting": state.digest(self.inputs.styles),
            "encoder": state.digest(self.encoder.body.parameters()),
            "device": self.encoder.mean.device.type,
        }

    def _optimise(
        self, resume: Path, numbers: Path, picture: Path, about: dict[str, Any], on_step: OnStep
    ) -> None:
        run = RenderRun(resume, checkpoint_interval=25, on_progress=lambda progress: on_step(progress.step))
        done = render.render(self.recipe, self.inputs, self.encoder, run)
        last = {key: done.history[-1][key] for key in ("content", "style", "tv", "total")}
        image_io.write_picture(picture, done.image)
        losses = [row["total"] for row in done.history]
        write_json(numbers, {"about": about, "losses": losses, "terms": last, "seconds": done.seconds})


def objective_ratio(network: float, losses: list[float]) -> float:
    """``(L_net - L_opt) / (L_content - L_opt)``: 0 = as good as the optimisation, 1 = nothing done.

    L_content is the first of ``losses``, the untouched photograph's; L_opt the lowest of them. Below 0
    the network beats the optimisation.

    Raises:
        ValueError: the optimisation lowered nothing.
    """
    untouched, best = losses[0], min(losses)
    if not untouched > best:
        raise ValueError(f"the optimisation went from {untouched:.4g} to no less: no ratio can be formed")
    return (network - best) / (untouched - best)


def equivalent_iterations(network: float, losses: list[float]) -> int | None:
    """The first step whose loss is at most the network's; None where no step gets there."""
    return next((step for step, loss in enumerate(losses) if loss <= network), None)
