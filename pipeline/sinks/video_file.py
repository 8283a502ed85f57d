"""A video file, encoded with FFmpeg through PyAV: H.264, or VP9 in WebM."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import cv2
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter
from av.video.stream import VideoStream

from pipeline.errors import OutputError
from pipeline.frame import Frame, Pixels
from pipeline.machine import usable_cores
from pipeline.sinks.audio_tracks import AudioTracks
from pipeline.sinks.base import Sink
from pipeline.sinks.part_file import PartFile, write_error
from pipeline.sources.base import StreamInfo
from pipeline.video_color import VideoColor

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Container by file extension."""

_MAX_ENCODER_THREADS = 8  # each holds frames: memory would grow with the machine
_AUDIO_AHEAD_S = 0.5
_NO_RATE = Fraction(25)


@dataclass(frozen=True)
class Encoding:
    """How frames become a file.

    Attributes:
        crf: constant quality; 0 is lossless, 18 cannot be told from the original, 51 is the worst.
        preset: x264's bargain of time and size. ``veryfast`` takes about 9 core-ms a 1280x720 frame and
            makes smaller files here than ``faster`` and ``medium`` at the same crf; ``superfast`` takes 7
            and makes files twice as large.
    """

    crf: int = 18
    preset: str = "veryfast"


PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
)


