"""A container being written: encoded pictures from anywhere, and what goes along with them."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.container import OutputContainer
from av.error import ArgumentError, FFmpegError, InvalidDataError
from av.packet import Packet, PacketSideData, packet_sidedata_type_from_literal
from av.video.stream import VideoStream

from pipeline.common.atomic_files import PartFile, write_error
from pipeline.common.errors import OutputError
from pipeline.video.writing.frame_encoder import ALPHA_BESIDE, EncodedPacket, VideoSpec
from pipeline.video.writing.passthrough import PassthroughStreams
from pipeline.video.writing.tracks import takes_timecode

_FRAGMENTED = {"movflags": "frag_keyframe+delay_moov+default_base_moof"}
_AUDIO_AHEAD_S = Fraction(1, 2)
FAILURES = (FFmpegError, OSError, ValueError)
"""What PyAV raises while a file is written."""


class OutputFile:
    """One video stream and its passthrough streams under a hidden name beside ``path``, until ``publish``.

    Attributes:
        notes: lines the user should know: tracks that were converted or left out.
        stream: the video stream; its codec context is an encoder of ``spec`` and may be used as one.
        part_path: where the file is for now.
        kinds: types of the streams in it, the video stream's first.
    """

    def __init__(
        self,
        path: Path,
        spec: VideoSpec,
        *,
        overwrite: bool = False,
        passthrough_from: Path | None = None,
        shift: Fraction = Fraction(0),
        fragmented: bool = False,
    ) -> None:
        """Create the hidden file, its streams and its header.

        Args:
            passthrough_from: file whose sound, subtitles, chapters and tags go along, at their own times.
            shift: seconds added to every time of pictures and passthrough streams.
            fragmented: MP4 and MOV can be read from their beginning, and without going back.

        Raises:
            OutputError: the folder is missing or read-only, ``path`` is there already, no space, or the
                encoder refuses the size.
        """
        self.path, self.spec, self.notes = path, spec, list[str]()
        self._shift, self._shift_ticks = shift, round(shift / spec.pictures.tick)
        self._container: OutputContainer | None = None
        self._passthrough: PassthroughStreams | None = None
        self._part: PartFile | None = PartFile(path, overwrite=overwrite)
        self.part_path = self._part.part_path
        self._end_ticks: int | None = None
        self._arrived: set[int] = set()
        self._refused: str | None = None
        try:
            self._open(self._part, passthrough_from, _FRAGMENTED if fragmented else {})
        except FAILURES as error:
            self.close()
            raise translate(path, error) from error

    def _open(self, part: PartFile, passthrough_from: Path | None, options: dict[str, str]) -> None:
        container = self.spec.container
        self._container = av.open(
            part.file, "w", format=container, options=options if container in ("mp4", "mov") else {}
        )
        rate = self.spec.pictures.rate.limit_denominator(1001)
        encoder = self.spec.family.encoder
        self.stream = cast(
            VideoStream, self._container.add_stream(encoder, rate=rate, options=self.spec.options)
        )
        self.spec.configure(self.stream.codec_context)
        self.kinds = ["video"]
        if passthrough_from is not None:
            self._passthrough = PassthroughStreams(passthrough_from, self._container, self.notes, self._shift)
            self.kinds += self._passthrough.kinds
            self.stream.metadata.update(self._tags(self._passthrough.video_tags()))
        self._container.start_encoding()

    def _tags(self, tags: dict[str, str]) -> dict[str, str]:
        """Those of the pictures; a timecode that the container refuses in its header is left out."""
        timecode = tags.get("timecode")
        if timecode is None or takes_timecode(timecode, self.spec.container, self.stream.average_rate):
            return tags
        rate = float(self.spec.pictures.rate)
        self.notes.append(
            f"the timecode {timecode} is left out: {self.spec.container} has none such at {rate:g} fps"
        )
        return {name: value for name, value in tags.items() if name != "timecode"}

    @property
    def sound_s(self) -> list[Fraction]:
        """Seconds each sound track lasts that is not empty, by the packets that were read of it."""
        read = self._passthrough.sound_s if self._passthrough is not None else {}
        return [seconds for index, seconds in read.items() if index in self._arrived]

    def write(self, packets: Iterable[EncodedPacket]) -> None:
        """Append pictures in decoding order.

        Raises:
            OutputError: the disk is full, or the container refuses a packet.
        """
        try:
            for packet in packets:
                self._write(packet)
        except FAILURES as error:
            raise translate(self.path, error) from error

    def _write(self, encoded: EncodedPacket) -> None:
        """Sound goes a little ahead of the pictures, so that the muxer never keeps pictures back for it."""
        assert self._container is not None
        packet: Packet[Any] = Packet(encoded.data)
        packet.stream = self.stream
        packet.time_base = self.spec.pictures.tick
        packet.pts = encoded.pts + self._shift_ticks
        packet.dts = None if encoded.dts is None else encoded.dts + self._shift_ticks
        packet.is_keyframe = encoded.is_key
        packet.duration = encoded.duration
        if encoded.alpha:
            kind = packet_sidedata_type_from_literal(ALPHA_BESIDE)
            beside = PacketSideData(kind, len(encoded.alpha))  # type: ignore[call-arg]  # PyAV's stub has none
            beside.update(encoded.alpha)
            beside.to_packet(packet)
        self._end_ticks = max(self._end_ticks or packet.pts, packet.pts)
        if packet.dts is not None:
            self._write_passthrough(packet.dts * self.spec.pictures.tick + _AUDIO_AHEAD_S)
        self._container.mux_one(packet)

    def _write_passthrough(self, until_s: Fraction | None) -> None:
        if self._passthrough is not None:
            self._mux_all(self._passthrough.until(until_s))

    def _mux_all(self, packets: "Iterable[Packet[Any]]") -> None:
        assert self._container is not None
        for packet in packets:
            index = packet.stream.index
            try:
                self._container.mux_one(packet)
            except (ArgumentError, InvalidDataError) as error:  # times that go backwards, a broken header
                self._refused = (
                    f"sound or subtitles are damaged: the container refused a piece ({error.strerror})"
                )
            else:
                self._arrived.add(index)

    def rehearse(self) -> None:
        """Write the end at once, as of a file without pictures: some refusals come only there.

        Raises:
            OutputError: the container refuses what it was given. Only ``close`` may be called afterwards.
        """
        assert self._container is not None
        try:
            self._container.close()
        except FAILURES as error:
            raise translate(self.path, error) from error

    @property
    def damage(self) -> str | None:
        """One line where what goes along with the pictures is damaged; known when ``end`` was called."""
        return self._refused or (self._passthrough.damage if self._passthrough is not None else None)

    @property
    def empty(self) -> list[str]:
        """Types of the streams that hold nothing, which readers may not see; known after ``end``."""
        return self._passthrough.without(self._arrived) if self._passthrough is not None else []

    def end(self, complete: bool = True) -> None:
        """Write the rest of the passthrough streams and the end of the file; it keeps its hidden name.

        Args:
            complete: False ends the passthrough streams with the last picture.

        Raises:
            OutputError: no picture was written, or the disk is full.
        """
        if self._container is None or self._end_ticks is None:
            raise OutputError(f"{self.path} was not written: there is no frame to put into it")
        try:
            self._end_passthrough(complete)
            self._container.close()
            assert self._part is not None
            self._part.file.flush()
        except FAILURES as error:
            raise translate(self.path, error) from error

    def _end_passthrough(self, complete: bool) -> None:
        if self._passthrough is None:
            return
        if complete:
            self._write_passthrough(None)
            return
        assert self._end_ticks is not None
        self._write_passthrough(self._end_ticks * self.spec.pictures.tick)
        self._mux_all(self._passthrough.flush())

    def publish(self) -> None:
        """Give the file its name; raise OutputError where that cannot be."""
        assert self._part is not None
        self._part.publish()
        self._part = None
        self.close()

    def close(self) -> None:
        """Close everything; without ``publish`` the hidden file is removed. Closing twice is no error."""
        if self._passthrough is not None:
            self._passthrough.close()
        part, self._part = self._part, None
        if part is not None:
            _abandon(self._container)
            part.discard()
        self._container = None


def translate(path: Path, error: Exception) -> OutputError:
    """What PyAV or the system said while ``path`` was written, as one line with what to do."""
    cause = error
    while not isinstance(cause, OSError) and isinstance(cause.__cause__, Exception):
        cause = cause.__cause__
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        return write_error(path, cause)
    return OutputError(f"{path} cannot be encoded ({error}); try another size, format or preset")


def _abandon(container: OutputContainer | None) -> None:
    """Close a container whose file is thrown away: that its end cannot be written is no news."""
    if container is None:
        return
    try:
        container.close()
    except FAILURES:
        return
