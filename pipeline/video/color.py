"""How a video's numbers mean colours: what the decoder undoes and the encoder writes down again."""

import re
from dataclasses import dataclass
from pathlib import Path

from av.video.frame import VideoFrame

from pipeline.video.alpha_plane import has_alpha
from pipeline.video.frame_filter import Filters

_BT709, _BT470BG, _SMPTE170M, _SMPTE240M, _BT2020 = 1, 5, 6, 7, 9
_MATRIX_NAME = {
    _BT709: "bt709",
    4: "fcc",
    _BT470BG: "bt470",
    _SMPTE170M: "smpte170m",
    _SMPTE240M: "smpte240m",
    _BT2020: "bt2020",
    10: "bt2020",
}
_HDR_TRANSFERS = (16, 18)  # PQ and HLG
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

    @classmethod
    def of_frame(cls, frame: VideoFrame) -> "VideoColor":
        """Read a decoded frame's tags; a missing matrix follows from the height, as players do it.

        RGB and grey frames need no matrix, so theirs is only what a YUV copy should be written with.
        """
        matrix = int(frame.colorspace)
        if matrix not in _MATRIX_NAME:
            matrix = _BT709 if frame.height >= _HD_HEIGHT or frame.format.is_rgb else _SMPTE170M
        full = int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")
        return cls(matrix, int(frame.color_primaries), int(frame.color_trc), full)

    @property
    def is_hdr(self) -> bool:
        """Whether the transfer is PQ or HLG, which players without HDR show washed out."""
        return self.transfer in _HDR_TRANSFERS

    @property
    def limited(self) -> "VideoColor":
        """The same colours in 16..235, which every player reads right."""
        return VideoColor(self.matrix, self.primaries, self.transfer, False)


def to_bgr(
    color: VideoColor,
    decoded: VideoFrame,
    size: tuple[int, int],
    tone_map: Path | None = None,
) -> Filters:
    """Filters that make a decoded picture BGR of ``size`` (height, width), BGRA where it has alpha.

    Colour differences of half the size are repeated, not interpolated, where the size stays: ``from_bgr``
    averages just these, so that neither flat areas nor edges move, pass after pass.

    Args:
        tone_map: file of a table that brings HDR into BT.709.
    """
    same = size == (decoded.height, decoded.width)
    scale = f"w={size[1]}:h={size[0]}:flags={'neighbor' if same else 'bicubic'}+accurate_rnd+full_chroma_int"
    scale += "" if decoded.format.is_rgb else _yuv("in", color)
    last = "bgra" if has_alpha(decoded) else "bgr24"
    if tone_map is None:
        return [("scale", scale), ("format", last)]
    deep = "bgra" if has_alpha(decoded) else "gbrp16le"
    table = re.sub(r"([\\':])", r"\\\1", tone_map.as_posix())
    return [
        *(("scale", scale), ("format", deep)),
        ("lut3d", f"file={table}:interp=tetrahedral"),
        *(("scale", "flags=accurate_rnd"), ("format", last)),
    ]


def from_bgr(color: VideoColor, pixel_format: str, is_rgb: bool) -> Filters:
    """Filters that make a BGR picture one of ``pixel_format`` in 16..235, or in 0..255 where it is RGB."""
    scale = "flags=area+accurate_rnd+full_chroma_inp"
    return [("scale", scale + ("" if is_rgb else _yuv("out", color.limited))), ("format", pixel_format)]


def _yuv(side: str, color: VideoColor) -> str:
    """Options of the scale filter; 128 is the middle of the pixels that share a colour difference."""
    span = "pc" if color.full_range else "tv"
    options = {
        "color_matrix": _MATRIX_NAME[color.matrix],
        "range": span,
        "h_chr_pos": 128,
        "v_chr_pos": 128,
    }
    return "".join(f":{side}_{name}={value}" for name, value in options.items())
