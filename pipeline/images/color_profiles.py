"""What stands in a picture's file beside its pixels: colour profile, EXIF, how many pictures there are."""

import struct
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from pipeline.frame import Pixels

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
_OF_THE_PIXELS = (
    *(ExifTags.Base.Orientation, ExifTags.Base.ImageWidth, ExifTags.Base.ImageLength),
    *(ExifTags.Base.BitsPerSample, ExifTags.Base.Compression, ExifTags.Base.PhotometricInterpretation),
    *(ExifTags.Base.StripOffsets, ExifTags.Base.StripByteCounts, ExifTags.Base.RowsPerStrip),
    *(ExifTags.Base.SamplesPerPixel, ExifTags.Base.PlanarConfiguration, ExifTags.Base.ExtraSamples),
    *(ExifTags.Base.SampleFormat, ExifTags.Base.Predictor, ExifTags.Base.InterColorProfile),
)
_UNREADABLE = (UnidentifiedImageError, OSError, ValueError, TypeError, SyntaxError, struct.error, KeyError)


@dataclass(frozen=True)
class FileTags:
    """What a file says of its picture.

    Attributes:
        orientation: EXIF's number 1..8; 1 is upright.
        profile: ICC colour profile, empty without one.
        exif: as bytes for another file: without orientation and what tells of the old pixels; may be empty.
        frames: pictures in the file; more than one is an animation.
    """

    orientation: int = 1
    profile: bytes = b""
    exif: bytes = b""
    frames: int = 1


def read_tags(data: bytes) -> FileTags:
    """Tags of a picture file's bytes; none where the format is unknown or they cannot be read."""
    try:
        with Image.open(BytesIO(data)) as image:
            frames = 1 if image.format in ("TIFF", "MPO") else getattr(image, "n_frames", 1)
            profile = image.info.get("icc_profile") or b""
            exif = image.getexif()
            orientation = int(exif.get(ExifTags.Base.Orientation, 1))
            for tag in _OF_THE_PIXELS:
                exif.pop(tag, None)
            return FileTags(orientation, profile, exif.tobytes() if len(exif) else b"", frames)
    except _UNREADABLE:
        return FileTags()


def holds_alpha(path: Path) -> bool:
    """Whether a picture file says in its head that it can be seen through; nothing is decoded."""
    try:
        with Image.open(path) as image:
            return image.has_transparency_data
    except (*_UNREADABLE, Image.DecompressionBombError):
        return False


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) that a JPEG's head promises, before anything is decoded; None for any other bytes."""
    try:
        with Image.open(BytesIO(data), formats=["JPEG"]) as image:
            return image.height, image.width
    except (*_UNREADABLE, Image.DecompressionBombError):
        return None


def to_srgb(pixels: Pixels, tags: FileTags, data: bytes) -> tuple[Pixels, str | None]:
    """Colours by the file's profile as sRGB, and one line where that changed or failed.

    Args:
        pixels: (H, W, 3) uint8 BGR as decoded, upright or not.
        data: the file's bytes, for inks, which are decoded anew.
    """
    if not tags.profile:
        return pixels, None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(tags.profile))
        name = ImageCms.getProfileDescription(profile).strip()
        if name.startswith("sRGB"):
            return pixels, None
        source = _as_image(pixels, profile.profile.xcolor_space.strip(), data)
        converted = ImageCms.profileToProfile(
            source, profile, ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB", flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )  # fmt: skip
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        return pixels, f"its colour profile cannot be used ({error}); its numbers are taken for sRGB"
    assert converted is not None
    result = np.ascontiguousarray(np.asarray(converted)[..., ::-1])
    return result, f"its colours were converted from {name!r} to sRGB"


def _as_image(pixels: Pixels, space: str, data: bytes) -> Image.Image:
    if space == "CMYK":
        with Image.open(BytesIO(data)) as image:
            return ImageOps.exif_transpose(image).copy()
    if space == "GRAY":
        return Image.fromarray(np.ascontiguousarray(pixels[..., 0]))
    return Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))


def read_tiff(data: bytes) -> NDArray[np.uint8] | None:
    """(H, W, 4) uint8 BGRA, upright, of a TIFF of 8 bits with alpha that is not multiplied into the colours.

    OpenCV multiplies it in; None for every other TIFF, which OpenCV reads right.
    """
    try:
        with Image.open(BytesIO(data)) as image:
            if image.mode not in ("RGBA", "LA", "PA", "RGBa", "La"):
                return None
            rgba = np.asarray(image.convert("RGBA"))
    except _UNREADABLE:
        return None
    return np.ascontiguousarray(rgba[..., [2, 1, 0, 3]])


def encode(suffix: str, pixels: NDArray[np.uint8], exif: bytes, quality: int) -> bytes:
    """(H, W, 3 or 4) uint8 BGR or BGRA as a file with EXIF. Raises OSError, ValueError."""
    order = [2, 1, 0, 3][: pixels.shape[2]]
    result = BytesIO()
    options = {} if _FORMATS[suffix] == "TIFF" else {"quality": quality}
    image = Image.fromarray(np.ascontiguousarray(pixels[..., order]))
    image.save(result, _FORMATS[suffix], **({"exif": exif} if exif else {}), **options)
    return result.getvalue()
