"""A camera at this machine, read with OpenCV."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.common.errors import InputError, InputNotFoundError
from pipeline.common.latency import Clock
from pipeline.frame import Frame, Pixels
from pipeline.stream import Source, StreamInfo

Opener = Callable[[int], Any]
"""Device number -> something with ``cv2.VideoCapture``'s methods. Tests pass a camera that misbehaves."""

FAILED_READS = 10
"""Reads in a row that may fail (damaged pictures) before the camera counts as gone."""
_PAUSE_AFTER_FAILURE_S = 0.02
_SELECT_TIMEOUT_S = 2
_MJPG = cv2.VideoWriter.fourcc(*"MJPG")


@dataclass(frozen=True)
class Negotiated:
    """What the camera answered to what it was asked.

    Attributes:
        size: (height, width) of the first picture, not of a property.
        fps: the backend's word, 0 where it has none.
        pixel_format: four letters, MJPG where the camera agreed.
        one_buffer: the backend agreed to keep one picture instead of four or so.
        backend: OpenCV's name of it.
    """

    size: tuple[int, int]
    fps: float
    pixel_format: str
    one_buffer: bool
    backend: str

    def __str__(self) -> str:
        height, width = self.size
        rate = f"{self.fps:g} fps" if self.fps > 0 else "frame rate unknown"
        late = "" if self.one_buffer else ", which keeps old frames: pictures may come late"
        return f"{width}x{height}, {rate}, {self.pixel_format} ({self.backend}{late})"


class CameraSource(Source):
    """Pictures of a camera, in whatever size it sends them.

    A picture that cannot be decoded is left out and counted. When FAILED_READS fail in a row, or the
    device is no longer there, iteration ends and ``damage`` says so.

    Attributes:
        negotiated: what the camera agreed to.
        bad_frames: pictures left out.
    """

    def __init__(
        self,
        device: int,
        size: tuple[int, int] | None = (480, 640),
        fps: float | None = 30,
        *,
        opener: Opener | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        """Open the camera and take the first picture.

        Args:
            device: its number; names are looked up in ``camera_list``.
            size: (height, width) to ask for, None takes the camera's own.
            fps: to ask for, None takes the camera's own.
            opener: opens the device; None takes OpenCV.

        Raises:
            InputNotFoundError: there is no such camera.
            InputError: it may not be opened, or another program has it.
        """
        self.device = device
        self.bad_frames = 0
        self._clock = clock
        with _impatient_driver():
            self._camera = (opener or open_with_opencv)(device)
            if not self._camera.isOpened():
                raise _why_not(device, opened=False)
            one_buffer = self._negotiate(size, fps)
            self._first: Pixels | None = self._read()
        if self._first is None:
            self._camera.release()
            raise _why_not(device, opened=True)
        self.negotiated = self._answer(one_buffer, self._first)
        rate = Fraction(self.negotiated.fps).limit_denominator(1001) if self.negotiated.fps > 0 else None
        self.info = StreamInfo(self.negotiated.size, rate, live=True)

    def _negotiate(self, size: tuple[int, int] | None, fps: float | None) -> bool:
        """MJPG first: sizes and rates on offer depend on it. Returns whether one buffer was agreed."""
        self._camera.set(cv2.CAP_PROP_FOURCC, _MJPG)
        if size is not None:
            self._camera.set(cv2.CAP_PROP_FRAME_WIDTH, size[1])
            self._camera.set(cv2.CAP_PROP_FRAME_HEIGHT, size[0])
        if fps is not None:
            self._camera.set(cv2.CAP_PROP_FPS, fps)
        return bool(self._camera.set(cv2.CAP_PROP_BUFFERSIZE, 1))

    def _answer(self, one_buffer: bool, first: Pixels) -> Negotiated:
        fps = float(self._camera.get(cv2.CAP_PROP_FPS) or 0.0)
        size = first.shape[0], first.shape[1]
        return Negotiated(
            size,
            fps if np.isfinite(fps) and 0 < fps < 1000 else 0.0,
            four_letters(int(self._camera.get(cv2.CAP_PROP_FOURCC) or 0)),
            one_buffer,
            str(self._camera.getBackendName()),
        )

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        pixels, self._first = self._first, None
        while pixels is not None:
            yield Frame(pixels, index, self._clock())
            index += 1
            pixels = self._read()
        bad = f", {self.bad_frames} damaged pictures" if self.bad_frames else ""
        self.damage = f"no picture came any more after {index} frames{bad}"

    def _read(self) -> Pixels | None:
        """The next picture that can be decoded; None when the camera is gone."""
        for attempt in range(FAILED_READS):
            good, pixels = self._camera.read()
            if good and pixels is not None and pixels.ndim == 3 and pixels.size:
                self.bad_frames += attempt
                return np.ascontiguousarray(pixels)
            time.sleep(_PAUSE_AFTER_FAILURE_S)
        return None

    def close(self) -> None:
        """Give the camera back. Closing twice is no error."""
        self._camera.release()


def open_with_opencv(device: int) -> Any:
    """OpenCV's camera of that number, opened or not, without OpenCV's own warnings.

    Raises:
        InputNotFoundError: Linux has no such device.
    """
    if sys.platform.startswith("linux") and not device_path(device).exists():
        raise _why_not(device, opened=False)
    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_ERROR
    )  # that a camera cannot be opened is told by us, with what to do
    backend = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY
    return cv2.VideoCapture(device, backend)


@contextmanager
def _impatient_driver() -> Iterator[None]:
    """OpenCV's V4L2 waits 10 s for a picture; it reads this variable once, at the first wait."""
    name = "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"
    before = os.environ.get(name)
    os.environ[name] = before or str(_SELECT_TIMEOUT_S)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]


def four_letters(code: int) -> str:
    """``MJPG`` from its number; ``?`` where the backend gives none."""
    letters = "".join(chr(code >> shift & 0xFF) for shift in (0, 8, 16, 24))
    return letters if letters.isprintable() and letters.strip() else "?"


def device_path(device: int) -> Path:
    """Where Linux has that camera."""
    return Path(f"/dev/video{device}")


def _why_not(device: int, opened: bool) -> InputError:
    path = device_path(device)
    if sys.platform.startswith("linux"):
        if not path.exists():
            return InputNotFoundError(
                f"there is no camera {device} ({path} does not exist); `brushstream webcam --list-cameras` "
                "shows those there are, --source synthetic needs none"
            )
        if not os.access(path, os.R_OK | os.W_OK):
            return InputError(
                f"camera {device} may not be opened ({path}); add yourself to the group 'video' "
                "(sudo usermod -aG video $USER) and log in again"
            )
    what = "opens but gives no picture" if opened else "cannot be opened"
    return InputError(
        f"camera {device} {what}: another program is probably using it; close that one (a browser, a "
        "meeting), or choose another camera: `brushstream webcam --list-cameras`"
    )
