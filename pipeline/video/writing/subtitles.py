"""Text subtitles written in the way another container knows."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle, SubtitleSet

from pipeline.video.writing.tracks import name_like

_ONE_AT_A_TIME = ("mov_text",)
"""Subtitle formats in which a line ends before the next begins."""

_TEXT_FIELD = 8  # of a line in ASS, after layer, style, margins and the like


@dataclass(frozen=True)
class _Line:
    """A line that is shown now: up to ``end`` ticks."""

    end: int
    text: bytes


class ConvertedSubtitles:
    """Text subtitles written in the way the output container knows; times are kept, fonts may go."""

    def __init__(self, source: SubtitleStream, output: OutputContainer, codec: str, notes: list[str]) -> None:
        """Raises ValueError or FFmpegError where that cannot be (subtitles that are pictures)."""
        if source.codec_context.codec.name in _PICTURES:
            raise ValueError("they are pictures, not text")
        self._source, self._notes = source, notes
        self._overlaps = codec in _ONE_AT_A_TIME
        self._shown: list[_Line] = []
        self._tick = source.time_base or Fraction(1, 1000)
        self._at = 0  # ticks up to which packets were made
        self._told = False
        source.codec_context.open(strict=False)
        self._text = cast(SubtitleStream, output.add_stream(codec))
        self._text.codec_context.subtitle_header = source.codec_context.subtitle_header or _ASS_HEADER
        self._text.time_base = source.time_base
        self._text.codec_context.time_base = source.time_base  # type: ignore[assignment]
        self.stream: Stream = self._text
        name_like(source, self.stream)

    def convert(self, packet: "Packet[Any]") -> Iterator["Packet[Any]"]:
        """Packets with the same times, or none where there is no text; an empty one is the input's end."""
        if not packet.size:
            yield from self._shown_until(None)
        for line in self._lines(packet)[:1]:
            begin, duration = packet.pts or 0, packet.duration or 0
            if self._overlaps and duration:
                yield from self._shown_until(begin)
                self._told |= self._tell_overlap()
                self._at = max(self._at, begin)
                self._shown.append(_Line(begin + duration, line))
            else:
                yield self._packet([line], begin, duration)

    def _tell_overlap(self) -> bool:
        if self._shown and not self._told:
            self._notes.append("subtitle lines that overlap are shown together: there is one at a time")
        return bool(self._shown)

    def _shown_until(self, limit: int | None) -> Iterator["Packet[Any]"]:
        """One packet for every span in which the same lines are shown, up to ``limit`` ticks."""
        while self._shown:
            end = min(line.end for line in self._shown)
            span_end = end if limit is None else min(end, limit)
            if span_end > self._at:
                yield self._packet([line.text for line in self._shown], self._at, span_end - self._at)
                self._at = span_end
            self._shown = [line for line in self._shown if line.end > self._at]
            if limit is not None and self._at >= limit:
                return

    def _packet(self, lines: list[bytes], begin: int, duration: int) -> "Packet[Any]":
        """Several lines become one by their last field, the text; the others are of the first."""
        text = b"\\N".join([lines[0], *(line.split(b",", _TEXT_FIELD)[-1] for line in lines[1:])])
        shown = SubtitleSet.create(text=text, start=0, end=0)
        made = self._text.codec_context.encode_subtitle(shown)
        made.time_base, made.pts, made.dts = self._tick, begin, begin
        made.duration = duration
        made.stream = self.stream
        return made

    def _lines(self, packet: "Packet[Any]") -> list[bytes]:
        decoded = (self._source.decode2(packet) or ()) if packet.size else ()
        return [line.ass for line in decoded if isinstance(line, AssSubtitle)]


_PICTURES = ("dvdsub", "dvd_subtitle", "dvbsub", "dvb_subtitle", "pgssub", "hdmv_pgs_subtitle", "xsub")
_ASS_HEADER = (
    b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize, "
    b"PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, "
    b"ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, "
    b"Encoding\r\n"
    b"Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0\r\n\r\n"
    b"[Events]\r\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n"
)
