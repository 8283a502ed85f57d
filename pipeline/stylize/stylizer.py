"""Frame in, stylized frame out, whatever the size: pad, infer, crop, colour, strength."""

from collections import deque

import cv2

from pipeline.common.closeable import Closeable
from pipeline.common.errors import EngineError
from pipeline.engines import parity_check, registry
from pipeline.engines.base import Controls, Engine, EngineInfo, Precision
from pipeline.engines.parity import ParityReport
from pipeline.engines.registry import Selection
from pipeline.engines.stand_in import SwappingEngine, build_in_a_process
from pipeline.frame import Pixels, check_pixels
from pipeline.style import StyleFile

MINIMUM_PX = 64
"""No graph is fed a side shorter than this: reflection padding inside a network needs features wider
than its border, and the card does not tell how far the deepest layer shrinks the frame."""


class Stylizer(Closeable):
    """One style opened for one frame size, with the user's wishes about the result.

    The order is: reflect the frame by the style's margin, to its multiple and to at least MINIMUM_PX, infer,
    crop, take the source's colours (``keep_colors``), blend with the source (``strength``). Used by
    one thread at a time.

    Attributes:
        style: the style file.
        size: (height, width) of the frames it takes.
        engine: the open engine; its ``size`` is the padded one.
        selection: which engine was chosen, and why others were refused.
        parity: how far the engine's picture lies from the reference's; None for the reference itself.
        refused: the report of a faster precision that showed another picture, None where none did.
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
        in_flight: int = 1,
        stand_in: bool = False,
    ) -> None:
        """Open the engine; this takes from 0.1 s to some seconds the first time.

        The engine must show the reference's picture (``parity_check``). With ``precision=None`` one that does
        not is opened again in fp32, and ``describe`` says why; a precision that was asked for is refused.

        Args:
            size: (height, width) of the frames to come, each at least 1.
            engine: a name of ``registry.ENGINES``, ``NAME:DEVICE``, or ``auto``.
            precision: None takes the fastest that keeps the picture on this machine.
            stand_in: where the chosen engine must be built first, which takes up to minutes, let the next one
                show frames meanwhile. For live use: a file's result and a measurement must not depend on when
                a build ends.
            in_flight: frames that will be submitted before the first is collected, where the engine can.
            strength: 0 leaves the frame as it was, 1 is the style alone.
            keep_colors: brightness from the style, colours from the frame.

        Raises:
            ValueError: ``strength`` outside 0..1 or a side below 1.
            EngineError, MissingPackageError: the engine cannot run or refuses the style.
            ParityError: the precision asked for shows another picture.
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
        self._padded = (size[0] + top + bottom, size[1] + left + right)
        self._in_flight = in_flight
        self._sources: deque[Pixels] = deque()
        self.selection = registry.select_engine(engine)
        self.refused: ParityReport | None = None
        self.engine, self.parity = self._first_engine(precision, stand_in)

    def _first_engine(
        self, precision: Precision | None, stand_in: bool
    ) -> tuple[Engine, ParityReport | None]:
        """The engine, or with ``auto`` another that shows frames and becomes it once it is built."""
        chosen = self.selection
        at_once = chosen.engine.opens_at_once(self.style.path, self.style.card, self._padded, precision)
        if chosen.named or at_once or not stand_in:
            return self._opened(chosen, precision)
        first, parity = self._opened(registry.select_engine("auto", after=chosen.name), None)
        prepare = build_in_a_process(chosen.name, str(self.style.path), self._padded, precision)
        return SwappingEngine(first, chosen.name, prepare, lambda: self._opened(chosen, precision)[0]), parity

    def _opened(
        self, selection: Selection, precision: Precision | None
    ) -> tuple[Engine, ParityReport | None]:
        engine = selection.engine(
            self.style.path,
            self.style.card,
            self._padded,
            precision,
            device=selection.device,
            in_flight=self._in_flight,
        )
        try:
            report = parity_check.check_parity(self.style, engine)
            if report is None or report.passed or precision is not None or engine.info.precision == "fp32":
                parity_check.require_parity(report)
                return engine, report
        except BaseException:
            engine.close()
            raise
        engine.close()
        self.refused = report
        return self._opened(selection, "fp32")

    @property
    def slots(self) -> int:
        """Frames that may be in flight between ``submit`` and ``collect``."""
        return self.engine.slots

    @property
    def info(self) -> EngineInfo:
        """What runs, for the line the user reads."""
        return self.engine.info

    def describe(self) -> str:
        """``openvino 2026.4.1, cpu, bf16``, with the reasons why preferred engines were refused."""
        refused = f" (refused: {self.refused})" if self.refused else ""
        note = f" ({self.engine.note})" if self.engine.note else ""
        return f"{self.info}{self.selection.explain()}{note}{refused}"

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
        stylized = self._cropped(self.engine.infer(self._bordered(pixels), controls))
        return finish(pixels, stylized, self.strength, self.keep_colors)

    def submit(self, pixels: Pixels, controls: Controls | None = None) -> None:
        """Hand in a frame without waiting; ``collect`` returns the results in order.

        Args:
            pixels: as for a call; must stay unchanged until its result was collected.

        Raises:
            ValueError, EngineError: as for a call, or ``slots`` frames are in flight already.
        """
        self._check(pixels)
        self.engine.submit(self._bordered(pixels), controls)
        self._sources.append(pixels)

    def collect(self) -> Pixels:
        """The oldest submitted frame, stylized, as a call would return it.

        Raises:
            EngineError: nothing was submitted, or the engine failed on that frame.
        """
        stylized = self.engine.collect()
        return finish(self._sources.popleft(), self._cropped(stylized), self.strength, self.keep_colors)

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
        self.engine.close()


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
