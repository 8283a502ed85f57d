"""The alpha of FFmpeg's pictures, exactly: swscale moves it by a level here and there."""

import numpy as np
from av.video.frame import VideoFrame

from pipeline.frame import Alpha

_PLACE = 3  # of the alpha among the planes, where each component has one
_OPAQUE = 255


def has_alpha(picture: VideoFrame) -> bool:
    """Whether the picture can be transparent."""
    return any(component.is_alpha for component in picture.format.components)


def read_alpha(picture: VideoFrame) -> Alpha | None:
    """(H, W) uint8 of the picture's own plane; None where alpha stands among the colours.

    Of more than eight bits the first eight: many files hold 1020 of 1023 for what is opaque.
    """
    if len(picture.planes) <= _PLACE:
        return None
    plane = picture.planes[_PLACE]
    rows = np.frombuffer(bytes(plane), _kind(picture)).reshape(plane.height, -1)[:, : picture.width]
    alpha: Alpha = (rows >> (_bits(picture) - 8)).astype(np.uint8)
    return alpha


def write_alpha(picture: VideoFrame, alpha: Alpha) -> None:
    """Fill the plane of a picture that has one with (H, W) uint8."""
    plane, kind, most = picture.planes[_PLACE], _kind(picture), (1 << _bits(picture)) - 1
    rows = np.zeros((plane.height, plane.line_size // kind.itemsize), kind)
    rows[:, : picture.width] = (alpha.astype(np.uint32) * most + _OPAQUE // 2) // _OPAQUE
    plane.update(rows.tobytes())


def _kind(picture: VideoFrame) -> np.dtype[np.unsignedinteger]:
    if _bits(picture) == 8:
        return np.dtype(np.uint8)
    return np.dtype(">u2" if picture.format.is_big_endian else "<u2")


def _bits(picture: VideoFrame) -> int:
    return picture.format.components[_PLACE].bits
