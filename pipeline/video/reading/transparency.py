"""Transparent pictures laid on white, so that the colours hidden under them never appear."""

import numpy as np
from av.video.frame import VideoFrame

from pipeline.video.color import VideoColor, to_bgr
from pipeline.video.frame_filter import FrameFilter

_WHITE = 255


def has_alpha(decoded: VideoFrame) -> bool:
    """Whether the picture can be transparent."""
    return any(component.is_alpha for component in decoded.format.components)


class WhiteGround:
    """Lays the pictures of one stream on white.

    Attributes:
        shown: pictures through which it is seen so far.
    """

    def __init__(self, color: VideoColor) -> None:
        """``color`` is that of the decoded pictures."""
        self.shown = 0
        self._to_bgra = FrameFilter(lambda decoded: to_bgr(color, decoded, _size(decoded), alpha=True))

    def lay(self, decoded: VideoFrame) -> VideoFrame:
        """The picture as opaque BGR; its alpha is straight, not premultiplied. Opaque ones pass untouched."""
        if not has_alpha(decoded):
            return decoded
        pixels = self._to_bgra.convert(decoded).to_ndarray().astype(np.uint8, copy=False)
        alpha = pixels[..., 3:].astype(np.uint16)
        opaque = pixels[..., :3]
        if alpha.min() < _WHITE:
            self.shown += 1
            mixed = opaque * alpha + _WHITE * (_WHITE - alpha) + _WHITE // 2
            opaque = (mixed // _WHITE).astype(np.uint8)
        return VideoFrame.from_ndarray(np.ascontiguousarray(opaque), format="bgr24")


def _size(decoded: VideoFrame) -> tuple[int, int]:
    return decoded.height, decoded.width
