"""What a training reports: means of its terms, and its pace."""

import math
import time
from collections.abc import Mapping

import torch
from torch import Tensor

from pipeline.common.errors import TrainingError


class Due:
    """Whether it is time again: every so many steps, or seconds where those are given."""

    def __init__(self, steps: int, seconds: float | None = None) -> None:
        """``steps`` 0: never."""
        self._steps, self._seconds, self._last = steps, seconds, time.monotonic()

    def due(self, step: int) -> bool:
        """Asked once after every step."""
        if self._seconds is None:
            return bool(self._steps) and step % self._steps == 0
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


class Meter:
    """Means of the terms and the pace since the last report."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._steps = 0
        self._since = time.monotonic()
        self._pace = 0.0

    def add(self, terms: dict[str, Tensor]) -> None:
        """Count one step with its scalar terms."""
        for name, value in terms.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value.detach()
            self._counts[name] = self._counts.get(name, 0) + 1
        self._steps += 1

    def means(self) -> dict[str, float]:
        """Each term's mean over the steps in which it came; counting begins anew."""
        means = {name: float(value) / self._counts[name] for name, value in self._sums.items()}
        now = time.monotonic()
        self._pace = (now - self._since) / self._steps
        self._sums, self._counts, self._steps, self._since = {}, {}, 0, now
        return means

    def seconds_per_step(self) -> float:
        """The pace up to the last ``means``."""
        return self._pace


def stop_if_not_finite(means: Mapping[str, float], step: int) -> None:
    """TrainingError where a term is no number any more; it names the terms and what to do."""
    bad = [name for name, value in means.items() if not math.isfinite(value)]
    if bad:
        raise TrainingError(
            f"training diverged before step {step}: {', '.join(bad)} is not a finite number; the last "
            "checkpoint is kept. Lower --lr or the weight of that term"
        )
