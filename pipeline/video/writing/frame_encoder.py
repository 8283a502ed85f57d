"""Frames into packets: one encoder, set up the same way wherever it stands."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import cv2
from av.codec.context import CodecContext, Flags
from av.error import FFmpegError
from av.packet import Packet, PktSideDataT
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from pipeline.common.errors import OutputError
from pipeline.common.machine import usable_cores
from pipeline.frame import Frame, Pixels
from pipeline.images.transparency import off_white, without_fringe
from pipeline.video.alpha_plane import write_alpha
from pipeline.video.color import from_bgr
from pipeline.video.frame_filter import FrameFilter
from pipeline.video.picture_format import PictureFormat
from pipeline.video.writing.encoding import CODECS, COUNTED, Encoding, Family, family_for

os.environ.setdefault("SVT_LOG", "1")  # errors only: SVT-AV1 tells 20 lines on every segment otherwise

ALPHA_BESIDE: PktSideDataT = "matroska_block_additional"
"""FFmpeg's name of the second picture that holds the alpha of VP9."""

_MAX_THREADS = 8  # each holds frames: memory would grow with the machine
_RGB_MATRIX = 0


@dataclass(frozen=True)
class EncodedPacket:
    """One encoded picture.

    Attributes:
        data: what the encoder made of it.
        pts, dts: in ticks of the encoder's time base; dts is None where the writer finds it.
        is_key: can be decoded without any other.
        duration: in ticks, 0 where unknown.
        alpha: VP9's second picture, which Matroska keeps beside the first; else empty.
    """

    data: bytes
    pts: int
    dts: int | None
    is_key: bool
    duration: int = 0
    alpha: bytes = b""


@dataclass(frozen=True)
class VideoSpec:
    """Everything that shapes the encoded stream; two encoders of one spec write one stream together.

    Attributes:
        pictures: as they come, with colours in 16..235.
        container: FFmpeg's name.
        encoding: with ``threads`` settled.
    """

    pictures: PictureFormat
    container: str
    encoding: Encoding

    @classmethod
    def settled(cls, pictures: PictureFormat, container: str, encoding: Encoding) -> "VideoSpec":
        """A spec whose threads are no longer open, nor in MOV what ``auto`` is for transparent pictures.

        Raises OutputError as ``family_for`` does.
        """
        family_for(encoding, container)
        if encoding.codec == "auto" and container == "mov" and pictures.seen_through:
            encoding = replace(encoding, codec="prores")
        threads = encoding.threads or min(usable_cores(), _MAX_THREADS)
        tick = 1 / pictures.rate if container in COUNTED else pictures.tick
        pictures = replace(pictures, color=pictures.color.limited, tick=tick)
        return cls(pictures, container, replace(encoding, threads=threads))

    @property
    def family(self) -> Family:
        """The encoder and what it wants."""
        return family_for(self.encoding, self.container, self.pictures.alpha)

    @property
    def padding(self) -> tuple[int, int]:
        """(rows, columns) repeated at the bottom and right so that the sides fit the encoder."""
        rows, columns = self.family.multiple
        height, width = self.pictures.size
        return -height % rows, -width % columns

    @property
    def padded(self) -> tuple[int, int]:
        """(height, width) of the encoded picture."""
        (height, width), (rows, columns) = self.pictures.size, self.padding
        return height + rows, width + columns

    @property
    def notes(self) -> tuple[str, ...]:
        """A line where the size had to grow."""
        if not any(self.padding):
            return ()
        (height, width), (tall, wide) = self.pictures.size, self.padded
        return (f"{width}x{height} was padded to {wide}x{tall}: video needs even sides",)

    def configure(self, context: VideoCodecContext) -> None:
        """Set up an encoder that is not open yet."""
        context.height, context.width = self.padded
        context.pix_fmt = self.family.pixel_format
        context.time_base = self.pictures.tick
        context.framerate = self.pictures.rate.limit_denominator(1001)
        context.thread_count = self.encoding.threads or 1
        context.sample_aspect_ratio = self.pictures.aspect
        context.options = self.options
        color = self.pictures.color
        context.color_primaries, context.color_trc = color.primaries, color.transfer
        rgb = self.family.is_rgb
        context.colorspace = _RGB_MATRIX if rgb else color.matrix
        context.color_range = ColorRange.JPEG if rgb else ColorRange.MPEG

    @property
    def options(self) -> dict[str, str]:
        """The encoder's own options."""
        options = self.family.options(self.encoding.crf, self.encoding.preset)
        return {**options, "bf": "0"} if self.container in COUNTED and not self.family.is_rgb else options


