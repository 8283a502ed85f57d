"""Pictures into files, each named only when it is whole."""

from pathlib import Path

import cv2

from pipeline.common.atomic_files import PartFile, write_error
from pipeline.common.errors import OutputError
from pipeline.frame import Pixels

WRITABLE = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
"""File extensions a picture may be written with."""

_QUALITY = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
    ".png": [cv2.IMWRITE_PNG_COMPRESSION, 3],
}


def encode_image(suffix: str, pixels: Pixels) -> bytes:
    """(H, W, 3) uint8 BGR as the bytes of a file with that extension; JPEG and WebP with quality 95.

    Raises:
        OutputError: unknown extension, or a picture too large for the format.
    """
    suffix = suffix.lower()
    if suffix not in WRITABLE:
        raise OutputError(f"the name ends in {suffix or 'nothing'!r}; choose one of {' '.join(WRITABLE)}")
    try:
        done, data = cv2.imencode(suffix, pixels, _QUALITY.get(suffix, []))
    except cv2.error as error:
        raise OutputError(f"the picture cannot be encoded ({error.err}); try .png") from error
    if not done:
        height, width = pixels.shape[:2]
        raise OutputError(f"{width}x{height} is too large for {suffix}; try .png")
    return data.tobytes()


def write_image(path: Path, pixels: Pixels, *, overwrite: bool = False) -> None:
    """Write (H, W, 3) uint8 BGR in the format of the extension; JPEG and WebP with quality 95.

    Raises:
        OutputError: unknown extension, missing or read-only folder, ``path`` taken, no space, or a
            picture too large for the format.
    """
    try:
        data = encode_image(path.suffix, pixels)
    except OutputError as error:
        raise OutputError(f"{path}: {error}") from error
    part = PartFile(path, overwrite=overwrite)
    try:
        part.file.write(data)
    except OSError as error:
        part.discard()
        raise write_error(path, error) from error
    part.publish()
