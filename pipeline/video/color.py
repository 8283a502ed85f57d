"""How a video's numbers mean colours: what the decoder undoes and the encoder writes down again."""

from dataclasses import dataclass

from av.video.frame import VideoFrame

_BT709, _BT470BG, _SMPTE170M, _SMPTE240M, _BT2020 = 1, 5, 6, 7, 9
_SWSCALE_MATRIX = {_BT709: 1, 4: 4, _BT470BG: 5, _SMPTE170M: 5, _SMPTE240M: 7, _BT2020: 9, 10: 9}
_HD_HEIGHT = 720


@dataclass(frozen=True)
class VideoColor:
    """The four colour tags of a video stream, numbered as in ITU-T H.273 (what FFmpeg and mp4 use).

    Attributes:
        matrix: YUV to RGB matrix: 1 is BT.709, 5 and 6 are BT.601, 9 is BT.2020. Never 0 (RGB) or 2
            (unspecified): ``of_frame`` settles those.
        primaries, transfer: carried through untouched; 2 is unspecified.
        full_range: 0..255 where true, 16..235 where false.
    """

    matrix: int = _BT709
    primaries: int = _BT709
    transfer: int = _BT709
    full_range: bool = False

    @property
    def swscale_matrix(self) -> int:
        """The same matrix in swscale's numbering."""
        return _SWSCALE_MATRIX[self.matrix]

    @classmethod
    def of_frame(cls, frame: VideoFrame) -> "VideoColor":
        """Read a decoded frame's tags; a missing matrix follows from the height, as players do it.

        RGB and grey frames need no matrix, so theirs is only what a YUV copy should be written with.
        """
        matrix = int(frame.colorspace)
        if matrix not in _SWSCALE_MATRIX:
            matrix = _BT709 if frame.height >= _HD_HEIGHT or frame.format.is_rgb else _SMPTE170M
        full = int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")
        return cls(matrix, int(frame.color_primaries), int(frame.color_trc), full)

    @property
    def limited(self) -> "VideoColor":
        """The same colours in 16..235, which every player reads right."""
        return VideoColor(self.matrix, self.primaries, self.transfer, False)
