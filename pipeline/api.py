"""The Python API: a style that is called with frames."""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipeline.common.closeable import Closeable
from pipeline.common.errors import EngineError
from pipeline.engines.base import Controls, Precision
from pipeline.frame import Pixels, check_pixels
from pipeline.lookup import find_style, mixture_shares
from pipeline.style import STYLE_CONTROL, StyleCard, StyleFile, list_styles
from pipeline.stylize.blend import blend, check_strength
from pipeline.stylize.stylizer import Stylizer

__all__ = ["Style", "list_styles", "open_style"]

SIZES_KEPT = 3
"""An engine is opened for each frame size; this many stay open, the one unused longest goes first."""


class Style(Closeable):
    """An open style; call it with frames of any size, from one thread at a time.

    Attributes:
        card: what the style file says of itself: title, artist, year, rights, network.
        strength: 0 leaves the frame as it was, 1 is the style alone; may be set between frames.
        keep_colors: brightness from the style, colours from the frame; may be set between frames.
    """

    def __init__(
        self,
        style: StyleFile,
        *,
        engine: str = "auto",
        precision: Precision | None = None,
        strength: float = 1.0,
        keep_colors: bool = False,
    ) -> None:
        """Take a style; engines open with the first frame of each size. See ``open_style``."""
        check_strength(strength)
        self.card: StyleCard = style.card
        self.strength = strength
        self.keep_colors = keep_colors
        self._style = style
        self._engine = engine
        self._precision = precision
        self._open: OrderedDict[tuple[int, int], Stylizer] = OrderedDict()
        self._closed = False

    def __call__(
        self, frame: Pixels, controls: Controls | None = None, mix: Mapping[str, float] | None = None
    ) -> Pixels:
        """Stylize one frame. The first of a new size takes longer: an engine is opened for it.

        Args:
            frame: (H, W, 3) uint8 in 0..255, BGR (OpenCV's order), any size from 1x1; only read.
            controls: values for the style's controls by name, where it has any.
            mix: how much of which row of a network of several styles, ``{"udnie": 0.6, "tahiti": 0.4}``;
                shares are brought to a sum of 1. Another mixture costs nothing: the same engine paints it.

        Returns:
            (H, W, 3) uint8 BGR of the same size, an array that is yours.

        Raises:
            StyleNotFoundError, StyleError: ``mix`` names no row of this style, or has bad shares.
            ValueError: another shape or type, or ``strength`` was set outside 0..1.
            EngineError: the engine failed, or this style was closed.
            MissingPackageError: the engine's package is not installed.
        """
        if self._closed:
            raise EngineError(f"style {self.card.name!r} was closed; open it again")
        check_pixels(frame, "frame")
        if mix is not None:
            shares = np.array(mixture_shares(self.card, mix), np.float32)
            controls = {**(controls or {}), STYLE_CONTROL: shares}
        stylized = self._stylizer((frame.shape[0], frame.shape[1]))(frame, controls)
        return blend(frame, stylized, self.strength, self.keep_colors)

    def _stylizer(self, size: tuple[int, int]) -> Stylizer:
        if size not in self._open:
            self._open[size] = Stylizer(
                self._style,
                size,
                engine=self._engine,
                precision=self._precision,
            )
        self._open.move_to_end(size)
        if len(self._open) > SIZES_KEPT:
            self._open.popitem(last=False)[1].close()
        return self._open[size]

    def close(self) -> None:
        """Close every engine. Closing twice is no error."""
        self._closed = True
        while self._open:
            self._open.popitem()[1].close()


def open_style(
    name_or_path: str | Path,
    *,
    quality: str = "best",
    engine: str = "auto",
    precision: Precision | None = None,
    strength: float = 1.0,
    keep_colors: bool = False,
) -> Style:
    """Open a style by name (``brushstream styles`` lists them) or by the path of its ``.onnx`` file.

    Args:
        quality: ``best``, or ``fast`` for the smaller network, where the style has one.
        engine: ``auto`` or a name that ``brushstream doctor`` shows.
        precision: ``fp32`` or ``bf16``; None takes the fastest that keeps the picture on this machine.
        strength: 0 leaves frames as they were, 1 is the style alone.
        keep_colors: brightness from the style, colours from the frame.

    Raises:
        StyleNotFoundError: no such style; the nearest names are in the message.
        StyleError: the file is damaged or no style.
        ValueError: ``strength`` outside 0..1.
    """
    return Style(
        find_style(name_or_path, quality),
        engine=engine,
        precision=precision,
        strength=strength,
        keep_colors=keep_colors,
    )
