"""Parity: does a style file show the picture that the trained network draws?"""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from pipeline.common.errors import ParityError
from pipeline.engines.base import Controls, Engine
from pipeline.engines.parity import FLAT_SAMPLES, LIMITS, Differences, ParityReport, sample_frames
from pipeline.frame import Pixels
from pipeline.style import StyleCard

FRAME_SIZES = ((96, 128), (160, 96), (240, 320))


def reference_from_network(network: Callable[[Tensor], Tensor]) -> Callable[[Pixels], Pixels]:
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


def measure_parity(
    style_file: Path,
    card: StyleCard,
    engine: type[Engine],
    reference: Callable[[Pixels], Pixels],
    sizes: Sequence[tuple[int, int]] = FRAME_SIZES,
    named: str = "torch",
    controls: Controls | None = None,
) -> ParityReport:
    """Run the same frames through ``reference`` and through a live engine in fp32.

    Frames that the network amplifies to nothing but noise (exactly flat ones, where InstanceNorm
    divides by its epsilon) are in: an engine must agree there too, unless the card says that the network
    has no one picture of them.

    Args:
        named: what the report calls the reference.
        controls: what the engine's further inputs are given; None their defaults.

    Raises:
        EngineError: the engine cannot open the file or fails on a frame.
    """
    differences, description = Differences(), engine.name
    for size in sizes:
        with engine(style_file, card, size, "fp32") as opened:
            description = str(opened.info)
            for frame in frames_for(card, size):
                differences.add(opened.infer(frame, controls), reference(frame))
    return differences.report(description, named, LIMITS["fp32"])


def frames_for(card: StyleCard, size: tuple[int, int]) -> list[Pixels]:
    """The frames of (height, width) on which engines are compared for a style."""
    left_out = FLAT_SAMPLES if card.flat_is_rounding else ()
    return [frame for index, frame in enumerate(sample_frames(size)) if index not in left_out]


def require_parity(reports: Sequence[ParityReport]) -> None:
    """Raise ParityError with every report unless all of them passed."""
    if not all(report.passed for report in reports):
        lines = "; ".join(str(report) for report in reports)
        raise ParityError(
            f"no style file was written, since it would not show the trained network's picture: {lines}. "
            "Please report this with the checkpoint"
        )
