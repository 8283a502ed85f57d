"""Frame in, stylized frame out, whatever the size: pad, infer, crop, colour, strength."""

from types import TracebackType
from typing import Self

import cv2

from pipeline import registry
from pipeline.engines.base import Controls, EngineInfo, Precision
from pipeline.errors import EngineError
from pipeline.frame import Pixels, check_pixels
from pipeline.style import StyleFile

MINIMUM_PX = 64
"""No graph is fed a side shorter than this: reflection padding inside a network needs features wider
than its border, and the card does not tell how far the deepest layer shrinks the frame."""


class Stylizer:
    """One style opened for one frame size, with the user's wishes about the result.

    The order is: reflect the frame by the style's margin, to its multiple and to at least MINIMUM_PX, infer,
    crop, take the source's colours (``keep_colors``), blend with the source (``strength``). Used by
    one thread at a time.

    Attributes:
        style: the style file.
        size: (height, width) of the frames it takes.
        engine: the open engine; its ``size`` is the padded one.
        selection: which engine was chosen, and why others were refused.
    """

    def __init__(
        self,
        style: StyleFile,
        size: tuple[int, int],
        *,
        engine: str = "auto",
        precision: Precision | None = None,
        strength: float = 1.0,
        keep_colors: bool = False,
    ) -> None:
        """Open the engine; this takes from 0.1 s (cached) to some seconds.

        Args:
            size: (height, width) of the frames to come, each at least 1.
            engine: a name of ``registry.ENGINES``, or ``auto``.
            precision: None takes the fastest that keeps the picture on this machine.
            strength: 0 leaves the frame as it was, 1 is the style alone.
            keep_colors: brightness from the style, colours from the frame.

        Raises:
            ValueError: ``strength`` outside 0..1 or a side below 1.
            EngineError, MissingPackageError: the engine cannot run or refuses the style.
        """
        if not 0.0 <= strength <= 1.0:
            raise ValueError(f"strength must lie in 0..1, got {strength}")
        if min(size) < 1:
            raise ValueError(f"height and width must be at least 1, got {size}")
        self.style = style
        self.size = size
        self.strength = strength
        self.keep_colors = keep_colors
        self.borders = borders(size, style.card.size_multiple, style.card.margin_px)
        top, bottom, left, right = self.borders
        padded = (size[0] + top + bottom, size[1] + left + right)
        self.selection = registry.select_engine(engine)
        self.engine = self.selection.engine(style.path, style.card, padded, precision)

    @property
    def info(self) -> EngineInfo:
        """What runs, for the line the user reads."""
        return self.engine.info

    def describe(self) -> str:
        """``openvino 2026.4.1, cpu, bf16``, with the reasons why preferred engines were refused."""
        return f"{self.info}{self.selection.explain()}"

    def __call__(self, pixels: Pixels, controls: Controls | None = None) -> Pixels:
        """Stylize one frame.

        Args:
            pixels: (H, W, 3) uint8 BGR of ``self.size``; only read, and only until this call returns.
            controls: values for the style's controls by name.

        Returns:
            (H, W, 3) uint8 BGR, C-contiguous, a buffer that the caller owns.

        Raises:
            ValueError: not (H, W, 3) uint8.
            EngineError: another size than ``self.size``, or the engine failed.
        """
        check_pixels(pixels)
        if pixels.shape[:2] != self.size:
            raise EngineError(
                f"this stylizer was opened for (height, width) = {self.size}, got {pixels.shape[:2]}; "
                "open another for that size"
            )
        return finish(pixels, self._infer(pixels, controls), self.strength, self.keep_colors)

    def _infer(self, pixels: Pixels, controls: Controls | None) -> Pixels:
        if not any(self.borders):
            return self.engine.infer(pixels, controls)
        stylized = self.engine.infer(reflect(pixels, self.borders), controls)
        top, _, left, _ = self.borders
        height, width = self.size
        return stylized[top : top + height, left : left + width].copy()

    def close(self) -> None:
        """Give back the engine. Closing twice is no error."""
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def borders(size: tuple[int, int], multiple: int, margin: int = 0) -> tuple[int, int, int, int]:
    """(top, bottom, left, right), each at least ``margin``, up to the multiple and to MINIMUM_PX.

    Split evenly; an odd pixel goes to the bottom or right.
    """
    top, bottom = _split(size[0], multiple, margin)
    left, right = _split(size[1], multiple, margin)
    return top, bottom, left, right


def _split(length: int, multiple: int, margin: int) -> tuple[int, int]:
    wanted = -(-max(length + 2 * margin, MINIMUM_PX) // multiple) * multiple
    missing = wanted - length
    return missing // 2, missing - missing // 2


def reflect(pixels: Pixels, sides: tuple[int, int, int, int]) -> Pixels:
    """Mirror the frame about its edge pixels, again and again where a border is wider than the frame.

    The same as ``numpy.pad(mode="reflect")``; a side of one pixel is repeated.
    """
    top, bottom, left, right = sides
    padded: Pixels = cv2.copyMakeBorder(pixels, top, bottom, left, right, cv2.BORDER_REFLECT_101)  # type: ignore[assignment]
    return padded


def finish(source: Pixels, stylized: Pixels, strength: float, keep_colors: bool) -> Pixels:
    """What the user wishes of a stylized frame: the source's colours first, then the blend with the source.

    Both are (H, W, 3) uint8 BGR of one size; ``stylized`` may be written into and returned.
    """
    if keep_colors:
        stylized = with_colors_of(source, stylized)
    if strength < 1.0:
        cv2.addWeighted(stylized, strength, source, 1.0 - strength, 0.0, dst=stylized)
    return stylized


def with_colors_of(source: Pixels, stylized: Pixels) -> Pixels:
    """The stylized frame's luma (BT.601) with the source's chroma; both (H, W, 3) uint8 BGR."""
    mixed = cv2.cvtColor(source, cv2.COLOR_BGR2YCrCb)
    cv2.insertChannel(cv2.cvtColor(stylized, cv2.COLOR_BGR2GRAY), mixed, 0)
    result: Pixels = cv2.cvtColor(mixed, cv2.COLOR_YCrCb2BGR)  # type: ignore[assignment]
    return result
