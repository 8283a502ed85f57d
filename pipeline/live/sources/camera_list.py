"""Which cameras there are, what they are called, and what OpenCV says they can do."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from pipeline.common.errors import InputNotFoundError
from pipeline.live.sources.camera import Opener, four_letters, open_with_opencv

SYSFS = Path("/sys/class/video4linux")
SIZES_WH = ((320, 240), (640, 480), (800, 600), (1280, 720), (1920, 1080))
_TRIED_WITHOUT_SYSFS = 4


@dataclass(frozen=True)
class Mode:
    """One answer of the camera.

    Attributes:
        size: (height, width).
        fps: the backend's word on it, 0 where it has none.
        pixel_format: four letters.
    """

    size: tuple[int, int]
    fps: float
    pixel_format: str

    def __str__(self) -> str:
        rate = f" at {self.fps:g} fps" if self.fps > 0 else ""
        return f"{self.size[1]}x{self.size[0]}{rate} {self.pixel_format}"


@dataclass(frozen=True)
class Camera:
    """A camera.

    Attributes:
        device: the number that ``--source`` takes.
        name: what the system calls it; ``--source`` takes any part of it.
        modes: what it agreed to; empty where it cannot be opened.
        backend: OpenCV's name of what reads it, empty where it cannot be opened.
    """

    device: int
    name: str
    modes: tuple[Mode, ...] = ()
    backend: str = ""


def list_cameras(*, sysfs: Path = SYSFS, opener: Opener | None = None) -> list[Camera]:
    """Every camera, by number, with the modes it agrees to; opens each for a moment."""
    found = names(sysfs) if sys.platform.startswith("linux") else {}
    if not found and not sys.platform.startswith("linux"):
        found = {device: f"camera {device}" for device in range(_TRIED_WITHOUT_SYSFS)}
    cameras = [_examine(device, name, opener or open_with_opencv) for device, name in found.items()]
    return cameras if sys.platform.startswith("linux") else [c for c in cameras if c.modes]


def names(sysfs: Path = SYSFS) -> dict[int, str]:
    """Name by device number. Of a camera's several devices only the first takes pictures."""
    found: dict[int, str] = {}
    for entry in sysfs.glob("video*"):
        number, index = entry.name.removeprefix("video"), _text(entry / "index")
        if number.isdecimal() and index in ("", "0"):
            found[int(number)] = _text(entry / "name") or entry.name
    return dict(sorted(found.items()))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""


def _examine(device: int, name: str, opener: Opener) -> Camera:
    camera = opener(device)
    try:
        if not camera.isOpened():
            return Camera(device, name)
        camera.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        modes = {mode.size: mode for mode in (_try(camera, width, height) for width, height in SIZES_WH)}
        return Camera(device, name, tuple(modes.values()), str(camera.getBackendName()))
    finally:
        camera.release()


def _try(camera: "cv2.VideoCapture", width: int, height: int) -> Mode:
    camera.set(cv2.CAP_PROP_FRAME_WIDTH, width)
    camera.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
    camera.set(cv2.CAP_PROP_FPS, 1000)  # it answers with the fastest it has
    got = int(camera.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(camera.get(cv2.CAP_PROP_FRAME_WIDTH))
    return Mode(got, camera.get(cv2.CAP_PROP_FPS), four_letters(int(camera.get(cv2.CAP_PROP_FOURCC))))


def find_camera(wanted: str, known: dict[int, str] | None = None) -> int:
    """The device number of ``wanted``: a number, ``/dev/videoN``, or any part of a camera's name.

    Raises:
        InputNotFoundError: no camera, or several, are called so; the message lists those there are.
    """
    number = wanted.removeprefix("/dev/video")
    if number.isdecimal():
        return int(number)
    known = names() if known is None else known
    matching = [device for device, name in known.items() if wanted.casefold() in name.casefold()]
    if len(matching) == 1:
        return matching[0]
    what = "several cameras are" if matching else "no camera is"
    raise InputNotFoundError(f"{what} called {wanted!r}; {_those(known)}")


def _those(known: dict[int, str]) -> str:
    listed: Sequence[str] = [f"{device}: {name}" for device, name in known.items()]
    return f"there are {', '.join(listed)}" if listed else "this machine shows no camera at all"
