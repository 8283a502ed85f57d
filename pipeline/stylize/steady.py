"""Calms a stylized video: the last picture is carried along the motion and blended with the new one.

Each frame is stylized alone, so noise and small movements make strokes jump. Where the optical flow agrees
in both directions and the colours of the source fit, the new picture takes a share of the one before,
fetched from where its things were; what comes into sight, and what the flow does not explain, stands as it
was painted.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.frame import Pixels

MOST = 0.6
"""The largest share of the picture before: what was wrong is gone after some frames."""
FLOW_WIDTH_PX = 160
_LEAST_PX = 32  # OpenCV's flow reads past the picture's end below twice its finest patch
AGREES_PX, DIFFERS_PX = 1.0, 3.0
"""Forward and backward flow lead back to within so many small pixels: full trust, and none."""
FITS, CLASHES = 12.0, 36.0
"""Difference of colour, 0..255, between a small pixel and where it came from: full trust, and none."""
_TRUSTED = 0.7
_LOOSER = 0.1  # of the motion's length is forgiven besides: fast motion is measured less exactly
_KEPT = 0.97  # of the variance of the Laplacian, which sharpening makes up for
_SHARPEST = 1.5
_FOLLOWED = 1.6  # what is missing of it is added so many times to the next frame's sharpening

Plane = NDArray[np.float32]
Flow = NDArray[np.float32]


@dataclass(frozen=True)
class Motion:
    """From one frame back to the one before it, in small pixels.

    Attributes:
        back: where each came from, less where it is.
        trust: (h, w), 0..1: how far that can be relied on.
        size: (height, width) of the frames.
    """

    back: Flow
    trust: Plane
    size: tuple[int, int]


@dataclass(frozen=True)
class _Small:
    """A frame of (height, width) ``size`` as the flow sees it: grey, and in its colours."""

    gray: Pixels
    colors: Pixels
    size: tuple[int, int]


class Steady:
    """Three steps a frame, each in the order of the frames.

    ``follow`` its source, ``carry`` the last picture along, ``blend`` the new one: only the last needs what
    the network makes of the frame, and ``follow`` may run some frames ahead. What a frame becomes depends on
    the frames since the last one that began anew, on nothing else.
    """

    def __init__(self, most: float = MOST) -> None:
        """``most``, 0 to below 1: share of the picture before.

        Raises:
            ValueError: outside that range; 1 would freeze the picture.
        """
        if not 0.0 <= most < 1.0:
            raise ValueError(f"most must lie in 0..1 without 1, got {most}")
        self._most = most
        self._back, self._forth = _flow_estimator(0), _flow_estimator(1)
        self._seen: _Small | None = None
        self._shown: Pixels | None = None
        self._carried: tuple[Pixels, Pixels] | None = None
        self._sharper = 0.0
        self._scratch: dict[str, NDArray[Any]] = {}

    def __call__(self, source: Pixels, stylized: Pixels) -> Pixels:
        """All three steps of a frame whose picture is there already; returns what ``blend`` does."""
        self.carry(self.follow(source))
        return self.blend(stylized)

    def follow(self, source: Pixels, begins: bool = False) -> Motion | None:
        """The motion of (H, W, 3) uint8 BGR ``source`` since the last one; None where there is none before.

        Args:
            begins: it has nothing to do with the frame before: a cut, another style, the start of a segment.
        """
        before, self._seen = self._seen, _small(source)
        if begins or before is None or before.size != self._seen.size:
            return None
        back = _flow(self._back, self._seen, before)
        forth = _flow(self._forth, before, self._seen)
        return Motion(back, _trust(back, forth, self._seen, before), self._seen.size)

    def carry(self, motion: Motion | None) -> None:
        """Bring the last picture to where its things are now; without a motion nothing of it."""
        shown = self._shown
        if motion is None or shown is None or shown.shape[:2] != motion.size:
            self._carried, self._sharper = None, 0.0
            return
        size, came_from = motion.size, self._came_from(motion)
        place, part = cv2.convertMaps(  # type: ignore[call-overload]
            came_from,
            None,
            cv2.CV_16SC2,
            self._room("place", (*size, 2), np.int16),
            self._room("part", size, np.uint16),
        )
        carried = cv2.remap(
            shown, place, part, cv2.INTER_LINEAR, self._room("carried", (*size, 3), np.uint8),
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        trust = cv2.resize(motion.trust, size[::-1], self._room("trust", size))
        self._carried = carried, (trust < _TRUSTED).view(np.uint8)  # type: ignore[assignment]

    def _came_from(self, motion: Motion) -> Flow:
        """(H, W, 2): the (x, y) in the last frame of every pixel."""
        height, width = motion.size
        per_pixel = np.array((width / motion.back.shape[1], height / motion.back.shape[0]), np.float32)
        flow = cv2.resize(motion.back * per_pixel, (width, height), self._room("from", (height, width, 2)))
        came_from: Flow = np.add(flow, _grid(height, width), out=self._room("from", (height, width, 2)))
        return came_from

    def _room(self, name: str, shape: tuple[int, ...], kind: type[np.generic] = np.float32) -> NDArray[Any]:
        """An array that is used again with every frame: new memory would cost more than the work in it."""
        found = self._scratch.get(name)
        if found is None or found.shape != shape:
            found = self._scratch[name] = np.empty(shape, kind)
        return found

    def blend(self, stylized: Pixels) -> Pixels:
        """What is shown, (H, W, 3) uint8 BGR: ``stylized`` itself where nothing was carried.

        Args:
            stylized: of the size of its source; only read, and kept until the next frame.

        Returns:
            Only to be read.
        """
        if self._carried is None or self._carried[0].shape != stylized.shape:
            self._shown = stylized
            return stylized
        carried, doubtful = self._carried
        room = self._room("blended", stylized.shape, np.uint8)
        blended = cv2.addWeighted(carried, self._most, stylized, 1.0 - self._most, 0.0, room)
        self._shown = cv2.copyTo(stylized, doubtful, blended)  # type: ignore[assignment]
        return self._sharpened(self._shown, stylized, doubtful)  # type: ignore[arg-type]

    def _sharpened(self, blended: Pixels, stylized: Pixels, doubtful: Pixels) -> Pixels:
        """What softened by blending and fetching, sharpened; what is carried on stays as it is."""
        soft = cv2.GaussianBlur(blended, (3, 3), 0, self._room("soft", blended.shape, np.uint8))
        sharp = cv2.addWeighted(blended, 1.0 + self._sharper, soft, -self._sharper, 0.0)
        shown: Pixels = cv2.copyTo(stylized, doubtful, sharp)  # type: ignore[assignment]
        missing = _KEPT - _detail(shown) / max(_detail(stylized), 1e-6)
        self._sharper = min(_SHARPEST, max(0.0, self._sharper + _FOLLOWED * missing))
        return shown


def _flow_estimator(finest: int) -> cv2.DISOpticalFlow:
    """The preset "ultrafast" with fewer patches and steps, down to 2 ** ``finest`` pixels."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    dis.setFinestScale(finest)
    dis.setPatchStride(6)
    dis.setGradientDescentIterations(6)
    return dis


