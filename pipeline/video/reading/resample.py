"""Another frame rate, only when asked for: at each new time the picture that is shown then."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TypeVar

Picture = TypeVar("Picture")

_ROUNDING_S = Fraction(1, 1000)


def resampled(
    pictures: Iterator[tuple[Fraction, Picture]],
    fps: Fraction,
    start: Fraction,
    end: Callable[[Fraction], Fraction],
    first_index: int = 0,
) -> Iterator[tuple[Fraction, Picture]]:
    """Pictures at ``start + i / fps`` for i from ``first_index``: the latest that began by then.

    Before any has begun it is the first. One that begins up to a millisecond later counts as begun, because
    Matroska and others round their times to one.

    Depends on nothing but the arguments, so that it can begin anywhere.

    Args:
        pictures: (pts in seconds, picture) in rising order, from at or before the first new time.
        end: the second at which the last picture ends, from that at which it begins.
    """
    index = first_index
    shown: tuple[Fraction, Picture] | None = None
    for pts, picture in pictures:
        shown = shown or (pts, picture)
        while shown is not None and start + index / fps + _ROUNDING_S < pts:
            yield start + index / fps, shown[1]
            index += 1
        shown = (pts, picture)
    while shown is not None and start + index / fps + _ROUNDING_S < end(shown[0]):
        yield start + index / fps, shown[1]
        index += 1
