"""Frames into packets: one encoder, set up the same way wherever it stands."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, cast

import cv2
from av.codec.context import CodecContext, Flags
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter

from pipeline.common.errors import OutputError
from pipeline.common.machine import usable_cores
from pipeline.frame import Frame, Pixels
from pipeline.video.color import VideoColor
from pipeline.video.writing.encoding import CODECS, Encoding, Family, family_for

os.environ.setdefault("SVT_LOG", "1")  # errors only: SVT-AV1 tells 20 lines on every segment otherwise

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
    """

    data: bytes
    pts: int
    dts: int | None
    is_key: bool
    duration: int = 0


@dataclass(frozen=True)
class VideoSpec:
    """Everything that shapes the encoded stream; two encoders of one spec write one stream together.

    Attributes:
        size: (height, width) of the frames.
        rate: frames a second, nominal.
        tick: seconds of one tick, of which every pts is a multiple.
        container: FFmpeg's name.
        encoding: with ``threads`` settled.
        color: what the pixels' RGB is relative to.
        pixel_aspect: width : height of one pixel.
    """

    size: tuple[int, int]
    rate: Fraction
    tick: Fraction
    container: str
    encoding: Encoding
    color: VideoColor = field(default_factory=VideoColor)
    pixel_aspect: Fraction = Fraction(1)

    @classmethod
    def settled(
        cls,
        size: tuple[int, int],
        rate: Fraction,
        tick: Fraction | None,
        container: str,
        encoding: Encoding,
        color: VideoColor,
        pixel_aspect: Fraction,
    ) -> "VideoSpec":
        """A spec whose threads and tick are no longer open. Raises OutputError as ``family_for`` does."""
        family_for(encoding, container)
        threads = encoding.threads or min(usable_cores(), _MAX_THREADS)
        encoding = replace(encoding, threads=threads)
        return cls(size, rate, tick or fine_time_base(rate), container, encoding, color.limited, pixel_aspect)

    @property
    def family(self) -> Family:
        """The encoder and what it wants."""
        return family_for(self.encoding, self.container)

    @property
    def padding(self) -> tuple[int, int]:
        """(rows, columns) repeated at the bottom and right so that the sides fit the encoder."""
        rows, columns = self.family.multiple
        return -self.size[0] % rows, -self.size[1] % columns

    @property
    def padded(self) -> tuple[int, int]:
        """(height, width) of the encoded picture."""
        return self.size[0] + self.padding[0], self.size[1] + self.padding[1]

    @property
    def notes(self) -> tuple[str, ...]:
        """A line where the size had to grow."""
        if not any(self.padding):
            return ()
        (height, width), (tall, wide) = self.size, self.padded
        return (f"{width}x{height} was padded to {wide}x{tall}: video needs even sides",)

    def configure(self, context: VideoCodecContext) -> None:
        """Set up an encoder that is not open yet."""
        context.height, context.width = self.padded
        context.pix_fmt = self.family.pixel_format
        context.time_base = self.tick
        context.framerate = self.rate.limit_denominator(1001)
        context.thread_count = self.encoding.threads or 1
        context.sample_aspect_ratio = self.pixel_aspect
        context.options = self.options
        context.color_primaries, context.color_trc = self.color.primaries, self.color.transfer
        rgb = self.family.is_rgb
        context.colorspace = _RGB_MATRIX if rgb else self.color.matrix
        context.color_range = ColorRange.JPEG if rgb else ColorRange.MPEG

    @property
    def options(self) -> dict[str, str]:
        """The encoder's own options."""
        return self.family.options(self.encoding.crf, self.encoding.preset)


class FrameEncoder:
    """Encodes frames of one spec. A fresh one starts with a key frame and knows nothing of any other."""

    def __init__(self, spec: VideoSpec, context: VideoCodecContext | None = None) -> None:
        """Open the encoder; ``context`` may be a stream's own, set up by ``spec.configure`` already.

        Raises:
            FFmpegError, ValueError: the encoder refuses the spec.
        """
        self.spec = spec
        self._context = context or _own_context(spec)
        self._reformatter = VideoReformatter()
        self.last_ticks: int | None = None

    @property
    def extradata(self) -> bytes:
        """The stream's header, as it stands in a container's."""
        return bytes(self._context.extradata or b"")

    def encode(self, frame: Frame) -> Iterator[EncodedPacket]:
        """Packets that are ready when this frame is in; raises FFmpegError where the encoder fails."""
        picture = self._to_encodable(frame.pixels)
        picture.pts = self._next_ticks(frame)
        picture.time_base = self.spec.tick
        yield from self._packets(self._context.encode(picture))

    def flush(self) -> Iterator[EncodedPacket]:
        """The packets still inside; nothing can be encoded afterwards."""
        yield from self._packets(self._context.encode(None))

    def _packets(self, packets: "list[Packet[Any]]") -> Iterator[EncodedPacket]:
        for packet in packets:
            pts = packet.pts
            assert pts is not None
            yield EncodedPacket(bytes(packet), pts, packet.dts, packet.is_keyframe, packet.duration or 0)

    def _next_ticks(self, frame: Frame) -> int:
        """Ticks, always later than the frame before: two of one time would be refused by the encoder."""
        seconds = frame.pts if frame.pts is not None else frame.index / self.spec.rate
        ticks = round(seconds / self.spec.tick)
        if self.last_ticks is not None:
            ticks = max(ticks, self.last_ticks + 1)
        self.last_ticks = ticks
        return ticks

    def _to_encodable(self, pixels: Pixels) -> VideoFrame:
        bottom, right = self.spec.padding
        if bottom or right:
            pixels = cast(Pixels, cv2.copyMakeBorder(pixels, 0, bottom, 0, right, cv2.BORDER_REPLICATE))
        bgr = VideoFrame.from_numpy_buffer(pixels, format="bgr24")
        if self.spec.family.is_rgb:
            return self._reformatter.reformat(bgr, format=self.spec.family.pixel_format, threads=1)
        return self._reformatter.reformat(
            bgr,
            format=self.spec.family.pixel_format,
            dst_colorspace=self.spec.color.swscale_matrix,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )


def _own_context(spec: VideoSpec) -> VideoCodecContext:
    context = cast(VideoCodecContext, CodecContext.create(spec.family.encoder, "w"))
    spec.configure(context)
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


def fine_time_base(rate: Fraction) -> Fraction:
    """A tick that divides 1 / ``rate`` exactly and is at most 1/10000 s: 1/24000 for 24000/1001."""
    return Fraction(1, rate.numerator * math.ceil(10_000 / rate.numerator))