class VideoFileSink(Sink):
    """Encodes frames into ``path``, each at its own pts, with the sound of another file beside them.

    4:2:0 video, the kind that plays everywhere, has even sides: an odd one gets its last row or column
    twice. Written under a hidden name in the same folder until ``finish``.

    Attributes:
        notes: lines the user should know: a padded size, sound that was not copied.
    """

    def __init__(
        self,
        path: Path,
        *,
        encoding: Encoding | None = None,
        overwrite: bool = False,
        audio_from: Path | None = None,
        color: VideoColor | None = None,
        time_base: Fraction | None = None,
        pixel_aspect: Fraction = Fraction(1),
    ) -> None:
        """Check everything that can be checked before the first frame; nothing is written yet.

        Args:
            audio_from: video or sound file whose tracks go along, at the times they have there.
            color: what the pixels' RGB is relative to; None: BT.709.
            time_base: seconds of a tick that every pts is a multiple of; None takes a fine one.
            pixel_aspect: width : height of one pixel.

        Raises:
            OutputError: unknown extension or preset, crf outside 0..51, or ``path`` is ``audio_from``.
        """
        self.path = path
        self.notes: list[str] = []
        self._encoding = encoding or Encoding()
        self._overwrite = overwrite
        self._audio_from = audio_from
        self._color = (color or VideoColor()).limited
        self._time_base = time_base
        self._pixel_aspect = pixel_aspect
        self._reformatter = VideoReformatter()
        self._part: PartFile | None = None
        self._container: OutputContainer | None = None
        self._audio: AudioTracks | None = None
        self._last_pts: int | None = None
        self._check()

    def _check(self) -> None:
        if self.path.suffix.lower() not in FORMATS:
            raise OutputError(
                f"{self.path} ends in {self.path.suffix or 'nothing'!r}; choose one of {' '.join(FORMATS)}"
            )
        if self._encoding.preset not in PRESETS:
            raise OutputError(f"no preset is called {self._encoding.preset!r}; choose {', '.join(PRESETS)}")
        if not 0 <= self._encoding.crf <= 51:
            raise OutputError(f"crf goes from 0 (best) to 51 (worst), got {self._encoding.crf}")
        same = self._audio_from is not None and self.path.exists() and self.path.samefile(self._audio_from)
        if same:
            raise OutputError(f"input and output are both {self.path}; choose another output")

    def open(self, info: StreamInfo) -> None:
        """Create the hidden file, the encoder and the sound tracks, and write the header.

        Raises:
            OutputError: the folder is missing or read-only, ``path`` is there already, no space, or the
                encoder refuses the size.
        """
        self._part = PartFile(self.path, overwrite=self._overwrite)
        try:
            self._open(info)
        except (FFmpegError, OSError, ValueError) as error:
            self.close()
            raise self._translate(error) from error

    def _open(self, info: StreamInfo) -> None:
        assert self._part is not None
        format_name = FORMATS[self.path.suffix.lower()]
        self._container = av.open(self._part.file, "w", format=format_name)
        height, width = info.size
        self._pad = (height % 2, width % 2)
        if any(self._pad):
            padded = f"{width + self._pad[1]}x{height + self._pad[0]}"
            self.notes.append(f"{width}x{height} was padded to {padded}: video needs even sides")
        self._stream = self._add_video(self._container, info, format_name)
        if self._audio_from is not None:
            self._audio = AudioTracks(self._audio_from, self._container, self.notes)
        self._container.start_encoding()

    def _add_video(self, container: OutputContainer, info: StreamInfo, format_name: str) -> VideoStream:
        self._rate = info.rate or _NO_RATE
        self._tick = self._time_base or fine_time_base(self._rate)
        codec = "libvpx-vp9" if format_name == "webm" else "libx264"
        rate = self._rate.limit_denominator(1001)
        stream = cast(VideoStream, container.add_stream(codec, rate=rate, options=self._options(codec)))
        stream.width, stream.height = info.size[1] + self._pad[1], info.size[0] + self._pad[0]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = self._tick
        context.thread_count = min(usable_cores(), _MAX_ENCODER_THREADS)
        context.sample_aspect_ratio = self._pixel_aspect
        context.colorspace, context.color_range = self._color.matrix, ColorRange.MPEG
        context.color_primaries, context.color_trc = self._color.primaries, self._color.transfer
        return stream

    def _options(self, codec: str) -> dict[str, str]:
        if codec == "libx264":
            return {"preset": self._encoding.preset, "crf": str(self._encoding.crf)}
        quality = round(self._encoding.crf * 63 / 51)  # VP9 counts to 63
        return {"crf": str(quality), "b": "0", "deadline": "realtime", "cpu-used": "7", "row-mt": "1"}

    def write(self, frame: Frame) -> None:
        """Encode one frame of the size that ``open`` was told.

        Raises:
            OutputError: the disk is full, or the encoder failed.
        """
        encoded = self._to_yuv(frame.pixels)
        encoded.pts = self._next_pts(frame)
        encoded.time_base = self._tick
        try:
            self._mux(self._stream.encode(encoded))
        except (FFmpegError, OSError, ValueError) as error:
            raise self._translate(error) from error

    def _next_pts(self, frame: Frame) -> int:
        """Ticks, always later than the frame before: two of one time would be refused by the encoder."""
        seconds = frame.pts if frame.pts is not None else frame.index / self._rate
        ticks = round(seconds / self._tick)
        if self._last_pts is not None:
            ticks = max(ticks, self._last_pts + 1)
        self._last_pts = ticks
        return ticks

    def _to_yuv(self, pixels: Pixels) -> VideoFrame:
        if any(self._pad):
            bottom, right = self._pad
            pixels = cast(Pixels, cv2.copyMakeBorder(pixels, 0, bottom, 0, right, cv2.BORDER_REPLICATE))
        bgr = VideoFrame.from_numpy_buffer(pixels, format="bgr24")
        return self._reformatter.reformat(
            bgr,
            format="yuv420p",
            dst_colorspace=self._color.swscale_matrix,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )

    def _mux(self, packets: Sequence["Packet[Any]"]) -> None:
        """Sound goes a little ahead of the pictures, so that the muxer never keeps pictures back for it."""
        assert self._container is not None
        for packet in packets:
            if packet.dts is not None:
                self._mux_audio(float(packet.dts * packet.time_base) + _AUDIO_AHEAD_S)
            self._container.mux_one(packet)

    def _mux_audio(self, until_s: float | None) -> None:
        if self._audio is not None:
            self._mux_all(self._audio.until(until_s))

    def _mux_all(self, packets: Iterator["Packet[Stream]"]) -> None:
        assert self._container is not None
        for packet in packets:
            self._container.mux_one(packet)

    def finish(self, complete: bool = True) -> None:
        """Flush the encoder, write the end of the file, give it its name.

        Raises:
            OutputError: no frame was written, the disk is full, or the name is taken by now.
        """
        if self._part is None or self._container is None or self._last_pts is None:
            raise OutputError(f"{self.path} was not written: there is no frame to put into it")
        try:
            self._mux(self._stream.encode(None))
            self._end_audio(complete)
            self._container.close()
        except (FFmpegError, OSError, ValueError) as error:
            raise self._translate(error) from error
        self._part.publish()
        self._part = None
        self.close()

    def _end_audio(self, complete: bool) -> None:
        if self._audio is None:
            return
        if complete:
            self._mux_audio(None)
        else:
            assert self._last_pts is not None
            self._mux_audio(float(self._last_pts * self._tick))
            self._mux_all(self._audio.flush())

    def close(self) -> None:
        """Close everything; without ``finish`` the hidden file is removed. Closing twice is no error."""
        if self._audio is not None:
            self._audio.close()
        part, self._part = self._part, None
        if part is not None:
            _abandon(self._container)
            part.discard()
        self._container = None

    def _translate(self, error: Exception) -> OutputError:
        cause = error
        while not isinstance(cause, OSError) and isinstance(cause.__cause__, Exception):
            cause = cause.__cause__
        if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
            return write_error(self.path, cause)
        return OutputError(f"{self.path} cannot be encoded ({error}); try another size, format or preset")


def _abandon(container: OutputContainer | None) -> None:
    """Close a container whose file is thrown away: that its end cannot be written is no news."""
    if container is None:
        return
    try:
        container.close()
    except (FFmpegError, OSError, ValueError):
        return


def fine_time_base(rate: Fraction) -> Fraction:
    """A tick that divides 1 / ``rate`` exactly and is at most 1/10000 s: 1/24000 for 24000/1001."""
    return Fraction(1, rate.numerator * math.ceil(10_000 / rate.numerator))
