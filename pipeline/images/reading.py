"""Pictures from files and folders."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.common.atomic_files import name_fault
from pipeline.common.errors import InputError, InputNotFoundError
from pipeline.frame import Alpha, Pixels
from pipeline.images.color_profiles import read_tags, read_tiff, to_srgb
from pipeline.images.transparency import on_white

READABLE = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
"""File extensions taken from a folder; a file named directly may have any."""

_OPAQUE = 255
_JPEG, _TIFF = b"\xff\xd8", (b"II*\0", b"MM\0*")
_WEBP = b"WEBP"  # whose animations FFmpeg does not read
_JPEG_END = 0xD9
_JPEG_WITHOUT_LENGTH = (0x00, 0x01, *range(0xD0, 0xD9))  # stuffing, restarts, the beginning


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


@dataclass(frozen=True)
class Picture:
    """One picture, turned upright by its EXIF tag, as it is painted.

    Attributes:
        pixels: (H, W, 3) uint8 BGR, sRGB, laid on white where it is transparent.
        alpha: (H, W) uint8 where the file holds one, else None.
        exif: for the painted file; without orientation, may be empty.
        notes: lines the user should know.
    """

    pixels: Pixels
    alpha: Alpha | None = None
    exif: bytes = b""
    notes: tuple[str, ...] = ()

    @property
    def transparent(self) -> bool:
        """Whether it can be seen through."""
        return self.alpha is not None and int(self.alpha.min()) < _OPAQUE


def read_image(path: Path) -> Pixels:
    """The pixels of ``read_picture``, which see."""
    return read_picture(path).pixels


def read_picture(path: Path) -> Picture:
    """Read one picture. Grey becomes three equal channels; sixteen bits become eight.

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
    if data.startswith(_JPEG) and not _is_whole_jpeg(data):
        raise InputError(f"{path} is cut off: the end of the picture is missing; copy it again")
    tags = read_tags(data)
    decoded = _decode(path, data, tags.orientation)
    colors, note = to_srgb(np.ascontiguousarray(decoded[..., :3]), tags, data)
    notes = [note] if note else []
    if tags.frames > 1:
        notes.append(
            f"it is animated, the first of {tags.frames} pictures is painted; for all use `brushstream video`"
            + (", once it is made a GIF or MP4" if data[8:12] == _WEBP else "")
        )
    alpha = decoded[..., 3] if decoded.shape[2] == 4 else None
    laid = colors if alpha is None else on_white(colors, alpha)
    return Picture(laid, alpha, tags.exif, tuple(notes))


def _is_whole_jpeg(data: bytes) -> bool:
    """Whether the first picture's end mark is there, whatever follows it: a short film, say."""
    place = 2
    while 0 <= (place := data.find(b"\xff", place)) < len(data) - 1:
        marker = data[place + 1]
        if marker == _JPEG_END:
            return True
        if marker == 0xFF:
            place += 1
        elif marker in _JPEG_WITHOUT_LENGTH:
            place += 2
        else:
            place += 2 + max(2, int.from_bytes(data[place + 2 : place + 4], "big"))
    return False


def _decode(path: Path, data: bytes, orientation: int) -> NDArray[np.uint8]:
    """(H, W, 3 or 4) uint8, upright."""
    try:
        pixels = _decode_any(data, orientation)
    except cv2.error as error:
        raise InputError(f"{path} cannot be decoded ({error.err}); save it again as PNG or JPEG") from error
    if pixels is None:
        raise InputError(f"{path} is not a picture OpenCV can read; save it again as PNG or JPEG")
    return pixels


def _decode_any(data: bytes, orientation: int) -> NDArray[np.uint8] | None:
    buffer = np.frombuffer(data, np.uint8)
    if not data.startswith(_JPEG):
        seen_through = read_tiff(data) if data.startswith(_TIFF) else None
        if seen_through is not None:
            return seen_through
        image = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED)
        if image is not None and image.ndim == 3 and image.shape[2] == 4:
            return upright(_eight_bits(image), 1 if data.startswith(_TIFF) else orientation)
    return cv2.imdecode(buffer, cv2.IMREAD_COLOR)  # type: ignore[return-value]  # it turns by itself


def _eight_bits(image: NDArray[Any]) -> NDArray[np.uint8]:
    top = {1: 1.0, 2: 257.0}.get(image.dtype.itemsize, 1 / 255)  # else floats, 0..1
    rounded: NDArray[np.uint8] = np.rint(image.astype(np.float32) / top).clip(0, 255).astype(np.uint8)
    return rounded


def upright(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turned and mirrored as EXIF's orientation 1..8 asks for; any other number changes nothing."""
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)
