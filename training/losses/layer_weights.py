"""Which layers of the encoder are compared, at which size, and what each weighs."""

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.common.errors import TrainingError

Weighted = tuple[tuple[str, float], ...]
"""Layer and weight, in order. A layer may carry a size: ``relu4_1/2`` is looked at on half the size alone."""

SIZES = ("1", "2", "4", "8")


class PlacedLayer(NamedTuple):
    """A layer of VGG-19 on one octave of a picture's pyramid (0 full size, 1 half), and its weight there."""

    name: str
    octave: int
    weight: float


def placed(layers: Weighted, octaves: int = 1) -> tuple[PlacedLayer, ...]:
    """``layers`` by octave: one with a size on its own, one without on each of ``octaves`` by equal shares.

    Raises:
        TrainingError: a size is none of ``SIZES``.
    """
    found = []
    for layer, weight in layers:
        name, slash, size = layer.partition("/")
        if slash and size not in SIZES:
            raise TrainingError(
                f"layer {layer!r}: after the slash one of {', '.join(SIZES)} was expected, which divides the "
                "picture's size"
            )
        if slash:
            found.append(PlacedLayer(name, SIZES.index(size), weight))
        else:
            found += [PlacedLayer(name, octave, weight / octaves) for octave in range(octaves)]
    return tuple(found)


def octaves_of(layers: Iterable[PlacedLayer]) -> int:
    """Levels of the pyramid that ``layers`` need, at least 1."""
    return 1 + max((layer.octave for layer in layers), default=0)


def equal_shares(names: Iterable[str]) -> Weighted:
    """Every layer with the same weight; together they weigh 1."""
    known = tuple(names)
    return tuple((name, 1 / len(known)) for name in known)


def parse_layers(text: str) -> Weighted:
    """``relu1_1,relu3_1`` (1/2 each) or ``relu1_1:0.5,relu3_1/2:2`` -> layer and weight.

    Raises:
        TrainingError: a weight is no number, negative, or only some layers have one.
    """
    pairs = [part.strip().partition(":") for part in text.split(",") if part.strip()]
    if pairs and not any(colon for _, colon, _ in pairs):
        return equal_shares(name for name, _, _ in pairs)
    try:
        weighted = tuple((name, float(weight)) for name, _, weight in pairs)
    except ValueError:
        weighted = ()
    if not weighted or any(not weight >= 0 for _, weight in weighted):
        raise TrainingError(
            f"layers {text!r}: names like relu3_1,relu4_1 or relu3_1:0.5,relu4_1:1 (all with a weight of at "
            "least 0, or none) were expected"
        )
    return weighted
