"""Transparent pictures laid on white, so that the colours hidden under them never appear."""

import numpy as np
from av.video.frame import VideoFrame

from pipeline.images.transparency import on_white
from pipeline.video.alpha_plane import has_alpha, read_alpha
from pipeline.video.color import VideoColor, to_bgr
from pipeline.video.frame_filter import FrameFilter

_OPAQUE = 255


class WhiteGround:
    """Lays the pictures of one stream on white.

    Attributes:
        shown: it is seen through one of them.
    """

    def __init__(self, color: VideoColor) -> None:
        """``color`` is that of the decoded pictures."""
        self.shown = False
        self._to_bgra = FrameFilter(lambda decoded: to_bgr(color, decoded, (decoded.height, decoded.width)))

    def lay(self, decoded: VideoFrame) -> VideoFrame:
        """The picture as BGRA, its colours on white, its alpha as it was; one without alpha as it is.

        What comes is straight alpha, not premultiplied.
        """
        if not has_alpha(decoded):
            return decoded
        pixels = self._to_bgra.convert(decoded).to_ndarray().astype(np.uint8, copy=False)
        alpha = read_alpha(decoded)
        alpha = pixels[..., 3] if alpha is None else alpha
        colors = pixels[..., :3]
        if alpha.min() < _OPAQUE:
            self.shown = True
            colors = on_white(colors, alpha)
        return VideoFrame.from_ndarray(np.dstack((colors, alpha)), format="bgra")
