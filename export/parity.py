"""Parity: does a style file show the picture that the trained network draws?"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pipeline.engines.base import Engine
from pipeline.errors import ParityError
from pipeline.frame import Pixels
from pipeline.style import StyleCard

FP32_MEAN_LIMIT = 0.1
FP32_P999_LIMIT = 1.0
FRAME_SIZES = ((96, 128), (160, 96), (240, 320))


@dataclass(frozen=True)
class ParityReport:
    """Difference of one engine's frames from the reference's, in grey levels of 0..255.

    Attributes:
        engine: what ran, with version, device and precision.
        mean, p999, largest: of the absolute differences over all pixels and channels.
        mean_limit, p999_limit: what was allowed.
        frames: how many were compared.
    """

    engine: str
    mean: float
    p999: float
    largest: float
    mean_limit: float
    p999_limit: float
    frames: int

    @property
    def passed(self) -> bool:
        """Whether both limits are kept; a NaN fails."""
        return self.mean <= self.mean_limit and self.p999 <= self.p999_limit

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, with the verdict."""
        return {**asdict(self), "passed": self.passed}

    def __str__(self) -> str:
        verdict = "same picture" if self.passed else "ANOTHER PICTURE"
        return (
            f"{self.engine}: {verdict}; differs from torch by {self.mean:.4f} grey levels on average "
            f"(limit {self.mean_limit:g}), {self.p999:g} at the 99.9th percentile (limit "
            f"{self.p999_limit:g}), {self.largest:g} at most, over {self.frames} frames"
        )


def reference_from_network(network: nn.Module) -> Callable[[Pixels], Pixels]:
    """The trained network itself as a function of frames: float32 torch, rounded half up.

    None of the export's foldings is in it, so it checks them too.
    """

    @torch.no_grad()
    def draw(pixels: Pixels) -> Pixels:
        image = torch.from_numpy(pixels[:, :, ::-1].transpose(2, 0, 1).copy()).float()[None] / 255.0
        stylized = network(image)[0].permute(1, 2, 0).flip(2)
        drawn: Pixels = (stylized * 255.0 + 0.5).clamp(0.0, 255.0).to(torch.uint8).contiguous().numpy()
        return drawn

    return draw


def sample_frames(size: tuple[int, int], seed: int = 0) -> list[Pixels]:
    """Smooth, noisy, flat, gradient and extreme frames of (height, width), uint8 BGR."""
    height, width = size
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width] / max(size)
    waves = [np.sin(2 * np.pi * (fx * columns + fy * rows + p)) for fx, fy, p in rng.uniform(0, 6, (12, 3))]
    smooth = np.stack([sum(waves[i::3]) for i in range(3)], axis=2)
    checks = ((rows * 16).astype(int) + (columns * 16).astype(int)) % 2 * 255.0
    frames: list[NDArray[np.float64]] = [
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


def measure_parity(
    style_file: Path,
    card: StyleCard,
    engine: type[Engine],
    reference: Callable[[Pixels], Pixels],
    sizes: Sequence[tuple[int, int]] = FRAME_SIZES,
    mean_limit: float = FP32_MEAN_LIMIT,
    p999_limit: float = FP32_P999_LIMIT,
) -> ParityReport:
    """Run the same frames through ``reference`` and through a live engine in fp32.

    Frames that the network amplifies to nothing but noise (exactly flat ones, where InstanceNorm
    divides by its epsilon) are in: an engine must agree there too.

    Raises:
        EngineError: the engine cannot open the file or fails on a frame.
    """
    differences, count, description = [], 0, engine.name
    for size in sizes:
        with engine(style_file, card, size, "fp32") as opened:
            description = str(opened.info)
            for frame in sample_frames(size):
                result = opened.infer(frame).astype(np.int16)
                differences.append(np.abs(result - reference(frame).astype(np.int16)).ravel())
                count += 1
    all_differences = np.concatenate(differences)
    return ParityReport(
        engine=description,
        mean=float(all_differences.mean()),
        p999=float(np.quantile(all_differences, 0.999)),
        largest=float(all_differences.max()),
        mean_limit=mean_limit,
        p999_limit=p999_limit,
        frames=count,
    )


def require_parity(reports: Sequence[ParityReport]) -> None:
    """Raise ParityError with every report unless all of them passed."""
    if not all(report.passed for report in reports):
        lines = "; ".join(str(report) for report in reports)
        raise ParityError(
            f"no style file was written, since it would not show the trained network's picture: {lines}. "
            "Please report this with the checkpoint"
        )
