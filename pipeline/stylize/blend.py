"""What becomes of a stylized frame: how much of the source stays in it, and two styles in one picture.

Pure functions of (H, W, 3) uint8 BGR frames of one size, which are only read.
"""

import cv2

from pipeline.frame import Pixels


def check_strength(strength: float) -> None:
    """Raise ValueError unless ``strength`` lies in 0..1."""
    if not 0.0 <= strength <= 1.0:
        raise ValueError(f"strength must lie in 0..1, got {strength}")


def blend(source: Pixels, stylized: Pixels, strength: float = 1.0, keep_colors: bool = False) -> Pixels:
    """Take the source's colours first, where that is wanted, then mix with the source.

    Args:
        strength: 0 is the source, 1 the style alone.
        keep_colors: brightness from the style, colours from the source.

    Returns:
        A frame of its own, or ``stylized`` itself where nothing is to be done.

    Raises:
        ValueError: ``strength`` outside 0..1.
    """
    check_strength(strength)
    if keep_colors:
        stylized = with_colors_of(source, stylized)
    return mixed(source, stylized, strength)


def mixed(first: Pixels, second: Pixels, share: float) -> Pixels:
    """``first`` with ``share``, 0..1, of ``second``, rounded; ``second`` itself where that is all of it."""
    if share == 1.0:
        return second
    result: Pixels = cv2.addWeighted(second, share, first, 1.0 - share, 0.0)  # type: ignore[assignment]
    return result


def with_colors_of(source: Pixels, stylized: Pixels) -> Pixels:
    """The stylized frame's luma (BT.601) with the source's chroma."""
    joined = cv2.cvtColor(source, cv2.COLOR_BGR2YCrCb)
    cv2.insertChannel(cv2.cvtColor(stylized, cv2.COLOR_BGR2GRAY), joined, 0)
    result: Pixels = cv2.cvtColor(joined, cv2.COLOR_YCrCb2BGR)  # type: ignore[assignment]
    return result
