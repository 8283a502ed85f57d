"""What a training between two folders tells: a sheet of held-out pictures, and a line of progress."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.common.progress import time_left
from training.cycle.recipe import CycleProgress, CycleRecipe
from training.cycle.step import TERMS
from training.feed_forward.validation import autocast

SHOWN = (*TERMS, "discriminator_a", "discriminator_b")


@dataclass(frozen=True)
class Preview:
    """Held-out pictures of one direction, each (N, 3, H, W) in [0, 1]: a row of the sheet each.

    Attributes:
        direction: ``a2b`` or ``b2a``.
        real, fake, reconstructed: a picture, painted, and back again.
        identity: the real picture through the other direction, which should leave it alone.
    """

    direction: str
    real: Tensor
    fake: Tensor
    reconstructed: Tensor
    identity: Tensor

    @property
    def rows(self) -> tuple[Tensor, ...]:
        """From top to bottom."""
        return self.real, self.fake, self.reconstructed, self.identity


@torch.no_grad()
def previews(generators: nn.ModuleDict, a: Tensor, b: Tensor, recipe: CycleRecipe) -> list[Preview]:
    """Both directions on held-out pictures ``a`` and ``b``."""
    there, back = generators["a2b"], generators["b2a"]
    return [_preview("a2b", there, back, a, recipe), _preview("b2a", back, there, b, recipe)]


def _preview(direction: str, there: nn.Module, back: nn.Module, real: Tensor, recipe: CycleRecipe) -> Preview:
    with autocast(real.device, recipe.precision):
        fake = there(real).float().clamp(0.0, 1.0)
        rows = back(fake), back(real)
    return Preview(direction, real, fake, *(row.float().clamp(0.0, 1.0) for row in rows))


def sheet_rows(shown: list[Preview]) -> list[Tensor]:
    """Real, fake, reconstructed and identity of A, below them those of B."""
    count = min(len(preview.real) for preview in shown)
    return [row[:count] for preview in shown for row in preview.rows]


def describe(progress: CycleProgress) -> str:
    """One line: step, terms, pace, time to go, and broken pictures where there are any."""
    parts = [f"step {progress.step}/{progress.steps}"]
    labels = {name: name.replace("discriminator_", "D_") for name in SHOWN}
    parts += [f"{labels[name]} {progress.terms[name]:.4f}" for name in SHOWN if name in progress.terms]
    parts += [f"{progress.seconds_per_step:.2f} s/step", time_left(progress.eta_s)]
    if progress.broken_pictures:
        parts.append(f"{progress.broken_pictures} broken pictures skipped")
    return ", ".join(parts)