class FrameEncoder:
    """Encodes frames of one spec. A fresh one starts with a key frame and knows nothing of any other."""

    def __init__(self, spec: VideoSpec, context: VideoCodecContext | None = None) -> None:
        """Open the encoder; ``context`` may be a stream's own, set up by ``spec.configure`` already.

        Raises:
            FFmpegError, ValueError: the encoder refuses the spec.
        """
        self.spec = spec
        self._context = context or _own_context(spec)
        color, family = spec.pictures.color, spec.family
        self._alpha = family.alpha
        self._from_bgr = FrameFilter(lambda _: from_bgr(color, family.pixel_format, family.is_rgb))
        self.last_ticks: int | None = None

    @property
    def extradata(self) -> bytes:
        """The stream's header, as it stands in a container's."""
        return bytes(self._context.extradata or b"")

    def encode(self, frame: Frame) -> Iterator[EncodedPacket]:
        """Packets that are ready when this frame is in; raises FFmpegError where the encoder fails."""
        picture = self._to_encodable(frame)
        self.last_ticks = self.spec.pictures.ticks_of(frame, self.last_ticks)
        picture.pts, picture.time_base = self.last_ticks, self.spec.pictures.tick
        yield from self._packets(self._context.encode(picture))

    def flush(self) -> Iterator[EncodedPacket]:
        """The packets still inside; nothing can be encoded afterwards."""
        yield from self._packets(self._context.encode(None))

    def _packets(self, packets: "list[Packet[Any]]") -> Iterator[EncodedPacket]:
        for packet in packets:
            pts = packet.pts
            assert pts is not None
            beside = bytes(packet.get_sidedata(ALPHA_BESIDE)) if self._alpha else b""
            yield EncodedPacket(
                bytes(packet), pts, packet.dts, packet.is_keyframe, packet.duration or 0, beside
            )

    def _to_encodable(self, frame: Frame) -> VideoFrame:
        pixels = off_white(frame.pixels, frame.alpha) if self._alpha else frame.pixels
        bottom, right = self.spec.padding
        if bottom or right:
            pixels = cast(Pixels, cv2.copyMakeBorder(pixels, 0, bottom, 0, right, cv2.BORDER_REPLICATE))
        if self._alpha and "420" in self.spec.family.pixel_format:
            pixels = without_fringe(pixels)
        # A copy, into rows with room behind them: FFmpeg's converter reads a few bytes past the last pixel.
        made = VideoFrame.from_ndarray(pixels, format="bgra" if self._alpha else "bgr24")
        converted = self._from_bgr.convert(made)
        if self._alpha and not self.spec.family.is_rgb:
            write_alpha(converted, pixels[..., 3])
        return converted


def _own_context(spec: VideoSpec) -> VideoCodecContext:
    context = cast(VideoCodecContext, CodecContext.create(spec.family.encoder, "w"))
    spec.configure(context)
    if spec.container not in COUNTED:  # they hold the header before every key picture
        context.flags |= Flags.global_header
    context.open()
    return context


def require_hardware(spec: VideoSpec) -> None:
    """Open a hardware encoder once, before any work is done for it; others are always there.

    Raises:
        OutputError: there is no such device, or its driver refuses the spec.
    """
    if spec.family in CODECS.values():
        return
    name = spec.family.encoder
    try:
        _own_context(spec)
    except (FFmpegError, OSError, ValueError) as error:
        width, height = spec.padded[1], spec.padded[0]
        raise OutputError(
            f"the hardware encoder {name} does not open for {width}x{height}: no such device here, no right "
            f"to it, or a size it cannot do; choose --codec {name.partition('_')[0]}"
        ) from error
