"""The stylize stage of the live loop: the frame in the network's size, and its painting in the frame's."""

import time
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.common.closeable import Closeable
from pipeline.common.latency import Clock
from pipeline.engines.base import Controls, default_controls
from pipeline.frame import Pixels
from pipeline.live.controls import SCALES, Settings
from pipeline.live.governor import Governor
from pipeline.live.pool import EngineKey, EnginePool
from pipeline.lookup import mixture_shares, row_names
from pipeline.style import STYLE_CONTROL, StyleCard
from pipeline.stylize.blend import blend
from pipeline.stylize.cuts import CutDetector
from pipeline.stylize.steady import Steady
from pipeline.stylize.stylizer import MINIMUM_PX, Stylizer


@dataclass(frozen=True)
class Painting:
    """One painted frame.

    Attributes:
        source: (H, W, 3) uint8 BGR that was painted, mirrored where that was asked for. Only to be read.
        result: the same size. Only to be read.
        style: place in the list of the one it was painted with; the person's choice may still be opening.
        card: that style's.
        engine: what ran.
        scale: of the frame that the network saw.
    """

    source: Pixels
    result: Pixels
    style: int
    card: StyleCard
    engine: str
    scale: float


class Painter(Closeable):
    """Paints frame by frame with the engine that is there, and asks the pool for the one that is wanted.

    While an engine opens, the one before goes on, also where the camera changed its size: the frame is
    scaled to whatever the engine takes. Used by one thread.

    Attributes:
        governor: chooses the scale; None where the person does.
        pool: of engines; closed with the painter.
    """

    def __init__(
        self, pool: EnginePool, governor: Governor | None = None, clock: Clock = time.monotonic
    ) -> None:
        """``pool`` is owned from now on; ``governor`` None keeps the scale that the person chose."""
        self.governor = governor
        self.pool = pool
        self._clock = clock
        self._steady, self._cuts = Steady(), CutDetector()
        self._current: Stylizer | None = None
        self._using: tuple[int, float] = (0, 1.0)
        self._made_with: tuple[object, ...] = ()

    def prepare(self, size: tuple[int, int], settings: Settings) -> str:
        """Open the first engine, and wait; returns what runs. Others of the governor open behind it.

        Raises:
            StyleError, EngineError, MissingPackageError: it cannot be opened.
        """
        scale = self._scale(settings)
        wanted = self._wanted(size, settings.style, scale)
        self._current, self._using = self.pool.open_now(wanted), (settings.style, scale)
        self.pool.use(self, self._current)
        if self.governor is not None:
            for lower in [s for s in SCALES if s < scale][::-1]:
                self.pool.preload(self._wanted(size, settings.style, lower))
        return self._current.describe()

    def preload(self, size: tuple[int, int], style: int, scale: float) -> None:
        """Open another style behind the scenes."""
        self.pool.preload(self._wanted(size, style, scale))

    def __call__(self, pixels: Pixels, settings: Settings) -> Painting:
        """Paint one frame, (H, W, 3) uint8 BGR, only read.

        Raises:
            EngineError: the engine failed.
        """
        began_at = self._clock()
        source: Pixels = cv2.flip(pixels, 1) if settings.mirror else pixels  # type: ignore[assignment]
        size = source.shape[0], source.shape[1]
        stylizer = self._choose(size, settings)
        style, scale = self._using
        stylizer.submit(_fitted(source, stylizer.size), self._turned(settings))
        begins = self._begins_anew(source, settings)
        if settings.steady:  # while the network works
            self._steady.carry(self._steady.follow(source, begins))
        painted = _fitted(stylizer.collect(), size)
        result = blend(source, painted, settings.strength, settings.keep_colors)
        if settings.steady:
            result = self._steady.blend(result)
        if self.governor is not None:
            now = self._clock()
            self.governor.observe(now - began_at, scale, settings.scale, now)
        return Painting(source, result, style, self.pool.styles[style].card, str(stylizer.info), scale)

    def close(self) -> None:
        """Close every engine; after every thread that uses them has ended."""
        self.pool.close()

    def _scale(self, settings: Settings) -> float:
        return settings.scale if self.governor is None else min(settings.scale, self.governor.scale)

    def _choose(self, size: tuple[int, int], settings: Settings) -> Stylizer:
        scale = self._scale(settings)
        found = self.pool.get(self._wanted(size, settings.style, scale))
        if found is not None and found is not self._current:
            self._current = found
            self.pool.use(self, found)
        if found is not None:
            self._using = settings.style, scale
        assert self._current is not None, "prepare() comes first"
        return self._current

    def _turned(self, settings: Settings) -> Controls:
        """The controls of the style that paints; of one with rows the mixture that the person chose."""
        card = self.pool.styles[self._using[0]].card
        mix = dict(settings.mix)
        chosen = mix and set(mix) <= set(row_names(card))
        turned = {STYLE_CONTROL: np.array(mixture_shares(card, mix), np.float32)} if chosen else {}
        return {**default_controls(card), **turned}

    def _wanted(self, size: tuple[int, int], style: int, scale: float) -> EngineKey:
        multiple = self.pool.styles[style].card.size_multiple
        return self.pool.key(style, scaled(size, scale, multiple))

    def _begins_anew(self, source: Pixels, settings: Settings) -> bool:
        """Whether the picture before has nothing to do with this one."""
        made_with = (
            self._current,
            self._using[0],
            settings.mix,
            settings.strength,
            settings.keep_colors,
            settings.mirror,
            settings.steady,
        )
        before, self._made_with = self._made_with, made_with
        return (settings.steady and self._cuts(source)) or made_with != before


def scaled(size: tuple[int, int], scale: float, multiple: int) -> tuple[int, int]:
    """(height, width) for the network: at scale 1 the frame's own, else the nearest that needs no padding."""
    if scale == 1.0:
        return size
    height, width = (max(MINIMUM_PX, round(side * scale / multiple) * multiple) for side in size)
    return height, width


def _fitted(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """At (height, width) ``size``: itself where it has that already."""
    height, width = size
    if pixels.shape[:2] == size:
        return pixels
    shrinks = height * width < pixels.shape[0] * pixels.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    fitted: Pixels = cv2.resize(pixels, (width, height), interpolation=how)  # type: ignore[assignment]
    return fitted
