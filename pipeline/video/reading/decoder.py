"""A video file opened for decoding: its packets, its pictures, and a tally of what is damaged."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.codec.context import CodecContext
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.common.errors import InputError, InputNotFoundError
from pipeline.common.machine import usable_cores
from pipeline.video.reading import matroska
from pipeline.video.reading.clean_aperture import Aperture, clean_aperture
from pipeline.video.reading.streams import first_pictures
from pipeline.video.reading.timeline import Timeline, placed

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_FINEST_FPS = 120  # a faster one is the clock's
_TEXT_ART_FORMATS = {"tty", "ansi", "idf", "bin", "xbin"}
_DURATION_IN_HEADER = ("mov", "mp4", "matroska", "webm", "avi", "flv")
_SEEKABLE = ("mov", "mp4", "matroska", "webm")  # elsewhere a seek may land anywhere: decode from the start
_MAX_DECODER_THREADS = 4  # each holds a frame or two: more would cost memory, and decoding is the cheap stage


class VideoDecoder:
    """The pictures of a file's first video stream that is no cover, in order, as FFmpeg gives them.

    Attributes:
        container: the open file.
        stream: the video stream.
        timeline: by which the times of all packets, and so of the pictures, are moved.
        tick: seconds of one tick of its clock.
        interlaced: pictures marked so, among those decoded.
    """

    def __init__(self, path: Path) -> None:
        """Open the file at its start; nothing is decoded yet. Raises as ``VideoFileSource``."""
        self.path = path
        self.container = _open(path)
        self.stream = self._picture_stream()
        self._decoder = _decoder_of(self.stream)
        self.timeline = Timeline(self.container)
        self.tick = self.stream.time_base or Fraction(1, 90000)
        self.interlaced = 0
        self._bad_packets = self._bad_frames = self._decoded_count = 0
        self._broke_off: str | None = None
        self._last_end = Fraction(0)

    @property
    def seekable(self) -> bool:
        """Whether a seek may be trusted."""
        return any(name in _SEEKABLE for name in self.container.format.name.split(","))

    def seek(self, pts: Fraction) -> None:
        """Go to a key frame at or before ``pts`` seconds; call ``pictures`` anew."""
        self.container.seek(int((pts + self.timeline.origin) / self.tick), stream=self.stream)
        self._decoder.flush_buffers()

    @property
    def rate(self) -> Fraction | None:
        """Frames a second, None where unknown; a rate of one frame a tick is the clock's, not the frames'."""
        average, guessed = self.stream.average_rate, self.stream.guessed_rate
        return guessed or average if average == 1 / self.tick else average or guessed

    @property
    def even_rate(self) -> Fraction | None:
        """Frames a second at which every picture has a place of its own, where the clock has pauses.

        Twice the average is the rate of the fields of interlaced video.
        """
        average, finest = self.rate, self.stream.base_rate
        if average is None or finest is None or finest > _FINEST_FPS or finest == 2 * average:
            return average
        return max(average, finest)

    def duration_s(self) -> float | None:
        """Seconds by the header, None where it does not say."""
        if self.stream.duration:
            return float(self.stream.duration * self.tick)
        return self.container.duration / av.time_base if self.container.duration else None

    def aperture(self, size: tuple[int, int]) -> Aperture | None:
        """The part of the pictures of ``size`` (height, width) that is meant to be shown; None for all."""
        names = self.container.format.name.split(",")
        if "matroska" in names:
            return matroska.pixel_crop(self.path, self.stream.index, size)
        return clean_aperture(self.path, self.stream.index, size) if "mov" in names else None

    def end(self) -> Fraction | None:
        """Seconds at which the pictures end by the header, None where it does not say or cannot know."""
        begin, span = self.stream.start_time, self.stream.duration
        if self.timeline.may_jump:
            return None
        if begin is not None and span is not None:
            return (begin + span) * self.tick - self.timeline.origin
        end = matroska.stream_end(self.stream.metadata)
        return None if end is None else end - self.timeline.origin

    def _picture_stream(self) -> VideoStream:
        stream = first_pictures(self.container.streams.video)
        if isinstance(stream, VideoStream):
            self._check_decoder(stream)
            return stream
        found = {"a cover picture" if s.type == "video" else s.type for s in self.container.streams}
        kinds = sorted(found, reverse=True) or ["nothing"]
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

    def pictures(self) -> Iterator[VideoFrame]:
        """From here to the end of the file, or to where reading breaks off."""
        for packet in self._packets():
            if packet.stream_index == self.stream.index:
                yield from self._decode_packet(packet)
        yield from self._decode_packet(None)

    def _packets(self) -> Iterator["Packet[Stream]"]:
        """Every stream's packets, so that the end of the file is seen even where the sound is longer."""
        packets = placed(self.container, self.timeline)
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
            frames = self._decoder.decode(packet)
        except (FFmpegError, OSError):
            self._bad_packets += self._decoded_count > 0
            return
        for frame in frames:
            self._decoded_count += 1
            self._bad_frames += bool(frame.is_corrupt)
            self.interlaced += frame.interlaced_frame
            yield frame

    def damage(self, at_end: bool = True) -> list[str]:
        """What was damaged so far, in a few words each; ``at_end``, whether everything was read."""
        reasons = [self._broke_off] if self._broke_off else []
        if at_end and (missing := self._missing_seconds()):
            reasons.append(f"the last {missing:.1f} s are missing")
        if self._bad_packets:
            reasons.append(f"{self._bad_packets} packets could not be decoded")
        if self._bad_frames:
            reasons.append(f"{self._bad_frames} pictures are damaged")
        return reasons

    def _missing_seconds(self) -> float:
        """How much shorter the file is than its header promises; 0 where that is within rounding."""
        names = self.container.format.name.split(",")
        if not self.container.duration or not any(n in _DURATION_IN_HEADER for n in names):
            return 0.0
        if "matroska" in names and matroska.is_whole(self.path):
            return 0.0  # it tells no picture's duration: the last one stands up to the end
        promised = self.container.duration / av.time_base
        missing = promised - float(self._last_end)
        return missing if missing > max(0.5, 0.01 * promised) else 0.0

    def close(self) -> None:
        """Close the file. Closing twice is no error."""
        self.container.close()


def _decoder_of(stream: VideoStream) -> VideoCodecContext:
    """FFmpeg's own, or where the stream tells of an alpha channel one that reads it."""
    context = stream.codec_context
    library = _WITH_ALPHA.get(context.name) if stream.metadata.get("alpha_mode") == "1" else None
    if library is not None:
        own = cast(VideoCodecContext, CodecContext.create(library, "r"))
        own.extradata, own.colorspace, own.color_range = (
            context.extradata,
            context.colorspace,
            context.color_range,
        )
        own.color_primaries, own.color_trc = context.color_primaries, context.color_trc
        context = own
    context.thread_type = "AUTO"
    context.thread_count = min(usable_cores(), _MAX_DECODER_THREADS)
    return context


REPAIR = "; it is damaged from the start: copy or export it again from where it came"


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
