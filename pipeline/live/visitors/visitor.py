"""One visitor: the newest frame that came, the settings it is painted with, and what goes back."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import cv2
import numpy as np

from pipeline.common.latency import LatencyClock
from pipeline.frame import Pixels
from pipeline.images.color_profiles import jpeg_size
from pipeline.live.controls import LiveControls
from pipeline.live.painter import Painter
from pipeline.live.visitors.line import Line
from pipeline.live.visitors.thumbnails import Thumbnails
from pipeline.live.web.outbox import FRAME, Outbox, message
from pipeline.live.web.state import page_state

THUMBNAILS = "thumbnails"
"""The one command that only a page has: paint the picker's thumbnails from the next frame."""

_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 88]
_NUMBER_BYTES = 4
_RECENT_FRAMES = 60


class Visitor:
    """A guest of the page server (see ``pipeline.live.web.server.Guest``) whose page brings a camera.

    Attributes:
        heard_at: when anything last came, on the monotonic clock.
        frames: painted so far.
    """

    def __init__(
        self,
        outbox: Outbox,
        controls: LiveControls,
        painter: Painter,
        line: "Line[Visitor]",
        thumbnails: Thumbnails,
        *,
        size: tuple[int, int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Join the line; ``size``, (height, width), is that of the engines that are open already."""
        self._outbox, self._controls, self._painter = outbox, controls, painter
        self._line, self._thumbnails = line, thumbnails
        self._size, self._clock = size, clock
        self._longest_px = max(size)
        self._newest: tuple[int, bytes, float] | None = None
        self._wants_thumbnails = False
        self._recent = LatencyClock(window=_RECENT_FRAMES, clock=clock)
        self._begun_with = controls.settings
        self._shown = controls.settings.style
        self._engine, self._scale = "", controls.settings.scale
        self.heard_at = float("-inf")
        self.frames = 0
        line.join(self)

    @property
    def has_frame(self) -> bool:
        """Whether there is something to paint."""
        return self._newest is not None

    def state(self) -> Mapping[str, Any]:
        """For the page."""
        governor = self._painter.governor
        return page_state(
            "camera",
            self._painter.pool.styles,
            self._controls.settings,
            shown=self._shown,
            scale=self._scale,
            engine=self._engine,
            governor="" if governor is None else governor.describe(),
            fps=self._recent.report().fps,
            place=self._line.place(self),
            longest_px=self._longest_px,
        )

    def command(self, text: str) -> None:
        """Carry out a command of the page. Raises ValueError for an unknown one."""
        self.heard_at = self._clock()
        if text == THUMBNAILS:
            self._wants_thumbnails = True
        else:
            self._controls.do(text)

    def frame(self, data: bytes) -> None:
        """A frame: its number, four bytes, and a JPEG. Replaces one that still waits.

        Raises:
            ValueError: no JPEG, or larger than was asked for.
        """
        jpeg = data[_NUMBER_BYTES:]
        size = jpeg_size(jpeg)
        if size is None or max(size) > self._longest_px:
            came = "something else" if size is None else f"{size[1]}x{size[0]}"
            raise ValueError(f"a JPEG of at most {self._longest_px} pixels a side was expected, {came} came")
        self.heard_at = self._clock()
        self._newest = int.from_bytes(data[:_NUMBER_BYTES], "big"), jpeg, self.heard_at
        self._line.called()

    def leave(self) -> None:
        """The page is gone."""
        self._line.leave(self)

    def paint(self) -> None:
        """Paint the newest frame; in the one thread that paints.

        Raises:
            EngineError: the engine failed.
        """
        newest, self._newest = self._newest, None
        pixels = None if newest is None else decode(newest[1])
        if newest is None or pixels is None:
            self._outbox.refuse("a JPEG was expected, a damaged one came")
            return
        number, _, came_at = newest
        settings = self._controls.settings
        self._prepare()
        laps = self._recent.begin()
        painting = self._painter(pixels, settings)
        laps.lap("stylize")
        self._recent.finish(laps)
        self.frames += 1
        self._shown, self._engine, self._scale = painting.style, painting.engine, painting.scale
        self._outbox.put_frame(partial(self._encoded, number, painting.result, came_at))
        if self._wants_thumbnails:
            self._wants_thumbnails = False
            self._thumbnails.ask(self._outbox, painting.source)

    def _prepare(self) -> None:
        """The first frame takes the engine that is open, whatever was chosen since: it waits for none."""
        if not self.frames:
            self._painter.prepare(self._size, self._begun_with)
        if self._painter.governor is not None:
            self._painter.governor.streams = max(1, self._line.active)

    def _encoded(self, number: int, pixels: Pixels, came_at: float) -> bytes:
        _, jpeg = cv2.imencode(".jpg", pixels, _QUALITY)
        return message(FRAME, number, self._clock() - came_at, jpeg.tobytes())


def decode(jpeg: bytes) -> Pixels | None:
    """(H, W, 3) uint8 BGR, None where it is damaged."""
    pixels: Pixels | None = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)  # type: ignore[assignment]
    return pixels