def _flow(dis: cv2.DISOpticalFlow, start: _Small, end: _Small) -> Flow:
    blank = np.zeros((*start.gray.shape, 2), np.float32)
    return dis.calc(start.gray, end.gray, blank).astype(np.float32, copy=False)


def _small(source: Pixels) -> _Small:
    height, width = source.shape[:2]
    factor = min(1.0, FLOW_WIDTH_PX / width)
    wh = max(_LEAST_PX, round(factor * width)), max(_LEAST_PX, round(factor * height))
    colors: Pixels = cv2.resize(source, wh, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return _Small(cv2.cvtColor(colors, cv2.COLOR_BGR2GRAY), colors, (height, width))  # type: ignore[arg-type]


def _trust(back: Flow, forth: Flow, now: _Small, before: _Small) -> Plane:
    """(h, w), 0..1: flow that comes back, from a place inside the picture, and colours that fit.

    Smoothed: what lies among doubtful places is doubtful, so that old and new do not stand in speckles.
    """
    came_from = _grid(*back.shape[:2]) + back
    returned, was = _fetched(forth, came_from), _fetched(before.colors, came_from)
    astray = _length(back + returned) - _LOOSER * _length(back)
    blue, green, red = cv2.split(cv2.absdiff(now.colors, was))
    change = cv2.max(cv2.max(blue, green), red)
    agrees = np.clip((DIFFERS_PX - astray) / (DIFFERS_PX - AGREES_PX), 0.0, 1.0)
    fits = np.clip((CLASHES - change) / (CLASHES - FITS), 0.0, 1.0)
    height, width = back.shape[:2]
    inside = cv2.inRange(came_from, (-1.0, -1.0), (float(width), float(height))) != 0
    trust = cv2.GaussianBlur((agrees * fits * inside).astype(np.float32), (7, 7), 0)
    return np.asarray(trust, np.float32)


def _fetched(values: NDArray[Any], came_from: Flow) -> NDArray[Any]:
    """``values`` from between their pixels, the edge repeated."""
    return cv2.remap(values, came_from, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload, no-any-return]


def _length(flow: Flow) -> Plane:
    length: Plane = cv2.magnitude(*cv2.split(flow))  # type: ignore[assignment]
    return length


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> Flow:
    """(h, w, 2): every pixel's own (x, y)."""
    rows, columns = np.indices((height, width), dtype=np.float32)
    return np.dstack((columns, rows))


def _detail(pixels: Pixels) -> float:
    """Variance of the Laplacian of every third row in grey; of use beside another picture's."""
    laplacian = cv2.Laplacian(cv2.cvtColor(pixels[::3], cv2.COLOR_BGR2GRAY), cv2.CV_16S)
    return float(cv2.meanStdDev(laplacian)[1][0, 0]) ** 2
