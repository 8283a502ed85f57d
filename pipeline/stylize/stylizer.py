"""Frame in, stylized frame out, whatever the size: pad, infer, crop."""

import cv2

from pipeline.common.closeable import Closeable
from pipeline.common.errors import EngineError
from pipeline.engines.base import Controls, Engine, EngineInfo, Precision
from pipeline.engines.opening import OpenedEngine
from pipeline.frame import Pixels, check_pixels
from pipeline.style import StyleFile

MINIMUM_PX = 64
"""No graph is fed a side shorter than this: reflection padding inside a network needs features wider
than its border, and the card does not tell how far the deepest layer shrinks the frame."""


class Stylizer(Closeable):
    """One style opened for one frame size. Used by one thread at a time.

    A frame is reflected by the style's margin, to its multiple and to at least MINIMUM_PX, inferred, and
    cropped. How much of the source stays in the result is the caller's affair (``stylize.blend``).

    Attributes:
        style: the style file.
        size: (height, width) of the frames it takes.
        opened: the engine, which takes the padded size, and how it was chosen.
    """

    def __init__(
        self,
        style: StyleFile,
        size: tuple[int, int],
        *,
        engine: str = "auto",
        precision: Precision | None = None,
        in_flight: int = 1,
        stand_in: bool = False,
    ) -> None:
        """Open the engine, as ``OpenedEngine`` does.

        Args:
            size: (height, width) of the frames to come, each at least 1.
            engine, precision, in_flight, stand_in: see ``OpenedEngine``.

        Raises:
            ValueError: a side below 1.
            EngineError, MissingPackageError, ParityError: see ``OpenedEngine``.
        """
        if min(size) < 1:
            raise ValueError(f"height and width must be at least 1, got {size}")
        self.style = style
        self.size = size
        self.borders = borders(size, style.card.size_multiple, style.card.margin_px)
        top, bottom, left, right = self.borders
        padded = (size[0] + top + bottom, size[1] + left + right)
        self.opened = OpenedEngine(
            style, padded, engine=engine, precision=precision, in_flight=in_flight, stand_in=stand_in
        )

    @property
    def engine(self) -> Engine:
        """The engine that runs."""
        return self.opened.engine

    @property
    def slots(self) -> int:
        """Frames that may be in flight between ``submit`` and ``collect``."""
        return self.engine.slots

    @property
    def info(self) -> EngineInfo:
        """What runs, for the line the user reads."""
        return self.engine.info

    def describe(self) -> str:
        """See ``OpenedEngine``."""
        return self.opened.describe()

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
        self._check(pixels)
        return self._cropped(self.engine.infer(self._bordered(pixels), controls))

    def submit(self, pixels: Pixels, controls: Controls | None = None) -> None:
        """Hand in a frame without waiting; ``collect`` returns the results in order.

        Args:
            pixels: as for a call; must stay unchanged until its result was collected.

        Raises:
            ValueError, EngineError: as for a call, or ``slots`` frames are in flight already.
        """
        self._check(pixels)
        self.engine.submit(self._bordered(pixels), controls)

    def collect(self) -> Pixels:
        """The oldest submitted frame, stylized, as a call would return it.

        Raises:
            EngineError: nothing was submitted, or the engine failed on that frame.
        """
        return self._cropped(self.engine.collect())

    def _check(self, pixels: Pixels) -> None:
        check_pixels(pixels)
        if pixels.shape[:2] != self.size:
            raise EngineError(
                f"this stylizer was opened for (height, width) = {self.size}, got {pixels.shape[:2]}; "
                "open another for that size"
            )

    def _bordered(self, pixels: Pixels) -> Pixels:
        return reflect(pixels, self.borders) if any(self.borders) else pixels

    def _cropped(self, stylized: Pixels) -> Pixels:
        if not any(self.borders):
            return stylized
        top, _, left, _ = self.borders
        height, width = self.size
        return stylized[top : top + height, left : left + width].copy()

    def close(self) -> None:
        """Give back the engine. Closing twice is no error."""
        self.opened.close()


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
