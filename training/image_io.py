"""Pictures in and out for stills: 8 and 16 bits, EXIF orientation, ICC profile."""

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import tifffile
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from pipeline.common.atomic_files import written
from pipeline.common.errors import InputError, OutputError

SHORTEST_PX = 32
LONGEST_PX = 8192
DEEP_SUFFIXES = (".png", ".tif", ".tiff")
SUFFIXES = (*DEEP_SUFFIXES, ".jpg", ".jpeg")
_PNG_HEADER_BYTES = 8 + 25  # signature and IHDR, after which iCCP may stand


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        image: (1, 3, H, W) float32, RGB in [0, 1], upright. Alpha is dropped. The numbers are those of
            the file, in the space its profile names; nothing is converted.
        icc_profile: the file's RGB profile, None where it has none (or one for grey or CMYK).
    """

    image: Tensor
    icc_profile: bytes | None = None


def read_picture(path: Path, role: str, force: bool = False) -> Picture:
    """Read JPEG, PNG, TIFF, WebP, BMP, ... of 8 or 16 bits.

    Args:
        role: what the picture is, for messages: ``content``, ``style``, ...
        force: read a picture over 8192 px too.

    Raises:
        InputError: missing, not a picture, under 32 px on its short side, or over 8192 px.
    """
    if not path.is_file():
        raise InputError(f"{role} {path}: a picture was expected, there is no such file")
    data = path.read_bytes()
    width, height, profile = _look_at_header(data, f"{role} {path}")
    _require_sensible_size(width, height, f"{role} {path}", force)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    if pixels is None or pixels.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"{role} {path}: a picture of 8 or 16 bits was expected; this one is damaged or of another "
            "depth: save it again as PNG or JPEG"
        )
    full = 255.0 if pixels.dtype == np.uint8 else 65535.0
    rgb = np.ascontiguousarray(pixels[:, :, ::-1].transpose(2, 0, 1).astype(np.float32)) / np.float32(full)
    return Picture(torch.from_numpy(rgb).unsqueeze(0), profile)


def _look_at_header(data: bytes, name: str) -> tuple[int, int, bytes | None]:
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # the size is judged here, with a figure
    try:
        with Image.open(BytesIO(data)) as opened:
            profile = opened.info.get("icc_profile")
            is_rgb = isinstance(profile, bytes) and profile[16:20] == b"RGB "
            return opened.width, opened.height, profile if is_rgb else None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise InputError(
            f"{name}: a picture was expected, but this is none that can be read; give a JPEG, PNG, TIFF, WebP"
        ) from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _require_sensible_size(width: int, height: int, name: str, force: bool) -> None:
    if min(width, height) < SHORTEST_PX:
        raise InputError(
            f"{name}: {width}x{height} is too small; {SHORTEST_PX} px on the short side are needed"
        )
    if max(width, height) > LONGEST_PX and not force:
        gigabytes = width * height * 3 * (1 + 4 + 4) / 1e9  # as read, as float, and one copy
        raise InputError(
            f"{name}: {width}x{height} is over {LONGEST_PX} px and needs {gigabytes:.1f} GB of memory to be "
            "read: scale it down, or give --force"
        )


def fitted_size(image: Tensor, longest_px: int) -> tuple[int, int]:
    """(height, width) of ``image`` (N, 3, H, W) with its longest side at ``longest_px``; 0 leaves it."""
    height, width = image.shape[2:]
    factor = longest_px / max(height, width) if longest_px else 1.0
    return max(1, round(height * factor)), max(1, round(width * factor))


def fit(image: Tensor, longest_px: int) -> Tensor:
    """``image`` at ``fitted_size``."""
    return resized(image, fitted_size(image, longest_px))


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """``image`` at (height, width) ``size``, antialiased cubic, clipped to [0, 1], which it overshoots."""
    if tuple(image.shape[2:]) == size:
        return image
    return F.interpolate(image, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def require_writable(path: Path, bits: int) -> None:
    """Refuse, before any work, what could not be written after it.

    Raises:
        OutputError: another suffix, 16 bits in a JPEG, or no such folder.
    """
    suffixes = SUFFIXES if bits == 8 else DEEP_SUFFIXES
    if path.suffix.lower() not in suffixes:
        raise OutputError(
            f"-o {path}: a name ending in {', '.join(suffixes)} was expected for {bits} bits a channel"
        )
    if not path.absolute().parent.is_dir():
        raise OutputError(f"-o {path}: the folder {path.parent} does not exist; make it first")


def write_picture(path: Path, image: Tensor, bits: int = 8, icc_profile: bytes | None = None) -> None:
    """Write a picture, whole or not at all.

    Args:
        path: .png, .tif(f) or .jpg. image: (1, 3, H, W), RGB in [0, 1]; values outside are clipped.
        bits: 8, or 16 in PNG and TIFF. icc_profile: stored in the file; the numbers are not converted.

    Raises:
        OutputError: see ``require_writable``; or the disk is full or read-only.
    """
    require_writable(path, bits)
    encoded = _encode(quantized(image, bits), path.suffix.lower(), icc_profile)
    with written(path) as part:
        part.write_bytes(encoded)


def quantized(image: Tensor, bits: int = 8) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """(1, 3, H, W) in [0, 1] -> (H, W, 3) uint8 or uint16, rounded."""
    full = 2**bits - 1
    scaled = image.detach()[0].float().clamp(0, 1).double().mul(full).add(0.5).floor()
    pixels: NDArray[np.float64] = scaled.permute(1, 2, 0).cpu().numpy()
    return pixels.astype(np.uint8) if bits == 8 else pixels.astype(np.uint16)


def _encode(pixels: NDArray[np.uint8] | NDArray[np.uint16], suffix: str, icc_profile: bytes | None) -> bytes:
    if suffix in (".tif", ".tiff"):
        file = BytesIO()
        tifffile.imwrite(file, pixels, photometric="rgb", compression="zlib", iccprofile=icc_profile)
        return file.getvalue()
    if pixels.dtype == np.uint16:  # Pillow writes no 16-bit colour
        encoded = cv2.imencode(".png", pixels[:, :, ::-1])[1].tobytes()
        return encoded if icc_profile is None else _with_profile_chunk(encoded, icc_profile)
    file = BytesIO()
    kind = "PNG" if suffix == ".png" else "JPEG"
    Image.fromarray(pixels).save(file, kind, icc_profile=icc_profile, quality=95, subsampling=0)
    return file.getvalue()


def _with_profile_chunk(png: bytes, icc_profile: bytes) -> bytes:
    """The PNG with an iCCP chunk (W3C PNG 11.3.2.3) after its header."""
    body = b"iCCP" + b"ICC profile\0\0" + zlib.compress(icc_profile)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_PNG_HEADER_BYTES] + chunk + png[_PNG_HEADER_BYTES:]
