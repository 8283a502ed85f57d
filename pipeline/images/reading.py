"""Pictures from files and folders."""

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.common.atomic_files import name_fault
from pipeline.common.errors import InputError, InputNotFoundError
from pipeline.frame import Frame, Pixels
from pipeline.stream import Source, StreamInfo

READABLE = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
"""File extensions taken from a folder; a file named directly may have any."""

_WHITE = 255


class ImagesSource(Source):
    """One frame a picture, in natural order (2.png before 10.png); sizes may differ.

    A picture that cannot be read is left out and kept in ``skipped``.

    Attributes:
        info: ``size`` is the first readable picture's, ``frame_count`` counts all files.
        paths: the files; a frame's ``index`` points into it, so that gaps are skipped pictures.
        skipped: (file, reason) of those left out so far.
        damage: one line when iteration has ended and some were left out.
    """

    def __init__(self, inputs: Sequence[Path]) -> None:
        """Find the pictures of files and folders and read the first one.

        Raises:
            InputNotFoundError: an input is not there.
            InputError: a folder without pictures, or not one picture can be read.
        """
        self.paths = list_images(inputs)
        self.skipped: list[tuple[Path, str]] = []
        self._frames = self._read_all()
        self._first: Frame | None = next(self._frames, None)
        if self._first is None:
            raise InputError(f"none of {len(self.paths)} pictures can be read: {self.skipped[0][1]}")
        self.info = StreamInfo(self._first.size, None, len(self.paths))

    def __iter__(self) -> Iterator[Frame]:
        first, self._first = self._first, None
        if first is None:
            return
        yield first
        yield from self._frames
        if self.skipped:
            names = ", ".join(path.name for path, _ in self.skipped[:5])
            more = f" and {len(self.skipped) - 5} more" if len(self.skipped) > 5 else ""
            self.damage = f"{len(self.skipped)} of {len(self.paths)} pictures were skipped: {names}{more}"

    def _read_all(self) -> Iterator[Frame]:
        for index, path in enumerate(self.paths):
            try:
                pixels = read_image(path)
            except InputError as error:
                self.skipped.append((path, str(error)))
                continue
            yield Frame(pixels, index, time.monotonic())


def list_images(inputs: Sequence[Path]) -> list[Path]:
    """Files as named, folders as the pictures directly in them, in natural order; nothing hidden.

    Raises:
        InputNotFoundError: an input is not there.
        InputError: no input at all, or a folder without pictures.
    """
    if not inputs:
        raise InputError("no picture was named; name files or folders")
    return [path for entry in inputs for path in _list(entry)]


def _list(entry: Path) -> list[Path]:
    fault = name_fault(entry)
    if fault is not None:
        raise InputError(fault)
    if not entry.exists():
        raise InputNotFoundError(f"{entry} does not exist; check the name and the folder")
    if not entry.is_dir():
        return [entry]
    found = [path for path in entry.iterdir() if _is_picture(path)]
    if not found:
        raise InputError(f"the folder {entry} holds no pictures; looked for {' '.join(READABLE)}")
    return sorted(found, key=natural_key)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in READABLE and not path.name.startswith(".") and path.is_file()


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sorts img2 before img10: digits compare as numbers, the rest as text without case."""
    parts = re.findall(r"[0-9]+|[^0-9]+", path.name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def read_image(path: Path) -> Pixels:
    """One picture, turned upright by its EXIF tag, (H, W, 3) uint8 BGR.

    Grey becomes three equal channels; sixteen bits become eight; what is transparent is laid on white.

    Raises:
        InputNotFoundError: no such file.
        InputError: a folder, empty, no picture, or cut off.
    """
    try:
        data = path.read_bytes()  # not cv2.imread: it cannot open every path on every system
    except FileNotFoundError as error:
        raise InputNotFoundError(f"{path} does not exist; check the name and the folder") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the file") from error
    if not data:
        raise InputError(f"{path} is empty (0 bytes), a picture was wanted; copy it again")
    return _decode(path, data)


def _decode(path: Path, data: bytes) -> Pixels:
    if data[:2] == b"\xff\xd8" and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        raise InputError(f"{path} is cut off: the end of the picture is missing; copy it again")
    buffer = np.frombuffer(data, np.uint8)
    try:
        pixels = _decode_opaque(buffer) if data[:2] == b"\xff\xd8" else _decode_any(buffer)
    except cv2.error as error:
        raise InputError(f"{path} cannot be decoded ({error.err}); save it again as PNG or JPEG") from error
    if pixels is None:
        raise InputError(f"{path} is not a picture OpenCV can read; save it again as PNG or JPEG")
    return pixels


def _decode_opaque(buffer: NDArray[np.uint8]) -> Pixels | None:
    return cv2.imdecode(buffer, cv2.IMREAD_COLOR)  # type: ignore[return-value]


def _decode_any(buffer: NDArray[np.uint8]) -> Pixels | None:
    image = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 3 or image.shape[2] != 4:
        return _decode_opaque(buffer)
    top = {1: 255.0, 2: 65535.0}.get(image.dtype.itemsize, 1.0)  # else floats, 0..1
    alpha = image[..., 3:].astype(np.float32) / top
    colors = image[..., :3].astype(np.float32) * (_WHITE / top)
    blended: Pixels = np.rint(colors * alpha + _WHITE * (1 - alpha)).clip(0, _WHITE).astype(np.uint8)
    return blended
