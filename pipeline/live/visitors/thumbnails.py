"""Small paintings of a visitor's own frame: one of every style, and of every row of those with several."""

import threading
from collections.abc import Callable, Iterator

import cv2

from pipeline.common.concurrency import LOOK_EVERY_S
from pipeline.common.errors import BrushstreamError
from pipeline.engines.base import default_controls
from pipeline.frame import Pixels
from pipeline.live.pool import OpenStylizer
from pipeline.live.web.outbox import ROW_THUMBNAIL, ROWS, THUMBNAIL, Outbox, message
from pipeline.lookup import row_names, with_mixture
from pipeline.style import StyleFile
from pipeline.stylize.stylizer import Stylizer

SIZE = (240, 320)
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 82]


class Thumbnails:
    """Its engines open one by one behind the scenes, at once, and stay open: they are small.

    A visitor who asks again before the last one is done is painted once, from the newer frame.
    """

    def __init__(
        self, styles: tuple[StyleFile, ...], open_stylizer: OpenStylizer, tell: Callable[[str], None]
    ) -> None:
        """``tell`` takes a line about a style that cannot be opened."""
        self._styles, self._open_stylizer, self._tell = styles, open_stylizer, tell
        self._open: dict[int, Stylizer | None] = {}
        self._asked: dict[Outbox, Pixels] = {}
        self._changed = threading.Condition()

    def ask(self, outbox: Outbox, pixels: Pixels) -> None:
        """Paint that frame, (H, W, 3) uint8 BGR, with every style, for that page."""
        with self._changed:
            self._asked[outbox] = thumbnail_of(pixels)
            self._changed.notify()

    def run(self, stop: threading.Event) -> None:
        """The thread's body: open what is closed, paint what is asked, until ``stop`` is set."""
        while not stop.is_set():
            with self._changed:
                outbox = next(iter(self._asked), None)
                pixels = None if outbox is None else self._asked.pop(outbox)
                if outbox is None and len(self._open) == len(self._styles):
                    self._changed.wait(LOOK_EVERY_S)
                    continue
            if outbox is None or pixels is None:
                self._stylizer(len(self._open))
                continue
            for kind, number, style, place in self._wanted():
                stylizer = self._stylizer(place)
                if stylizer is not None and not stop.is_set():
                    painted = stylizer(pixels, default_controls(style.card))
                    _, jpeg = cv2.imencode(".jpg", painted, _QUALITY)
                    outbox.put(message(kind, number, 0.0, jpeg.tobytes()))

    def _wanted(self) -> Iterator[tuple[int, int, StyleFile, int]]:
        """Kind and number of a message, the style to paint, and the place of its engine."""
        for place, style in enumerate(self._styles):
            yield THUMBNAIL, place, style, place
        for place, style in enumerate(self._styles):
            for row, name in enumerate(row_names(style.card)):
                yield ROW_THUMBNAIL, place * ROWS + row, with_mixture(style, {name: 1.0}), place

    def _stylizer(self, place: int) -> Stylizer | None:
        if place not in self._open:
            self._open[place] = None
            style = self._styles[place]
            try:
                self._open[place] = self._open_stylizer(style, SIZE)
            except BrushstreamError as error:
                self._tell(f"style {style.card.name} has no thumbnail: {error}")
        return self._open[place]

    def close(self) -> None:
        """Close every engine; after the thread has ended."""
        while self._open:
            stylizer = self._open.popitem()[1]
            if stylizer is not None:
                stylizer.close()


def thumbnail_of(pixels: Pixels) -> Pixels:
    """The middle of a frame in the shape of SIZE, scaled to it."""
    height, width = pixels.shape[:2]
    keep_height = min(height, max(1, width * SIZE[0] // SIZE[1]))
    keep_width = min(width, max(1, height * SIZE[1] // SIZE[0]))
    top, left = (height - keep_height) // 2, (width - keep_width) // 2
    part = pixels[top : top + keep_height, left : left + keep_width]
    small: Pixels = cv2.resize(part, SIZE[::-1], interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return small
