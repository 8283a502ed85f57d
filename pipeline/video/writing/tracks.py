"""One track of an input beside its pictures, on its way into an output: as it is, or made anew."""

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from typing import Any, Protocol, cast

import av
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

AUDIO_ENCODER = {"webm": "libopus", "avi": "pcm_s16le"}
"""Encoder by container for sound that cannot be copied; AAC where none is named."""

SUBTITLE_ENCODER = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
_WITH_TIMECODE_TRACK = ("mov", "mp4")  # which they leave out where they cannot read the timecode
_WITHOUT_TIMECODE = ("avi",)
_ANYWHERE = {"webm": "libvpx"}
_UNPLAYABLE = {"mp4": ("pcm_",)}
"""Beginnings of codec names that FFmpeg would write into the container, but players of a few years ago
cannot read there: PCM in MP4 is younger than most of them, who play noise or nothing."""

_PLAYABLE = {
    "avi": (
        *("pcm_s16le", "pcm_s24le", "pcm_u8", "pcm_mulaw", "pcm_alaw"),
        *("mp2", "mp3", "ac3", "wmav1", "wmav2"),
    )
}
"""All that players read in a container into which FFmpeg would write anything."""


class Track(Protocol):
    """Turns packets of the input into packets of the output; an empty one is the input's end.

    Attributes:
        stream: of the output.
    """

    stream: Stream

    def convert(self, packet: "Packet[Any]") -> Iterator["Packet[Any]"]:
        """The output's packets; ``packet`` may be one of them, changed."""


class CopiedTrack:
    """Packets as they are, bit for bit."""

    def __init__(self, source: Stream, output: OutputContainer) -> None:
        """Raises ValueError, AttributeError or FFmpegError where the container cannot hold the track."""
        self.stream = output.add_stream_from_template(source, opaque=True)
        name_like(source, self.stream)

    def convert(self, packet: "Packet[Any]") -> Iterator["Packet[Any]"]:
        """The packet itself."""
        if packet.size:
            packet.stream = self.stream
            yield packet


def name_like(source: Stream, target: Stream) -> None:
    """Language, title and role, which players show in the menu of tracks."""
    kept = ("language", "title", "handler_name", "comment")
    target.metadata.update({k: v for k, v in source.metadata.items() if k.lower() in kept})
    target.disposition = source.disposition.value  # type: ignore[assignment]  # PyAV 17 takes a number only


def refusal(source: Stream, container: str) -> str | None:
    """Why a container (FFmpeg's name) does not take a track as it is; None where it does.

    Some containers agree to a codec and refuse it in the header, so a header is written, to memory.
    """
    codec = codec_name(source)
    playable = source.type != "audio" or codec in _PLAYABLE.get(container, (codec,))
    if codec.startswith(_UNPLAYABLE.get(container, ())) or not playable:
        return f"many players cannot read {codec} in {container}"
    trial = av.open(BytesIO(), "w", format=container)
    try:
        CopiedTrack(source, trial)
        trial.start_encoding()
        trial.close()
    except (ValueError, AttributeError, FFmpegError):
        return f"{container} cannot hold {codec}"
    return None


def takes_timecode(timecode: str, container: str, rate: Fraction | None) -> bool:
    """Whether a container (FFmpeg's name) writes pictures' timecode into its header; tried in memory."""
    if container in _WITHOUT_TIMECODE:
        return False
    written = BytesIO()
    trial = av.open(written, "w", format=container)
    try:
        stream = cast(VideoStream, trial.add_stream(_ANYWHERE.get(container, "mpeg4"), rate=rate))
        stream.height, stream.width, stream.pix_fmt = 16, 16, "yuv420p"
        stream.metadata["timecode"] = timecode
        trial.start_encoding()
        trial.close()
    except (ValueError, FFmpegError):
        return False
    return container not in _WITH_TIMECODE_TRACK or b"tmcd" in written.getvalue()


def codec_name(stream: Stream) -> str:
    """FFmpeg's name of a stream's codec."""
    return stream.codec_context.codec.canonical_name if stream.codec_context is not None else "unknown"
