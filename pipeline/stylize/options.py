"""What every painting job may be asked for, whatever it paints."""

from dataclasses import dataclass

from pipeline.engines.base import Precision


@dataclass(frozen=True, kw_only=True)
class PaintingOptions:
    """How frames or pictures are painted.

    Attributes:
        quality: ``best``, or ``fast`` for the smaller network of a style's name.
        engine: ``auto``, a name of ``registry.ENGINES``, or ``NAME:DEVICE``.
        precision: None takes the fastest that keeps the picture on this machine.
        size: (height, width) that the input is scaled to before stylizing, and the output's; None keeps
            its own.
        strength: 0 leaves the input, 1 is the style alone.
        keep_colors: brightness from the style, colours from the input.
        overwrite: replace an output that is there.
    """

    quality: str = "best"
    engine: str = "auto"
    precision: Precision | None = None
    size: tuple[int, int] | None = None
    strength: float = 1.0
    keep_colors: bool = False
    overwrite: bool = False
