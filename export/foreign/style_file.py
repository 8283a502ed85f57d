"""From a network that somebody else trained to a style file, written only if it shows the same picture."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from export.foreign.magenta_arbitrary import Example
from export.foreign.network import ForeignNetwork
from export.foreign.recognise import recognise
from export.parity import reference_from_network
from export.to_onnx import Original, exporter_versions, onnx_from_frame_network, write_checked_style
from pipeline.common.errors import OutputError
from pipeline.engines.parity import LIMITS, ParityReport
from pipeline.frame import Pixels
from pipeline.style import StyleCard
from training import networks
from training.networks.folding import FrameNetwork

FRAME_SIZES = ((64, 96), (96, 64), (128, 160))
"""Smaller than for our own networks: these take up to a hundred times as long."""


@dataclass(frozen=True)
class Provenance:
    """What only a person knows about a network; empty or None where unknown.

    Attributes:
        licence: terms under which the network may be used. Never empty.
        title, artist, year: of the artwork it paints like.
        source: where the network came from, an address for example.
    """

    licence: str
    title: str = ""
    artist: str = ""
    year: int | None = None
    source: str = ""


def style_file_from_foreign(
    foreign_file: Path,
    output: Path,
    known: Provenance,
    on_report: Callable[[ParityReport], None] | None = None,
    sizes: Sequence[tuple[int, int]] = FRAME_SIZES,
    example: Example | None = None,
) -> StyleCard:
    """Write ``output`` from a file of a known layout, unless an engine would show another picture.

    Args:
        output: ``NAME.onnx``; the stem becomes the style's name. An existing file stays until the new
            one passed.
        known: goes into the card.
        on_report: told of every parity report, passed or not.
        sizes: (height, width) of the frames that are compared, multiples of 4. A file that can be run as
            it came is compared at its own size too.
        example: the painting to paint like, for a network that paints like any.

    Returns:
        The card, as stored in the file.

    Raises:
        ValueError: the licence is empty.
        CheckpointError: the file cannot be used (UnsafeCheckpointError: it holds code).
        ParityError: mean difference above 0.1 grey level or 99.9th percentile above 1.
        OutputError: the file cannot be written.
    """
    if not known.licence.strip():
        raise ValueError("the terms of the network were expected, got none")
    if output.exists() and output.samefile(foreign_file):
        raise OutputError(f"-o {output}: that is the file to import; choose another name")
    found = recognise(foreign_file, example)
    folded = FrameNetwork(found.network, found.value_range)
    multiple = networks.size_multiple(found.network)
    model = onnx_from_frame_network(folded, multiple, control=found.control)
    card = card_from_foreign(found, known, foreign_file, output.stem, example)
    return write_checked_style(output, model, card, originals_of(found, sizes), on_report)


class ImageNetwork(nn.Module):
    """A network of any value range as one on images: (N, 3, H, W) RGB in [0, 1] in and out, not clamped."""

    def __init__(self, network: nn.Module, value_range: tuple[float, float]) -> None:
        super().__init__()
        self.network = network
        self.black, self.white = value_range

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 3, H, W)."""
        span = self.white - self.black
        stylized: Tensor = (self.network(image * span + self.black) - self.black) / span
        return stylized


def originals_of(found: ForeignNetwork, sizes: Sequence[tuple[int, int]]) -> list[Original]:
    """The network in torch, by its own conventions, and the file as it came where that can be run."""
    reference = reference_from_network(ImageNetwork(found.network, found.value_range))
    originals = [Original(remembered(reference), sizes)]
    if found.run is not None:
        originals.append(Original(remembered(found.run.draw), found.run.sizes, "the imported file"))
    return originals


def remembered(draw: Callable[[Pixels], Pixels]) -> Callable[[Pixels], Pixels]:
    """``draw`` that paints each frame once, though every engine is compared with it."""
    drawn: dict[bytes, Pixels] = {}

    def once(pixels: Pixels) -> Pixels:
        key = hashlib.sha256(np.array(pixels.shape).tobytes() + pixels.tobytes()).digest()
        if key not in drawn:
            drawn[key] = draw(pixels)
        return drawn[key]

    return once


def card_from_foreign(
    found: ForeignNetwork, known: Provenance, file: Path, name: str, example: Example | None = None
) -> StyleCard:
    """What the style file says about itself; parity is added once it was measured.

    Most layouts here norm with an epsilon of 1e-5. Of a black frame, randomly initialised originals gave
    pictures 17 to 48 grey levels apart on average between torch in float64 and ONNX Runtime in float32.
    """
    low, high = found.value_range
    return StyleCard(
        name=name,
        title=known.title,
        artist=known.artist,
        year=known.year,
        network=found.architecture,
        parameters=found.parameters,
        macs_per_pixel=networks.macs_per_pixel(found.network),
        size_multiple=networks.size_multiple(found.network),
        versions=exporter_versions(),
        parity_limits={precision: list(limits) for precision, limits in LIMITS.items()},
        licence=known.licence.strip(),
        origin={
            "layout": found.layout,
            "file": file.name,
            "sha256": _digest(file),
            "source": known.source,
            "value_range": [low, high],
            "channel_order": "RGB",
            "axes": "NCHW",
            **({"painting": example.painting.name, "predictor": example.predictor.name} if example else {}),
        },
        flat_is_rounding=True,
        controls=(found.control,) if found.control else (),
    )


def _digest(path: Path) -> str:
    """sha256 of a file, or of all files of a folder in the order of their names."""
    parts = sorted(path.iterdir()) if path.is_dir() else [path]
    found = hashlib.sha256()
    for part in parts:
        if part.is_file():
            found.update(part.read_bytes())
    return found.hexdigest()
