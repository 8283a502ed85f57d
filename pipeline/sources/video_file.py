"""Frames of a video file, decoded with FFmpeg through PyAV."""

import itertools
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal, cast

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from pipeline.errors import InputError, InputNotFoundError
from pipeline.frame import Frame, Pixels
from pipeline.machine import usable_cores
from pipeline.sources.base import StreamInfo
from pipeline.sources.deinterlace import FILTER, deinterlaced
from pipeline.sources.media import MediaSource, Position, pixels_crc
from pipeline.sources.resample import resampled
from pipeline.video_color import VideoColor

_TEXT_ART_FORMATS = {"tty", "ansi", "idf", "bin", "xbin"}
_DURATION_IN_HEADER = ("mov", "mp4", "matroska", "webm", "avi", "flv")
_MAX_DECODER_THREADS = 4  # each holds a frame or two: more would cost memory, and decoding is the cheap stage


Deinterlace = Literal["auto", "on", "off"]
_SEEKABLE = ("mov", "mp4", "matroska", "webm")  # elsewhere a seek may land anywhere: decode from the start
_SEEK_EARLIER_S = 1  # so that filters that look back have something to look at


class VideoFileSource(MediaSource):
    """The pictures of a video file, upright, in order, with the file's own times.

    The first picture is decoded by the constructor, so that a file without any is refused there. A file
    that breaks later gives what can be decoded; ``damage`` says so when iteration has ended. See
    ``MediaSource`` for what it tells.

    Attributes:
        info: ``size`` is after rotation and after ``size``.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int] | None = None,
        *,
        fps: Fraction | None = None,
        deinterlace: Deinterlace = "auto",
    ) -> None:
        """Open ``path``.

        Args:
            size: (height, width) that frames are scaled to; None keeps the file's.
            fps: frames at this even rate instead of the file's own times.
            deinterlace: ``auto`` does it where the first picture is marked as interlaced.

        Raises:
            InputNotFoundError: no such file.
            InputError: not a video, empty, a folder, sound only, or no picture can be decoded.
        """
        self.path = path
        self.notes: list[str] = []
        self._fps = fps
        self._deinterlace, self._interlaced_left = True, 0  # nothing is counted before that is known
        self._reformatter = VideoReformatter()
        self._begin()
        first = self._peek()
        self._deinterlace = deinterlace == "on" or (deinterlace == "auto" and first.interlaced_frame)
        if self._deinterlace:
            self.notes.append(f"interlaced pictures were made whole ({FILTER})")
        self._describe(first, size)
        self._pictures = self._timed(0)

    def _begin(self) -> None:
        """Open the file at its start; nothing is decoded yet."""
        self._container = _open(self.path)
        self._stream = self._picture_stream()
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = min(usable_cores(), _MAX_DECODER_THREADS)
        self._tick = self._stream.time_base or Fraction(1, 90000)
        self._bad_packets = self._bad_frames = self._frames_read = self._decoded_count = 0
        self._next_index = 0
        self._broke_off: str | None = None
        self._last_end = Fraction(0)
        self._decoded = self._decode()

    def _peek(self) -> VideoFrame:
        first = next(self._decoded, None)
        if first is None:
            self.close()
            raise InputError(
                f"{self.path} has a video stream, but not one picture of it can be decoded{_REPAIR}"
            )
        self._decoded = itertools.chain([first], self._decoded)
        return first

    def _picture_stream(self) -> VideoStream:
        for stream in self._container.streams.video:
            if not stream.disposition & Disposition.attached_pic:
                self._check_decoder(stream)
                return stream
        kinds: list[str] = sorted({s.type for s in self._container.streams}) or ["nothing"]
        self.close()
        raise InputError(f"{self.path} has no video stream, only {', '.join(kinds)}; name a video file")

    def _check_decoder(self, stream: VideoStream) -> None:
        """PyAV gives a stream that FFmpeg cannot decode no codec at all, whatever its types say."""
        if cast(object, stream.codec_context) is None:
            self.close()
            raise InputError(
                f"{self.path} has a video stream of a kind that FFmpeg cannot decode; it is damaged, or "
                "convert it first"
            )

    def _describe(self, first: VideoFrame, size: tuple[int, int] | None) -> None:
        self._quarter_turns = round(first.rotation / 90) % 4
        sideways = self._quarter_turns % 2 == 1
        upright = (first.width, first.height) if sideways else (first.height, first.width)
        self.color = VideoColor.of_frame(first)
        height, width = size or upright
        self._decoded_size = (width, height) if sideways else (height, width)
        rate = self._stream.average_rate or self._stream.guessed_rate
        self._own_rate = rate or Fraction(25)
        self.start = self._time_of(first, 0)
        self.end = self._end()
        self.time_base = None if self._fps else self._tick
        self.info = StreamInfo((height, width), self._fps or rate or None, self._expected_frames(rate))
        aspect = self._stream.sample_aspect_ratio or Fraction(1)
        self.pixel_aspect = Fraction(1) if size else (1 / aspect if sideways else aspect)
        depth = max(component.bits for component in first.format.components)
        if depth > 8:
            self.notes.append(f"the input has {depth} bits a colour, the result has 8")

    def _expected_frames(self, rate: Fraction | None) -> int | None:
        if self._stream.frames and not self._fps:
            return self._stream.frames
        seconds, rate = self._duration_s(), self._fps or rate
        return max(1, round(seconds * rate)) if seconds and rate else None

    def _duration_s(self) -> float | None:
        if self._stream.duration:
            return float(self._stream.duration * self._tick)
        return self._container.duration / av.time_base if self._container.duration else None

    def _end(self) -> Fraction | None:
        if self._stream.duration is None or self._stream.start_time is None or self._fps:
            return None
        return (self._stream.start_time + self._stream.duration) * self._tick

    def _time_of(self, decoded: VideoFrame, number: int) -> Fraction:
        if decoded.pts is None:
            return number / self._own_rate
        return decoded.pts * (decoded.time_base or self._tick)  # a flushed picture has none of its own

    def _timed(self, first_index: int) -> Iterator[tuple[Fraction, VideoFrame]]:
        """(pts, picture), whole and at the wanted rate; ``first_index`` is where an even rate begins."""
        whole = deinterlaced(self._decoded) if self._deinterlace else self._decoded
        timed = ((self._time_of(picture, number), picture) for number, picture in enumerate(whole))
        if self._fps is None:
            return timed
        return resampled(timed, self._fps, self.start, 1 / self._own_rate, first_index)

    def skip_to(
        self,
        position: Position,
        lead_in_s: Fraction = Fraction(0),
        on_lead_in: Callable[[Frame], None] | None = None,
    ) -> None:
        """See ``MediaSource``: by seeking where the file can do that, checked against ``position.crc``."""
        names = self._container.format.name.split(",")
        tell = on_lead_in or (lambda frame: None)
        if position.pts is not None and any(name in _SEEKABLE for name in names):
            self._seek(position.pts - lead_in_s - _SEEK_EARLIER_S)
            if self._reach(position, lead_in_s, tell, counted=False):
                return
        self.close()
        self._begin()
        if not self._reach(position, lead_in_s, tell, counted=True):
            raise InputError(
                f"{self.path} is not the file it was: frame {position.index} is another one; run again with "
                "--no-resume"
            )

    def _seek(self, pts: Fraction) -> None:
        self._container.seek(int(max(pts, self.start) / self._tick), stream=self._stream)
        self._decoded = self._decode()

    def _reach(
        self, position: Position, lead_in_s: Fraction, tell: Callable[[Frame], None], counted: bool
    ) -> bool:
        """Read up to and with ``position``; whether it is there and looks the same."""
        lead = position.index if self._fps is None else int(lead_in_s * self._fps)
        first = 0 if self._fps is None else max(0, position.index - lead)
        self._pictures = self._timed(first)
        for number, (pts, picture) in enumerate(self._pictures, first):
            there = number == position.index if counted or position.pts is None else pts == position.pts
            if there:
                frame = self._to_frame(position.index, pts, picture)
                self._next_index = position.index + 1
                tell(frame)
                return position.crc in (None, pixels_crc(frame.pixels))
            if position.pts is not None and pts >= position.pts - lead_in_s and lead_in_s:
                tell(self._to_frame(-1, pts, picture))
            if not counted and position.pts is not None and pts > position.pts:
                return False
        return False

    def __iter__(self) -> Iterator[Frame]:
        for pts, picture in self._pictures:
            frame = self._to_frame(self._next_index, pts, picture)
            self._next_index += 1
            del picture
            yield frame
        self.damage = self._damage()
        if self._interlaced_left:
            self.notes.append(
                f"{self._interlaced_left} pictures are interlaced though the first is not, and were left "
                "so; --deinterlace on makes them whole"
            )

    def _to_frame(self, index: int, pts: Fraction, picture: VideoFrame) -> Frame:
        self._frames_read += 1
        return Frame(self._to_pixels(picture), index, time.monotonic(), pts)

    def _to_pixels(self, decoded: VideoFrame) -> Pixels:
        height, width = self._decoded_size
        yuv = not decoded.format.is_rgb
        bgr = self._reformatter.reformat(
            decoded,
            width,
            height,
            "bgr24",
            src_colorspace=self.color.swscale_matrix if yuv else None,
            src_color_range=(ColorRange.JPEG if self.color.full_range else ColorRange.MPEG) if yuv else None,
            interpolation=Interpolation.BICUBIC,
            threads=1,
        )
        pixels: Pixels = bgr.to_ndarray()  # type: ignore[assignment]  # bgr24 is always uint8
        if self._quarter_turns:
            pixels = np.rot90(pixels, self._quarter_turns)
        return np.ascontiguousarray(pixels)

    def _decode(self) -> Iterator[VideoFrame]:
        for packet in self._packets():
            if packet.stream_index == self._stream.index:
                yield from self._decode_packet(packet)
        yield from self._decode_packet(None)

    def _packets(self) -> Iterator["Packet[Stream]"]:
        """Every stream's packets, so that the end of the file is seen even where the sound is longer."""
        packets = self._container.demux()
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (FFmpegError, OSError) as error:
                self._broke_off = f"reading broke off ({error.strerror or error})"
                return
            if packet.size == 0:  # the demuxer's own flush marks; we flush once, in _decode
                continue
            self._note_end(packet)
            yield packet

    def _note_end(self, packet: "Packet[Stream]") -> None:
        if packet.pts is not None:
            self._last_end = max(self._last_end, (packet.pts + (packet.duration or 0)) * packet.time_base)

    def _decode_packet(self, packet: "Packet[Stream] | None") -> Iterator[VideoFrame]:
        """Frames of one packet (None flushes). What the decoder refuses before the first good frame is no
        damage: recordings of broadcasts start in the middle of a group of pictures.
        """
        try:
            frames = self._stream.codec_context.decode(packet)
        except (FFmpegError, OSError):
            self._bad_packets += self._decoded_count > 0
            return
        for frame in frames:
            self._decoded_count += 1
            self._bad_frames += bool(frame.is_corrupt)
            self._interlaced_left += frame.interlaced_frame and not self._deinterlace
            yield frame

    def _damage(self) -> str | None:
        reasons = [self._broke_off] if self._broke_off else []
        if missing := self._missing_seconds():
            reasons.append(f"the last {missing:.1f} s are missing")
        if self._bad_packets:
            reasons.append(f"{self._bad_packets} packets could not be decoded")
        if self._bad_frames:
            reasons.append(f"{self._bad_frames} pictures are damaged")
        if not reasons:
            return None
        expected = f" of about {self.info.frame_count}" if self.info.frame_count else ""
        return f"{self.path.name} is damaged: {', '.join(reasons)}; {self._next_index}{expected} frames read"

    def _missing_seconds(self) -> float:
        """How much shorter the file is than its header promises; 0 where that is within rounding."""
        names = self._container.format.name.split(",")
        if not self._container.duration or not any(n in _DURATION_IN_HEADER for n in names):
            return 0.0
        promised = self._container.duration + max(0, self._container.start_time or 0)
        missing = promised / av.time_base - float(self._last_end)
        return missing if missing > max(0.5, 0.01 * promised / av.time_base) else 0.0

    def close(self) -> None:
        """Close the file. Closing twice is no error."""
        self._container.close()


_REPAIR = "; it is damaged from the start: copy or export it again from where it came"


def _open(path: Path) -> InputContainer:
    if not path.exists():
        raise InputNotFoundError(f"{path} does not exist; check the name and the folder")
    if path.is_dir():
        raise InputError(f"{path} is a folder, a video file was wanted; for pictures use `brushstream image`")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes), a video file was wanted; copy it again")
    try:
        # "file:" keeps a name such as "http:clip.mp4" or "concat:x" from being taken for an address.
        container = av.open(f"file:{path}", mode="r", metadata_errors="replace")
    except PermissionError as error:
        raise InputError(f"{path} may not be read; check the file's permissions") from error
    except (FFmpegError, OSError, ValueError) as error:
        raise InputError(
            f"{path} is not a video that FFmpeg can read ({getattr(error, 'strerror', None) or error}); "
            "it is another kind of file or damaged from the start: check it, or copy it again"
        ) from error
    if container.format.name in _TEXT_ART_FORMATS:
        container.close()
        raise InputError(f"{path} is a text file, a video file was wanted")
    return container
