"""Another frame rate, only when asked for: at each new time the picture that is shown then."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TypeVar

Picture = TypeVar("Picture")


def resampled(
    pictures: Iterator[tuple[Fraction, Picture]],
    fps: Fraction,
    start: Fraction,
    end: Callable[[Fraction], Fraction],
    first_index: int = 0,
) -> Iterator[tuple[Fraction, Picture]]:
    """Pictures at ``start + i / fps`` for i from ``first_index``: the latest that began by then.

    Depends on nothing but the arguments, so that it can begin anywhere.

    Args:
        pictures: (pts in seconds, picture) in rising order, from at or before the first new time.
        end: the second at which the last picture ends, from that at which it begins.
    """
    index = first_index
    shown: tuple[Fraction, Picture] | None = None
    for pts, picture in pictures:
        while shown is not None and start + index / fps < pts:
            yield start + index / fps, shown[1]
            index += 1
        shown = (pts, picture)
    while shown is not None and start + index / fps < end(shown[0]):
        yield start + index / fps, shown[1]
        index += 1
