"""Sound that the output cannot take as it is, decoded and encoded again."""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from pipeline.video.writing.tracks import name_like

_PIECES_TRIED = 64
_PAUSE_S = Fraction(1, 20)  # a shorter one is rounding
_BIT_RATE_OF_A_CHANNEL = 96_000
_FIXED_RATE_HZ = {"libopus": 48000}
_NAMED = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""What so many channels without a name are taken for; FFmpeg's own choice but for 3, where it drops one."""

_WRITTEN = {
    "aac": {**_NAMED, 7: "7.1"},  # AAC has a short number for these, which every player knows
    "libopus": {**_NAMED, 4: "quad"},
    "pcm_s16le": _NAMED,
}


class EncodedTrack:
    """Sound decoded and encoded again, with a channel layout that the encoder and players know."""

    def __init__(
        self, source: AudioStream, output: OutputContainer, codec: str, filled_from: Fraction | None = None
    ) -> None:
        """Set up decoder and encoder.

        Args:
            filled_from: fill pauses and what is missing at the beginning with silence, for a container
                without times; zero stands so many seconds before the input's. None keeps the times.

        Raises:
            ValueError, AttributeError, FFmpegError: that cannot be.
        """
        count = source.layout.nb_channels
        if count not in _NAMED:
            raise ValueError(f"{count} channels are more than {codec.removeprefix('lib')} holds")
        if source.layout.name.endswith(" channels"):
            source.codec_context.layout = _NAMED[count]
        self._source = source
        self._sound = cast(AudioStream, output.add_stream(codec, rate=_rate(codec, source.rate)))
        self._sound.layout = _WRITTEN[codec][count]
        self._sound.bit_rate = _BIT_RATE_OF_A_CHANNEL * count
        self._sound.codec_context.open()
        self._resampler: AudioResampler | None = None
        self._kind: tuple[str, str, int] | None = None
        self._filled_from, self._samples = filled_from, 0
        self.stream: Stream = self._sound
        name_like(source, self.stream)

    def convert(self, packet: "Packet[Any]") -> Iterator["Packet[Any]"]:
        """What the encoder has ready after it."""
        for decoded in self._source.codec_context.decode(packet if packet.size else None):
            for frame in self._resampled(decoded):
                for piece in self._filled(frame):
                    yield from self._sound.encode(piece)
        if not packet.size:
            for frame in self._rest():
                for piece in self._filled(frame):
                    yield from self._sound.encode(piece)
            yield from self._sound.encode(None)

    def _filled(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """Silence for what is missing before it, then itself, counted on; as it is where times are kept."""
        if self._filled_from is not None:
            rate, tick = frame.rate, frame.time_base or Fraction(1, frame.rate)
            begin = Fraction(0) if frame.pts is None else frame.pts * tick + self._filled_from
            missing = round(begin * rate) - self._samples
            if missing > rate * _PAUSE_S:
                silence = AudioFrame(format=frame.format.name, layout=frame.layout.name, samples=missing)
                for plane in silence.planes:
                    plane.update(bytes(plane.buffer_size))
                silence.rate = rate
                yield self._counted(silence)
            frame = self._counted(frame)
        yield frame

    def _counted(self, frame: AudioFrame) -> AudioFrame:
        frame.time_base, frame.pts = Fraction(1, frame.rate), self._samples
        self._samples += frame.samples
        return frame

    def _resampled(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """A resampler takes one kind of sound: where the input changes in the middle, a new one goes on."""
        kind = (frame.format.name, frame.layout.name, frame.rate)
        if self._resampler is None or kind != self._kind:
            yield from self._rest()
            sound = self._sound
            self._resampler, self._kind = AudioResampler(sound.format.name, sound.layout, sound.rate), kind
        yield from self._resampler.resample(frame)

    def _rest(self) -> Iterator[AudioFrame]:
        resampler, self._resampler = self._resampler, None
        if resampler is not None:
            yield from resampler.resample(None)


def check_decodable(path: Path, index: int) -> None:
    """Decode the beginning of a file's sound stream. Raises FFmpegError where not one piece can be."""
    broken: FFmpegError | None = None
    with av.open(f"file:{path}", metadata_errors="replace") as container:
        for packet in itertools.islice(container.demux(container.streams[index]), _PIECES_TRIED):
            try:
                if packet.decode():
                    return
            except FFmpegError as error:
                broken = error
    if broken is not None:
        raise broken


def _rate(codec: str, rate: int) -> int:
    """The source's rate in Hz, or the next one up that the codec has."""
    if codec in _FIXED_RATE_HZ or codec.startswith("pcm_"):
        return _FIXED_RATE_HZ.get(codec, rate)
    return min((known for known in _AAC_RATES_HZ if known >= rate), default=_AAC_RATES_HZ[0])


_AAC_RATES_HZ = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
