"""An animated GIF: lossless segments first, one palette of all pictures, then the GIF."""

import contextlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import CodecContext
from av.container import OutputContainer
from av.filter import Graph
from av.filter.context import FilterContext
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.common.atomic_files import PartFile
from pipeline.common.errors import OutputError
from pipeline.video.outputs.base import OutputAssembler, OutputRequest, part_name
from pipeline.video.segments.joining import first_and_last, frame_count
from pipeline.video.segments.segment_encoder import PacketEncoder
from pipeline.video.segments.segment_file import read_header, read_packets, read_times
from pipeline.video.writing.container import FAILURES, translate
from pipeline.video.writing.encoding import Encoding
from pipeline.video.writing.frame_encoder import FrameEncoder, VideoSpec
from pipeline.video.writing.verification import check_video

FASTEST_FPS = Fraction(50)
"""Browsers and most programs show a picture of one hundredth of a second for ten."""

_TICK = Fraction(1, 100)  # a GIF counts hundredths of a second
_LARGEST = _LONGEST_DELAY = 65535  # a GIF counts both in two bytes


class GifAssembler(OutputAssembler):
    """A GIF that loops; 256 colours of all its pictures together, times in hundredths of a second."""

    def __init__(self, wanted: OutputRequest) -> None:
        """Settle the encoding of the segments. Raises OutputError for sides that a GIF cannot count."""
        self.final = wanted.path
        self._wanted = wanted
        encoding = Encoding(codec="ffv1", threads=wanted.encoding.threads)
        self.spec = VideoSpec.settled(wanted.pictures, "matroska", encoding)
        self.encoding, self.keeps_alpha = self.spec.encoding, wanted.pictures.alpha
        height, width = wanted.pictures.size
        if max(height, width) > _LARGEST:
            raise OutputError(
                f"{self.final}: a GIF has at most {_LARGEST} pixels a side, {width}x{height} were wanted; "
                "make it smaller with --size"
            )
        self.notes = ["a GIF holds 256 colours, hundredths of a second and no sound: the rest is left out"]
        if wanted.pictures.seen_through:
            self.notes.append("a GIF's pixels are clear or opaque: those that are clear by half are opaque")

    def new_encoder(self) -> PacketEncoder:
        """Lossless, because the palette is chosen when all pictures are there."""
        return FrameEncoder(self.spec)

    def rehearse(self) -> None:
        """Make the hidden file and throw it away."""
        PartFile(self.final, overwrite=self._wanted.overwrite).discard()

    def build(self, segments: Sequence[Path], complete: bool, damaged: bool = False) -> Path:
        """See ``OutputAssembler``."""
        path = self.final if complete else part_name(self.final)
        part = PartFile(path, overwrite=self._wanted.overwrite or not complete)
        try:
            times = self._write(part, segments, complete and not damaged)
            part.file.flush()
            check_video(
                part.part_path,
                frames=frame_count(segments),
                span=(times[-1] - times[0]) * _TICK,
                frame_time=1 / self.spec.pictures.rate,
                kinds=["video"],
            )
            part.publish()
        except FAILURES as error:
            raise translate(path, error) from error
        finally:
            part.discard()
        return path

    def _write(self, part: PartFile, segments: Sequence[Path], whole: bool) -> list[int]:
        palette = self._palette(segments)
        graph, frames_in, palette_in = self._painter()
        times = self._times(segments)
        last = first_and_last(segments)[1] * self.spec.pictures.tick
        delay = min(_LONGEST_DELAY, round(self._wanted.last_shown_s(last, whole) / _TICK))
        with av.open(part.file, "w", format="gif", options={"final_delay": str(delay)}) as container:
            stream = container.add_stream("gif", rate=self.spec.pictures.rate)
            stream.height, stream.width = self.spec.padded
            stream.pix_fmt = "pal8"
            stream.codec_context.time_base = _TICK
            for number, frame in enumerate(self._decoded(segments)):
                frame.pts, frame.time_base = number, _TICK
                frames_in.push(frame)
                if number == 0:
                    palette_in.push(palette)
                    palette_in.push(None)
                for painted in _pulled(graph):
                    self._mux(container, stream, painted, times)
            frames_in.push(None)
            for painted in _pulled(graph):
                self._mux(container, stream, painted, times)
            container.mux(stream.encode(None))
        return times

    def _mux(
        self, container: OutputContainer, stream: VideoStream, frame: VideoFrame, times: list[int]
    ) -> None:
        assert frame.pts is not None
        number = round(frame.pts * (frame.time_base or _TICK) / _TICK)
        frame.pts, frame.time_base = times[number], _TICK
        container.mux(stream.encode(frame))

    def _times(self, segments: Sequence[Path]) -> list[int]:
        """Hundredths of a second from the first picture on, each later than the one before."""
        ticks = [pts for path in segments for pts in sorted(read_times(path))]
        times: list[int] = []
        for pts in ticks:
            exact = round((pts - ticks[0]) * self.spec.pictures.tick / _TICK)
            times.append(max(exact, times[-1] + 1) if times else exact)
        return times

    def _palette(self, segments: Sequence[Path]) -> VideoFrame:
        graph = Graph()
        source = self._buffer(graph, *self.spec.padded, self.spec.family.pixel_format)
        maker, sink = graph.add("palettegen"), graph.add("buffersink")
        source.link_to(maker)
        maker.link_to(sink)
        graph.configure()
        for number, frame in enumerate(self._decoded(segments)):
            frame.pts, frame.time_base = number, _TICK
            source.push(frame)
        source.push(None)
        palette = graph.vpull()
        palette.pts, palette.time_base = 0, _TICK
        return palette

    def _painter(self) -> tuple[Graph, FilterContext, FilterContext]:
        graph = Graph()
        frames = self._buffer(graph, *self.spec.padded, self.spec.family.pixel_format)
        palette = self._buffer(graph, 16, 16, "bgra")
        painter, sink = graph.add("paletteuse", "dither=sierra2_4a"), graph.add("buffersink")
        frames.link_to(painter, 0, 0)
        palette.link_to(painter, 0, 1)
        painter.link_to(sink)
        graph.configure()
        return graph, frames, palette

    def _buffer(self, graph: Graph, height: int, width: int, pixel_format: str) -> FilterContext:
        return graph.add_buffer(
            width=width, height=height, format=av.VideoFormat(pixel_format), time_base=_TICK
        )

    def _decoded(self, segments: Sequence[Path]) -> Iterator[VideoFrame]:
        decoder = CodecContext.create("ffv1", "r")
        decoder.extradata = read_header(segments[0])
        decoder.height, decoder.width = self.spec.padded
        for path in segments:
            for encoded in read_packets(path):
                packet: Packet[av.stream.Stream] = Packet(encoded.data)
                yield from decoder.decode(packet)
        yield from decoder.decode(None)


def _pulled(graph: Graph) -> Iterator[VideoFrame]:
    with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):  # nothing more for now, or ever
        while True:
            yield graph.vpull()
