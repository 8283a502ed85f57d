"""Interlaced pictures made whole by FFmpeg's bwdif filter, one out for each one in."""

from collections.abc import Iterator

from av.error import BlockingIOError as NothingYetError
from av.error import EOFError as NothingMoreError
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

FILTER = "bwdif"
_ARGUMENTS = "mode=send_frame:parity=auto:deint=interlaced"


def deinterlaced(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """The same pictures at the same times; those not marked as interlaced pass untouched."""
    graph: _Bwdif | None = None
    for frame in frames:
        if graph is None or not graph.fits(frame):
            if graph is not None:
                yield from graph.flush()
            graph = _Bwdif(frame)
        yield from graph.push(frame)
    if graph is not None:
        yield from graph.flush()


class _Bwdif:
    """One filter graph for pictures of one size and format."""

    def __init__(self, first: VideoFrame) -> None:
        self._shape = (first.width, first.height, first.format.name)
        self._graph = Graph()
        self._source: FilterContext = self._graph.add_buffer(
            width=first.width, height=first.height, format=first.format, time_base=first.time_base
        )
        bwdif, sink = self._graph.add(FILTER, _ARGUMENTS), self._graph.add("buffersink")
        self._source.link_to(bwdif)
        bwdif.link_to(sink)
        self._graph.configure()

    def fits(self, frame: VideoFrame) -> bool:
        return self._shape == (frame.width, frame.height, frame.format.name)

    def push(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        self._source.push(frame)
        yield from self._pull()

    def flush(self) -> Iterator[VideoFrame]:
        self._source.push(None)
        yield from self._pull()

    def _pull(self) -> Iterator[VideoFrame]:
        while True:
            try:
                frame = self._graph.vpull()
            except (NothingYetError, NothingMoreError):
                return
            yield frame
