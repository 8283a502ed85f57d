"""What an input file holds beside its pictures: sound, subtitles, chapters, attachments, cover, tags."""

from collections.abc import Container, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import AttachmentStream, Disposition, Stream
from av.subtitles.stream import SubtitleStream

from pipeline.video.reading.streams import first_pictures
from pipeline.video.reading.timeline import Timeline, placed
from pipeline.video.writing.encoding import COUNTED
from pipeline.video.writing.sound import EncodedTrack, check_decodable
from pipeline.video.writing.subtitles import ConvertedSubtitles
from pipeline.video.writing.tracks import (
    AUDIO_ENCODER,
    SUBTITLE_ENCODER,
    CopiedTrack,
    Track,
    codec_name,
    refusal,
)

OF_THE_FILE = ("major_brand", "minor_version", "compatible_brands", "encoder", "software", "duration")
"""Tags that tell of the container, not of what is in it: never copied."""

_KIND = {"audio": "sound", "subtitle": "subtitle"}
_COVER_TYPES = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}
_MOVIES = ("mp4", "mov")
_WITHOUT_CHAPTERS = ("avi",)
_LATE_S = Fraction(1, 20)
_REFUSED = (ValueError, AttributeError, FFmpegError)  # AttributeError: FFmpeg has no decoder for the codec


