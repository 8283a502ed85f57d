"""A source that needs no camera and no file: it draws its own moving scene."""

import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from pipeline.common.errors import InputError
from pipeline.drawing.scene import Scene
from pipeline.frame import Frame
from pipeline.stream import Source, StreamInfo


class SyntheticSource(Source):
    """Frames of ``scene.Scene``, as fast as they are asked for, the same on every run.

    Attributes:
        info: ``frame_count`` is None where the source has no end.
    """

    def __init__(
        self,
        size: tuple[int, int] = (480, 640),
        rate: Fraction | int = 30,
        frames: int | None = None,
        seed: int = 0,
    ) -> None:
        """Draw the landscape; frames follow from it.

        Args:
            size: (height, width), at least 1 each.
            rate: frames a second of the scene's own time.
            frames: how many there are; None never ends.
            seed: another seed, another landscape.

        Raises:
            InputError: a size or rate below what makes sense.
        """
        if min(size) < 1 or rate <= 0 or (frames is not None and frames < 1):
            raise InputError(
                f"size, rate and frames must be positive, got {size[1]}x{size[0]}, {rate} a second, {frames}"
            )
        self.info = StreamInfo(size, Fraction(rate), frames)
        self._scene = Scene(*size, seed)

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while self.info.frame_count is None or index < self.info.frame_count:
            yield self.frame(index)
            index += 1

    def end_after(self, frames: int) -> None:
        """Give so many frames; to be called before the first is taken."""
        self.info = replace(self.info, frame_count=frames)

    def frame(self, index: int) -> Frame:
        """The frame of that number, whatever was asked for before."""
        assert self.info.rate is not None
        pts = index / self.info.rate
        return Frame(self._scene.draw(float(pts)), index, time.monotonic(), pts)
