"""Parity: how far two engines' frames lie apart, and how far they may.

Frames are compared in grey levels of 0..255, widened before subtracting. A uint8 frame cannot carry a
NaN; what it leaves is a region of 0 or 255 where the reference shows something else, and that is
counted by itself (``lost``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.common.errors import StyleError
from pipeline.engines.base import Precision
from pipeline.frame import Pixels
from pipeline.style import StyleCard

LIMITS: Mapping[Precision, tuple[float, float]] = {
    "fp32": (0.1, 1.0),
    "bf16": (0.5, 4.0),
    "fp16": (0.5, 4.0),
    "int8": (1.0, 8.0),
}
"""(mean, 99.9th percentile) of the absolute difference in grey levels; a card may set its own."""

LOST_LIMIT = 0.001
_LOST_STEP = 64


@dataclass(frozen=True)
class ParityReport:
    """Difference of one engine's frames from a reference's, in grey levels of 0..255.

    Attributes:
        engine: what ran, with version, device and precision.
        mean, p999, largest: of the absolute differences over all pixels and channels.
        mean_limit, p999_limit: what was allowed.
        frames: how many were compared.
        lost: share of values that are 0 or 255 while the reference is 64 or more away: NaN and overflow.
        reference: what it was compared with.
    """

    engine: str
    mean: float
    p999: float
    largest: float
    mean_limit: float
    p999_limit: float
    frames: int
    lost: float = 0.0
    reference: str = "torch"

    @property
    def passed(self) -> bool:
        """Whether every limit is kept; a NaN fails."""
        return self.mean <= self.mean_limit and self.p999 <= self.p999_limit and self.lost <= LOST_LIMIT

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, with the verdict."""
        return {**asdict(self), "passed": self.passed}

    def __str__(self) -> str:
        verdict = "same picture" if self.passed else "ANOTHER PICTURE"
        lost = f", {self.lost:.1%} of the values lost" if self.lost > LOST_LIMIT else ""
        return (
            f"{self.engine}: {verdict}; differs from {self.reference} by {self.mean:.4f} grey levels on "
            f"average (limit {self.mean_limit:g}), {self.p999:g} at the 99.9th percentile (limit "
            f"{self.p999_limit:g}), {self.largest:g} at most{lost}, over {self.frames} frames"
        )


def limits_for(card: StyleCard, precision: Precision) -> tuple[float, float]:
    """(mean, 99.9th percentile) that the card, or else ``LIMITS``, allows for a precision.

    Raises:
        StyleError: the card's limits are no pair of numbers.
    """
    limits = card.parity_limits.get(precision, LIMITS[precision])
    try:
        mean, p999 = (float(limit) for limit in limits)
    except (TypeError, ValueError) as error:
        raise StyleError(
            f"the card of style {card.name!r} has parity limits {limits!r} for {precision}; "
            "(mean, 99.9th percentile) in grey levels was expected: export it again"
        ) from error
    return mean, p999


class Differences:
    """Collects the absolute differences of frames as a histogram: constant memory, exact quantiles."""

    def __init__(self) -> None:
        self.frames = 0
        self._counts: NDArray[np.int64] = np.zeros(256, np.int64)
        self._lost = 0

    def add(self, result: Pixels, reference: Pixels) -> None:
        """Compare two (H, W, 3) uint8 frames of one size.

        Where both are of one colour, a level is no difference: a plain picture is three numbers, and on
        which side of a half float32 leaves one of them moves every pixel at once.
        """
        apart = np.abs(result.astype(np.int16) - reference.astype(np.int16))
        if apart.max() == 1 and _is_plain(result) and _is_plain(reference):
            apart[:] = 0
        self._counts += np.bincount(apart.ravel(), minlength=256)
        dead = (result == 0) | (result == 255)
        self._lost += int(np.count_nonzero(dead & (apart >= _LOST_STEP)))
        self.frames += 1

    def report(self, engine: str, reference: str, limits: tuple[float, float]) -> ParityReport:
        """The figures so far. Raises ValueError where nothing was compared."""
        total = int(self._counts.sum())
        if not total:
            raise ValueError("no frame was compared")
        levels = np.arange(256)
        p999 = int(np.searchsorted(np.cumsum(self._counts), 0.999 * total))
        return ParityReport(
            engine,
            mean=float((self._counts * levels).sum() / total),
            p999=float(p999),
            largest=float(np.flatnonzero(self._counts)[-1]),
            mean_limit=limits[0],
            p999_limit=limits[1],
            frames=self.frames,
            lost=self._lost / total,
            reference=reference,
        )


def _is_plain(pixels: Pixels) -> bool:
    return bool((pixels == pixels[0, 0]).all())


def compare(
    draw: Callable[[Pixels], Pixels],
    reference: Callable[[Pixels], Pixels],
    frames: Iterable[Pixels],
    *,
    names: tuple[str, str],
    limits: tuple[float, float],
) -> ParityReport:
    """Run the same frames through both.

    Args:
        names: of the engine and of the reference, for the report.
        limits: mean and 99.9th percentile that are allowed.
    """
    differences = Differences()
    for frame in frames:
        differences.add(draw(frame), reference(frame))
    return differences.report(*names, limits)


FLAT_SAMPLES = (6, 7)
"""Of ``sample_frames`` the exactly flat ones, black and white. Norms with a tiny epsilon leave nothing of
them but their own amplified rounding, which is another picture in every program (see ``StyleCard``)."""


def sample_frames(size: tuple[int, int], seed: int = 0) -> list[Pixels]:
    """Smooth, noisy, flat, gradient and extreme frames of (height, width), uint8 BGR."""
    height, width = size
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width] / max(size)
    waves = [np.sin(2 * np.pi * (fx * columns + fy * rows + p)) for fx, fy, p in rng.uniform(0, 6, (12, 3))]
    smooth = np.stack([sum(waves[i::3]) for i in range(3)], axis=2)
    checks = ((rows * 16).astype(int) + (columns * 16).astype(int)) % 2 * 255.0
    frames: Sequence[NDArray[np.float64]] = [
        127.5 + 60.0 * smooth,
        127.5 + 40.0 * smooth + rng.normal(0, 20, smooth.shape),
        rng.uniform(0, 255, smooth.shape),
        np.full(smooth.shape, 128.0) + rng.normal(0, 1, smooth.shape),
        np.stack([255 * rows, 255 * columns, 255 * (1 - rows)], axis=2),
        np.repeat(checks[..., None], 3, axis=2),
        np.zeros(smooth.shape),
        np.full(smooth.shape, 255.0),
    ]
    return [np.clip(frame, 0, 255).astype(np.uint8) for frame in frames]