class PassthroughStreams:
    """All of ``path`` but its pictures, opened a second time so that nothing waits in memory for them.

    A track is copied where the container can hold its codec, else encoded again (sound: AAC, Opus in
    WebM; text subtitles: the container's own kind), else left out; ``notes`` gets one line for each that
    is not copied.

    Attributes:
        shift: seconds added to every time, where the input's first picture is before zero.
        kinds: one entry a track that will be in the output: audio, subtitle, video (a cover), attachment.
        damage: one line where a track could not be read whole, else None.
    """

    def __init__(
        self, path: Path, output: OutputContainer, notes: list[str], shift: Fraction = Fraction(0)
    ) -> None:
        """Add tags, chapters and one stream for every track. Call before the first packet is muxed."""
        self.shift, self._path = shift, path
        self.kinds: list[str] = []
        self.damage: str | None = None
        self._output, self._notes = output, notes
        self._container = av.open(f"file:{path}", mode="r", metadata_errors="replace")
        self._timeline = Timeline(self._container)
        self._tracks: dict[int, Track] = {}
        self._spans: dict[int, list[Fraction]] = {}  # first and latest second of each sound track
        self._counts = dict.fromkeys(_KIND, 0)
        self._copy_tags()
        self._copy_chapters()
        for stream in self._container.streams:
            self._add(stream)
        self._packets: Iterator[Packet[Any]] = self._read() if self._tracks else iter(())
        self._waiting: Packet[Any] | None = None

    def _copy_tags(self) -> None:
        tags = {k: v for k, v in self._container.metadata.items() if k.lower() not in OF_THE_FILE}
        self._output.metadata.update(tags)

    def _copy_chapters(self) -> None:
        chapters = self._container.chapters()
        if not chapters:
            return
        if self._output.format.name in _WITHOUT_CHAPTERS:
            self._notes.append(f"chapters are left out: {self._output.format.name} holds none")
            return
        span = self.shift - self._timeline.origin
        if span:
            for chapter in chapters:
                ticks = round(span / (chapter["time_base"] or Fraction(1, 1000)))
                chapter["start"] += ticks
                chapter["end"] += ticks
        self._output.set_chapters(chapters)

    def _add(self, stream: Stream) -> None:
        if stream.type in _KIND:
            self._counts[stream.type] += 1
        if isinstance(stream, AudioStream):
            self._add_audio(self._counts["audio"], stream)
        elif isinstance(stream, SubtitleStream):
            self._add_subtitles(self._counts["subtitle"], stream)
        elif stream.type == "video" and stream.disposition & Disposition.attached_pic:
            self._add_cover(stream)
        elif isinstance(stream, AttachmentStream):
            self._add_attachment(stream)
        elif stream.type != "video":
            self._leave_out_data(stream)
        elif stream is not first_pictures(self._container.streams.video):
            self._notes.append(f"video stream {stream.index} is left out: one video stream is stylized")

    def _keep(self, stream: Stream, track: Track) -> None:
        self._tracks[stream.index] = track
        if stream.type == "audio":
            self._spans[stream.index] = []
        self.kinds.append(stream.type)

    def _add_audio(self, number: int, stream: AudioStream) -> None:
        reason = refusal(stream, self._output.format.name) or self._late(stream)
        if reason is None:
            return self._keep(stream, CopiedTrack(stream, self._output))
        codec = AUDIO_ENCODER.get(self._output.format.name, "aac")
        self._convert(f"sound track {number}", "encoded again as", stream, codec, reason)

    def _late(self, stream: AudioStream) -> str | None:
        """Why sound that begins after the pictures cannot be copied, where the container holds no times."""
        begin = (stream.start_time or 0) * (stream.time_base or 0) - self._timeline.origin + self.shift
        name = self._output.format.name
        return f"{name} begins every track at zero" if name in COUNTED and begin > _LATE_S else None

    def _add_subtitles(self, number: int, stream: SubtitleStream) -> None:
        reason = refusal(stream, self._output.format.name)
        if reason is None:
            return self._keep(stream, CopiedTrack(stream, self._output))
        codec = SUBTITLE_ENCODER.get(self._output.format.name)
        if codec is None:
            return self._notes.append(f"subtitle track {number} is left out: {reason}")
        return self._convert(f"subtitle track {number}", "converted to", stream, codec, reason)

    def _convert(
        self, what: str, how: str, stream: AudioStream | SubtitleStream, codec: str, reason: str
    ) -> None:
        try:
            if isinstance(stream, AudioStream):
                check_decodable(self._path, stream.index)
                shift = self.shift if self._output.format.name in COUNTED else None
                self._keep(stream, EncodedTrack(stream, self._output, codec, shift))
            else:
                self._keep(stream, ConvertedSubtitles(stream, self._output, codec, self._notes))
        except _REFUSED as error:
            why = getattr(error, "strerror", None) or error
            self._notes.append(f"{what} is left out: {reason}, and it cannot be converted ({why})")
        else:
            self._notes.append(f"{what} was {how} {codec.removeprefix('lib')}: {reason}")

    def _add_cover(self, stream: Stream) -> None:
        format_name, name = self._output.format.name, codec_name(stream)
        if format_name in _MOVIES and name in _COVER_TYPES:
            track = CopiedTrack(stream, self._output)
            return self._keep(stream, track)
        if format_name == "matroska" and name in _COVER_TYPES:
            picture = next((bytes(p) for p in self._container.demux(stream) if p.size), None)
            self._container.seek(0)
            if picture is not None:
                self._output.add_attachment(*_COVER_TYPES[name], picture)
                self.kinds.append("video")  # FFmpeg shows an attached picture as a video stream
                return None
        self._notes.append(f"the cover picture is left out: {format_name} cannot hold it as {name}")
        return None

    def _add_attachment(self, stream: AttachmentStream) -> None:
        name = stream.metadata.get("filename", f"attachment {stream.index}")
        if self._output.format.name != "matroska":
            self._notes.append(f"the attached file {name} is left out: {self._output.format.name} holds none")
            return
        self._output.add_attachment(name, stream.mimetype or "application/octet-stream", bytes(stream.data))
        self.kinds.append("attachment")

    def _leave_out_data(self, stream: Stream) -> None:
        if "timecode" in stream.metadata and self._output.format.name in _MOVIES:
            return  # the muxer writes the timecode track anew from the video stream's tag
        if self._container.chapters() and stream.metadata.get("handler_name") == "SubtitleHandler":
            return  # an mp4's chapter titles, which are copied as chapters
        what = stream.metadata.get("handler_name") or codec_name(stream)
        self._notes.append(f"data stream {stream.index} ({what}) is left out: it goes with the old pictures")

    def video_tags(self) -> dict[str, str]:
        """Language, title and timecode of the pictures."""
        stream = first_pictures(self._container.streams.video)
        everywhere = (self._container, *self._container.streams)
        tagged = (item for s in everywhere for item in s.metadata.items())
        timecode = next((value for key, value in tagged if key.lower() == "timecode"), None)
        tags = {"timecode": timecode} if timecode else {}
        kept = ("language", "title", "handler_name")
        own = stream.metadata if stream is not None else {}
        return {**tags, **{k: v for k, v in own.items() if k.lower() in kept}}

    def until(self, seconds: Fraction | None) -> Iterator["Packet[Any]"]:
        """Packets for the output that begin before ``seconds`` of its time; None: all the rest."""
        while packet := self._next():
            limit = None if seconds is None else seconds - self.shift
            if limit is not None and packet.dts is not None and packet.dts * packet.time_base > limit:
                self._waiting = packet
                return
            self._note_span(packet)
            yield from self._converted(packet)

    def _note_span(self, packet: "Packet[Any]") -> None:
        span = self._spans.get(packet.stream.index)
        if span is None or packet.pts is None or not packet.size:
            return
        begin = packet.pts * packet.time_base
        end = begin + (packet.duration or 0) * packet.time_base
        span[:] = [min(span[0], begin), max(span[1], end)] if span else [begin, end]

    @property
    def sound_s(self) -> dict[int, Fraction]:
        """Seconds from the first to the end of the last packet read, by a sound track's output stream."""
        read = {self._tracks[index].stream.index: span for index, span in self._spans.items() if span}
        return {index: span[1] - span[0] for index, span in read.items()}

    def _read(self) -> Iterator["Packet[Any]"]:
        """Packets of the tracks; the pictures' are read too, because by them the clock's jumps are found."""
        for packet in placed(self._container, self._timeline):
            if packet.stream.index in self._tracks:
                yield packet

    def _next(self) -> "Packet[Any] | None":
        packet, self._waiting = self._waiting, None
        if packet is not None:
            return packet
        try:
            return next(self._packets, None)
        except (FFmpegError, OSError) as error:
            self.damage = f"the sound ends early: reading it broke off ({error})"
            self._packets = iter(())
            return None

    def _converted(self, packet: "Packet[Any]") -> Iterator["Packet[Any]"]:
        track = self._tracks[packet.stream.index]  # a flush mark has no stream_index
        try:
            for made in track.convert(packet):
                self._move(made)
                yield made
        except FFmpegError as error:
            self.damage = f"a piece of the sound could not be decoded and is missing ({error.strerror})"

    def _move(self, packet: "Packet[Any]") -> None:
        if self.shift:
            ticks = round(self.shift / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks

    def without(self, arrived: Container[int]) -> list[str]:
        """Types of the tracks of whose output streams no index is in ``arrived``."""
        streams = [track.stream for track in self._tracks.values()]
        return [stream.type for stream in streams if stream.index not in arrived]

    def flush(self) -> Iterator["Packet[Any]"]:
        """What the encoders still hold, where ``until`` was stopped before the end of the input."""
        for index, track in self._tracks.items():
            if not isinstance(track, CopiedTrack):
                end: Packet[Any] = Packet()
                end.stream = self._container.streams[index]
                yield from self._converted(end)

    def close(self) -> None:
        """Close the input. Twice is no error."""
        self._container.close()
