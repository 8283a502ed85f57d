"""The sound of an input video, handed to an output container packet by packet."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import av
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

_ENCODER_BY_FORMAT = {"webm": "libopus"}
_OPUS_RATE_HZ = 48000


class _CopiedTrack:
    """Packets as they are, bit for bit."""

    def __init__(self, source: AudioStream, output: OutputContainer) -> None:
        self._stream = output.add_stream_from_template(source)
        _name(source, self._stream)

    def convert(self, packet: "Packet[Stream]") -> Iterator["Packet[Stream]"]:
        if packet.size:
            packet.stream = self._stream
            yield packet


class _EncodedTrack:
    """Packets decoded and encoded again, for a container that cannot hold the original codec."""

    def __init__(self, source: AudioStream, output: OutputContainer, codec: str) -> None:
        rate = _OPUS_RATE_HZ if codec == "libopus" else source.rate
        self._source = source
        self._stream = cast(AudioStream, output.add_stream(codec, rate=rate))
        self._stream.layout = source.layout.name
        self._stream.bit_rate = 96_000 * max(1, source.layout.nb_channels)
        self._resampler = AudioResampler(self._stream.format.name, source.layout.name, rate)
        _name(source, self._stream)

    def convert(self, packet: "Packet[Stream]") -> Iterator["Packet[Stream]"]:
        for decoded in self._source.codec_context.decode(packet if packet.size else None):
            for frame in self._resampler.resample(decoded):
                yield from self._stream.encode(frame)
        if not packet.size:
            for frame in self._resampler.resample(None):
                yield from self._stream.encode(frame)
            yield from self._stream.encode(None)


class AudioTracks:
    """All sound tracks of ``path``, opened a second time so that no sound waits in memory for pictures.

    A track is copied where the container can hold its codec, else encoded again (AAC; Opus in WebM),
    else left out; ``notes`` gets one line for each that is not copied.

    Attributes:
        count: tracks that will be in the output.
    """

    def __init__(self, path: Path, output: OutputContainer, notes: list[str]) -> None:
        """Add one stream to ``output`` for every track. Call before the first packet is muxed."""
        self._notes = notes
        self._container = av.open(f"file:{path}", mode="r", metadata_errors="replace")
        self._tracks: dict[int, _CopiedTrack | _EncodedTrack] = {}
        for number, stream in enumerate(self._container.streams.audio, 1):
            self._add(number, stream, output)
        self.count = len(self._tracks)
        streams = [self._container.streams[index] for index in self._tracks]
        self._packets: Iterator[Packet[Stream]] = self._container.demux(*streams) if streams else iter(())
        self._waiting: Packet[Stream] | None = None

    def _add(self, number: int, stream: AudioStream, output: OutputContainer) -> None:
        format_name = output.format.name
        try:
            self._tracks[stream.index] = _CopiedTrack(stream, output)
            return
        except (ValueError, AttributeError) as error:  # AttributeError: FFmpeg has no decoder for the codec
            refusal = str(error)
        codec = _ENCODER_BY_FORMAT.get(format_name, "aac")
        try:
            self._tracks[stream.index] = _EncodedTrack(stream, output, codec)
        except (ValueError, AttributeError, FFmpegError) as error:
            self._notes.append(f"sound track {number} is left out: {refusal}, and encoding failed ({error})")
            return
        self._notes.append(
            f"sound track {number} was encoded again as {codec.removeprefix('lib')}: "
            f"{format_name} cannot hold {stream.codec_context.name}"
        )

    def until(self, seconds: float | None) -> Iterator["Packet[Stream]"]:
        """Packets for the output that begin before ``seconds`` of the input's time; None: all the rest."""
        while packet := self._next():
            if seconds is not None and packet.dts is not None and packet.dts * packet.time_base > seconds:
                self._waiting = packet
                return
            yield from self._converted(packet)

    def _next(self) -> "Packet[Stream] | None":
        packet, self._waiting = self._waiting, None
        if packet is not None:
            return packet
        try:
            return next(self._packets, None)
        except (FFmpegError, OSError) as error:
            self._notes.append(f"the sound ends early: reading it broke off ({error})")
            self._packets = iter(())
            return None

    def _converted(self, packet: "Packet[Stream]") -> Iterator["Packet[Stream]"]:
        track = self._tracks[packet.stream.index]  # a flush mark has no stream_index
        try:
            yield from track.convert(packet)
        except FFmpegError as error:
            note = f"a piece of the sound could not be decoded and is missing ({error.strerror})"
            if note not in self._notes:
                self._notes.append(note)

    def flush(self) -> Iterator["Packet[Stream]"]:
        """What the encoders still hold, where ``until`` was stopped before the end of the input."""
        for index, track in self._tracks.items():
            if isinstance(track, _EncodedTrack):
                end: Packet[Stream] = Packet()
                end.stream = self._container.streams[index]
                yield from track.convert(end)

    def close(self) -> None:
        """Close the input. Twice is no error."""
        self._container.close()


def _name(source: AudioStream, target: AudioStream) -> None:
    """Language and title, which players show in the menu of tracks."""
    target.metadata.update({k: v for k, v in source.metadata.items() if k in ("language", "title")})
    target.disposition = source.disposition.value  # type: ignore[assignment]  # PyAV 17 takes a number only
