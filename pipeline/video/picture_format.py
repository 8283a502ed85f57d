"""What all pictures of a stream have in common: given on whole from the reader to the encoder."""

import math
from dataclasses import dataclass
from fractions import Fraction

from pipeline.frame import Frame
from pipeline.stream import StreamInfo
from pipeline.video.color import VideoColor

NO_RATE = Fraction(25)
"""Frames a second where the source has none."""


@dataclass(frozen=True)
class PictureFormat:
    """The pictures of one stream.

    Attributes:
        size: (height, width).
        rate: frames a second, nominal.
        tick: seconds of one tick, of which every pts is a multiple.
        color: what the pixels' RGB is relative to.
        aspect: width : height of one pixel.
        alpha: their frames have one.
        seen_through: the first one is transparent somewhere.
    """

    size: tuple[int, int]
    rate: Fraction
    tick: Fraction
    color: VideoColor
    aspect: Fraction = Fraction(1)
    alpha: bool = False
    seen_through: bool = False

    @classmethod
    def of(
        cls,
        info: StreamInfo,
        tick: Fraction | None = None,
        color: VideoColor | None = None,
        aspect: Fraction = Fraction(1),
    ) -> "PictureFormat":
        """Without a rate NO_RATE is taken, without a tick a fine one, without ``color`` BT.709."""
        rate = info.rate or NO_RATE
        return cls(info.size, rate, tick or fine_time_base(rate), color or VideoColor(), aspect)

    def ticks_of(self, frame: Frame, before: int | None) -> int:
        """The frame's time in ticks, always later than ``before``, the ticks of the frame before."""
        seconds = frame.pts if frame.pts is not None else frame.index / self.rate
        ticks = round(seconds / self.tick)
        return ticks if before is None else max(ticks, before + 1)


def fine_time_base(rate: Fraction) -> Fraction:
    """A tick that divides 1 / ``rate`` exactly and is at most 1/10000 s: 1/24000 for 24000/1001."""
    return Fraction(1, rate.numerator * math.ceil(10_000 / rate.numerator))
