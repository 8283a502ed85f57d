"""A picture of where a long job stands, every few seconds, beside its output."""

import time
from collections.abc import Callable
from pathlib import Path

from pipeline.common.atomic_files import beside
from pipeline.frame import Pixels
from pipeline.images.writing import write_image


class Preview:
    """Writes ``clip.preview.jpg`` for ``clip.mp4``, each time whole; ``remove`` when the job is done."""

    def __init__(self, output: Path, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """``every_s`` 0 writes none."""
        self.path = beside(output, "", ".preview.jpg", stem=True)
        self._every_s, self._clock = every_s, clock
        self._next_at = clock()

    def show(self, pixels: Pixels) -> None:
        """Write (H, W, 3) uint8 BGR where it is time. Raises OutputError where that cannot be."""
        if self._every_s <= 0 or self._clock() < self._next_at:
            return
        write_image(self.path, pixels, overwrite=True)
        self._next_at = self._clock() + self._every_s

    def remove(self) -> None:
        """Take the picture away: the output is there."""
        if self._every_s > 0:
            self.path.unlink(missing_ok=True)
