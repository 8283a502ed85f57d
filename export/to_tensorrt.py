"""From a style file to a TensorRT engine in this machine's cache, where the pipeline finds it."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.common.errors import StyleError
from pipeline.engines import parity_check, registry
from pipeline.engines.base import Precision
from pipeline.engines.parity import ParityReport
from pipeline.style import read_style


@dataclass(frozen=True)
class BuiltEngine:
    """An engine that was built, or was there already, and showed the style's picture.

    Attributes:
        description: engine, version, GPU and precision.
        size: (height, width) it was built for: the wanted size, up to the style's multiple.
        parity: the figures of the parity check.
        note: why it could not be kept; empty where it was.
    """

    description: str
    size: tuple[int, int]
    parity: ParityReport | None
    note: str


def tensorrt_from_style(style_file: Path, size: tuple[int, int], precision: Precision | None) -> BuiltEngine:
    """Build the engine that the pipeline will open for frames of ``size`` (height, width).

    Args:
        precision: ``fp16`` or ``fp32``; None takes fp16.

    Raises:
        StyleError: no style file is there.
        MissingPackageError: ``tensorrt`` or ``cuda-python`` is not installed.
        EngineError: no GPU, or TensorRT cannot build the style.
        ParityError: the engine shows another picture; it is not used.
    """
    style = read_style(style_file)
    kind = registry.select_engine("tensorrt").engine
    multiple = style.card.size_multiple
    if min(size) < 1:
        raise StyleError(f"a size of at least 1x1 was expected, got {size[1]}x{size[0]}")
    height, width = (-(-side // multiple) * multiple for side in size)
    with kind(style.path, style.card, (height, width), precision) as engine:
        parity = parity_check.check_parity(style, engine)
        parity_check.require_parity(parity)
        return BuiltEngine(str(engine.info), engine.size, parity, engine.note)
