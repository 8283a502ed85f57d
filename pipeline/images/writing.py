"""Pictures into files, each named only when it is whole."""

from pathlib import Path

import cv2

from pipeline.common.atomic_files import check_target, written
from pipeline.common.errors import OutputError
from pipeline.frame import Pixels
from pipeline.images.color_profiles import encode as encode_tagged

WRITABLE = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
"""File extensions a picture may be written with."""

WITH_ALPHA = (".png", ".webp", ".tif", ".tiff")
"""Those that hold transparency."""

_OF_OTHERS = (
    *(".avif", ".bmp", ".dng", ".exr", ".gif", ".heic", ".heif", ".ico", ".jp2", ".jxl", ".pdf", ".ppm"),
    *(".psd", ".svg", ".tga", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"),
)
_TIFF = (".tif", ".tiff")
_PHOTO_QUALITY = 95
_QUALITY = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, _PHOTO_QUALITY],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, _PHOTO_QUALITY],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, _PHOTO_QUALITY],
    ".png": [cv2.IMWRITE_PNG_COMPRESSION, 3],
}


def encode_image(suffix: str, pixels: Pixels, exif: bytes = b"") -> bytes:
    """(H, W, 3) uint8 BGR as the bytes of a file with that extension; JPEG and WebP with quality 95.

    (H, W, 4) BGRA too, where the extension is one of ``WITH_ALPHA``.

    Raises:
        OutputError: unknown extension, or a picture too large for the format.
    """
    suffix = suffix.lower()
    if suffix not in WRITABLE:
        raise OutputError(f"the name ends in {suffix or 'nothing'!r}; choose one of {' '.join(WRITABLE)}")
    if exif or (pixels.shape[2] == 4 and suffix in _TIFF):  # OpenCV writes neither
        try:
            return encode_tagged(suffix, pixels, exif, _PHOTO_QUALITY)
        except (OSError, ValueError) as error:
            raise OutputError(f"the picture cannot be encoded ({error}); try .png") from error
    try:
        done, data = cv2.imencode(suffix, pixels, _QUALITY.get(suffix, []))
    except cv2.error as error:
        raise OutputError(f"the picture cannot be encoded ({error.err}); try .png") from error
    if not done:
        height, width = pixels.shape[:2]
        raise OutputError(f"{width}x{height} is too large for {suffix}; try .png")
    return data.tobytes()


def check_suffix(path: Path) -> None:
    """Raise OutputError for the name of a file that is not written, lest it becomes a folder's."""
    if path.suffix.lower() in _OF_OTHERS and not path.is_dir():
        raise OutputError(f"{path} ends in {path.suffix!r}; choose one of {' '.join(WRITABLE)}, or a folder")


def write_image(path: Path, pixels: Pixels, *, overwrite: bool = False, exif: bytes = b"") -> None:
    """Write a picture in the format of the extension; see ``encode_image``.

    Raises:
        OutputError: unknown extension, missing or read-only folder, ``path`` taken, no space, or a
            picture too large for the format.
    """
    try:
        data = encode_image(path.suffix, pixels, exif)
    except OutputError as error:
        raise OutputError(f"{path}: {error}") from error
    check_target(path, overwrite)
    with written(path) as part:
        part.write_bytes(data)
