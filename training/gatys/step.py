"""One step of a Gatys render: evaluation that notices a blow-up, and the clock that tells time to go."""

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.common.errors import TrainingError
from training.gatys.recipe import RenderRecipe
from training.losses.objective import Objective

LARGEST = torch.finfo(torch.float32).max
GRADIENT_EXPONENT = 20
"""L-BFGS sees a first gradient whose absolute values sum to less than two to this power."""


class DivergedError(TrainingError, ArithmeticError):
    """A term of a render, or its gradient, is no finite number any more.

    Attributes:
        picture: the last one whose terms and gradient were finite, (1, 3, H, W), RGB in [0, 1], on the
            CPU; None where the very first was not.
        step: steps taken when it happened.
    """

    def __init__(self, message: str, step: int, picture: Tensor | None) -> None:
        super().__init__(message)
        self.step = step
        self.picture = picture


@dataclass(frozen=True)
class RenderProgress:
    """After ``step`` of ``steps``: ``terms`` are those of the picture before the step, unweighted."""

    step: int
    steps: int
    size_px: int
    terms: dict[str, float]
    seconds_per_step: float
    eta_s: float


class Clock:
    """Seconds spent, over interruptions too, and time to go: a step costs in proportion to its pixels."""

    def __init__(
        self, recipe: RenderRecipe, content: Tensor, seconds_before: float, steps_before: int
    ) -> None:
        self._recipe = recipe
        own = max(content.shape[2:])
        self._sides = [side or own for side in recipe.sizes]
        self._costs = [
            side * side for side, n in zip(self._sides, recipe.iterations, strict=True) for _ in range(n)
        ]
        self._before = seconds_before
        self._steps_before = steps_before
        self._since = time.monotonic()

    @property
    def seconds(self) -> float:
        """Spent so far, in all runs of this render."""
        return self._before + time.monotonic() - self._since

    def progress(self, step: int, stage: int, terms: dict[str, float]) -> RenderProgress:
        """What to tell after ``step``."""
        spent = time.monotonic() - self._since
        cost = sum(self._costs[self._steps_before : step])
        pace = spent / cost
        eta_s = pace * sum(self._costs[step:])
        each = pace * self._costs[step - 1]
        return RenderProgress(step, len(self._costs), self._sides[stage], terms, each, eta_s)


class Evaluation:
    """The closure an optimizer calls: terms and gradient of the picture as it stands.

    L-BFGS begins each step where its line search ended, so the last evaluation is kept and given again:
    a third of the work. Its line search multiplies slopes, squares of the gradient, with one another, which
    float32 cannot hold for the sums of Gatys et al.: L-BFGS is given loss and gradient times a power of two,
    which changes no bit of its steps.
    """

    def __init__(self, objective: Objective, pixels: nn.Parameter, recipe: RenderRecipe) -> None:
        self._objective = objective
        self._pixels = pixels
        self._recipe = recipe
        self._done = 0
        self._scale = 1.0
        self._terms: list[dict[str, float]] = []
        self._seen: tuple[Tensor, Tensor, dict[str, float]] | None = None
        self._good: Tensor | None = None

    def step(self, optimizer: torch.optim.Optimizer, done: int) -> dict[str, float]:
        """One step of ``optimizer``; returns the terms of the picture as it was before.

        Raises:
            DivergedError: a weighted term or the gradient is not finite; which one is said.
        """
        self._done = done
        if isinstance(optimizer, torch.optim.LBFGS):
            self._scale = self._kept_scale(optimizer.state[self._pixels])
        self._terms = []
        optimizer.step(self)
        return self._terms[0]

    def terms(self, done: int) -> dict[str, float]:
        """Terms of the picture as it stands, as numbers."""
        self._done = done
        with torch.no_grad():
            terms = self._objective(self._pixels / self._recipe.pixel_range)
        return self._finite(terms)

    def __call__(self) -> float:
        if self._seen is None or not torch.equal(self._seen[0], self._pixels):
            self._seen = self._evaluated()
            self._good = self._seen[0]
        _, gradient, values = self._seen
        self._pixels.grad = gradient * self._scale
        self._terms.append(values)
        return values["total"] * self._scale

    def _kept_scale(self, state: dict[str, Any]) -> float:
        """L-BFGS's, found before the first step, kept in its ``state``, so that a resumed render has it."""
        if not state:
            self()
            assert self._seen is not None
            exponent = math.frexp(float(self._seen[1].double().abs().sum()))[1]
            state["scale"] = 2.0 ** min(0, GRADIENT_EXPONENT - exponent)
        return float(state.get("scale", 1.0))

    def _evaluated(self) -> tuple[Tensor, Tensor, dict[str, float]]:
        """The picture, its gradient and its terms."""
        self._pixels.grad = None
        terms = self._objective(self._pixels / self._recipe.pixel_range)
        values = self._finite(terms)
        terms["total"].backward()  # type: ignore[no-untyped-call]
        return self._pixels.detach().clone(), self._finite_gradient(), values

    def _finite(self, terms: dict[str, Tensor]) -> dict[str, float]:
        values = {name: float(value.detach()) for name, value in terms.items()}
        weights = {**self._objective.spec.weights, "total": 1.0}
        bad = [name for name, value in values.items() if not abs(weights[name] * value) <= LARGEST]
        if bad:
            self._blow_up(f"the {_named(bad, values)} of the loss")
        return values

    def _finite_gradient(self) -> Tensor:
        gradient: Tensor | None = self._pixels.grad
        assert gradient is not None
        if not bool(torch.isfinite(gradient).all()):
            self._blow_up(f"the gradient of {', '.join(self._terms_without_gradient())}")
        return gradient

    def _terms_without_gradient(self) -> list[str]:
        """Names of the terms whose gradient alone is not finite."""
        bad = []
        for name in ("content", "style", "tv"):
            term = self._objective(self._pixels / self._recipe.pixel_range)[name]
            if term.requires_grad:
                (gradient,) = torch.autograd.grad(term, self._pixels)
                bad += [] if bool(torch.isfinite(gradient).all()) else [name]
        return bad or ["total"]

    def _blow_up(self, what: str) -> None:
        good = None if self._good is None else (self._good / self._recipe.pixel_range).clamp(0, 1).cpu()
        raise DivergedError(
            f"the render blew up after {self._done} steps: {what} is not a finite number", self._done, good
        )


def _named(bad: list[str], values: dict[str, float]) -> str:
    """The culprits with their unweighted values; ``total`` only where no single term is one."""
    culprits = [name for name in bad if name != "total"] or bad
    return ", ".join(f"{name} term ({values[name]:.3g} before its weight)" for name in culprits)
