"""One track of an input beside its pictures, on its way into an output: as it is, or made anew."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, Protocol, cast

import av
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle, SubtitleSet

AUDIO_ENCODER = {"webm": "libopus"}
"""Encoder by container for sound that cannot be copied; AAC where none is named."""

SUBTITLE_ENCODER = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
_UNPLAYABLE = {"mp4": ("pcm_",)}
"""Beginnings of codec names that FFmpeg would write into the container, but players of a few years ago
cannot read there: PCM in MP4 is younger than most of them, who play noise or nothing."""


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


class ConvertedSubtitles:
    """Text subtitles written in the way the output container knows; times are kept, fonts may go."""

    def __init__(self, source: SubtitleStream, output: OutputContainer, codec: str) -> None:
        """Raises ValueError or FFmpegError where that cannot be (subtitles that are pictures)."""
        if source.codec_context.codec.name in _PICTURES:
            raise ValueError("they are pictures, not text")
        self._source = source
        source.codec_context.open(strict=False)
        self._text = cast(SubtitleStream, output.add_stream(codec))
        self._text.codec_context.subtitle_header = source.codec_context.subtitle_header or _ASS_HEADER
        self._text.time_base = source.time_base
        self._text.codec_context.time_base = source.time_base  # type: ignore[assignment]
        self.stream: Stream = self._text
        name_like(source, self.stream)

    def convert(self, packet: "Packet[Any]") -> Iterator["Packet[Any]"]:
        """One packet with the same times, or none where there is no text in it."""
        lines = [line.ass for line in self._lines(packet) if isinstance(line, AssSubtitle)]
        for text in lines[:1]:
            shown = SubtitleSet.create(text=text, start=0, end=0)
            made = self._text.codec_context.encode_subtitle(shown)
            made.time_base, made.pts, made.dts = packet.time_base, packet.pts, packet.pts
            made.duration = packet.duration
            made.stream = self.stream
            yield made

    def _lines(self, packet: "Packet[Any]") -> list[Any]:
        decoded = self._source.decode2(packet) if packet.size else None
        return list(decoded) if decoded is not None else []


_PICTURES = ("dvdsub", "dvd_subtitle", "dvbsub", "dvb_subtitle", "pgssub", "hdmv_pgs_subtitle", "xsub")
_ASS_HEADER = (
    b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize, "
    b"PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, "
    b"ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, "
    b"Encoding\r\n"
    b"Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0\r\n\r\n"
    b"[Events]\r\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n"
)


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
    if codec.startswith(_UNPLAYABLE.get(container, ())):
        return f"many players cannot read {codec} in {container}"
    trial = av.open(BytesIO(), "w", format=container)
    try:
        CopiedTrack(source, trial)
        trial.start_encoding()
        trial.close()
    except (ValueError, AttributeError, FFmpegError):
        return f"{container} cannot hold {codec}"
    return None


def codec_name(stream: Stream) -> str:
    """FFmpeg's name of a stream's codec."""
    return stream.codec_context.name if stream.codec_context is not None else "unknown"
