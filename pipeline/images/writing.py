"""Pictures into files, each named only when it is whole."""

import shutil
from pathlib import Path

import cv2

from pipeline.common.atomic_files import PartFile, write_error
from pipeline.common.errors import OutputError
from pipeline.frame import Frame, Pixels
from pipeline.stream import Sink, StreamInfo

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


class ImagesSink(Sink):
    """Every frame a numbered picture, 000000.png on, in a new folder.

    The folder is filled under a hidden name and renamed by ``finish``.
    """

    def __init__(self, folder: Path, suffix: str = ".png") -> None:
        """Remember where to; nothing is written yet.

        Raises:
            OutputError: unknown extension, ``folder`` is there and not empty, or its parent is missing.
        """
        if suffix.lower() not in WRITABLE:
            raise OutputError(f"no picture format is called {suffix!r}; choose one of {' '.join(WRITABLE)}")
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(f"{folder} is already there and not empty; choose another output folder")
        if not folder.parent.is_dir():
            raise OutputError(f"the folder {folder.parent} does not exist; create it")
        self.folder = folder
        self._suffix = suffix.lower()
        self._part = folder.with_name(f".{folder.name}.part")
        self._open = False

    def open(self, info: StreamInfo) -> None:
        """Create the hidden folder."""
        try:
            self._part.mkdir()
        except FileExistsError as error:
            raise OutputError(f"{self._part} is left from a run that was cut off; remove it") from error
        except OSError as error:
            raise write_error(self.folder, error) from error
        self._open = True

    def write(self, frame: Frame) -> None:
        """Write one picture, named by the frame's index."""
        write_image(self._part / f"{frame.index:06d}{self._suffix}", frame.pixels)

    def finish(self, complete: bool = True) -> None:
        """Give the folder its name."""
        try:
            if self.folder.exists():
                self.folder.rmdir()
            self._part.rename(self.folder)
        except OSError as error:
            raise write_error(self.folder, error) from error
        self._open = False

    def close(self) -> None:
        """Without ``finish``, remove what was written. Closing twice is no error."""
        if self._open:
            self._open = False
            shutil.rmtree(self._part)
