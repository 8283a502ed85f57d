"""Decoded pictures through FFmpeg's own filters."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from av.error import BlockingIOError as NothingYetError
from av.error import EOFError as NothingMoreError
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

Filters = Sequence[tuple[str, str]]
"""Names of filters and their arguments, in the order a picture passes them."""

_SOME_TICK = Fraction(1, 1000)  # of pictures whose times nobody asks for


class FrameFilter:
    """A chain of filters, set up anew wherever the pictures' size or format changes."""

    def __init__(self, filters: Callable[[VideoFrame], Filters]) -> None:
        """``filters`` names the chain for pictures like the one it is given."""
        self._filters = filters
        self._shape: tuple[int, int, str] | None = None
        self._graph: Graph
        self._source: FilterContext

    def push(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """What comes out when this picture is in."""
        shape = (frame.width, frame.height, frame.format.name)
        if shape != self._shape:
            yield from self.flush()
            self._set_up(frame)
            self._shape = shape
        self._source.push(frame)
        yield from self._pulled()

    def convert(self, frame: VideoFrame) -> VideoFrame:
        """The one picture that comes out of filters that keep none back."""
        (made,) = self.push(frame)
        return made

    def flush(self) -> Iterator[VideoFrame]:
        """What is still inside."""
        if self._shape is not None:
            self._source.push(None)
            yield from self._pulled()
            self._shape = None

    def _set_up(self, first: VideoFrame) -> None:
        self._graph = Graph()
        self._graph.threads = 1  # the loops that decode, stylize and encode share the cores already
        tick = first.time_base or _SOME_TICK
        self._source = self._graph.add_buffer(
            width=first.width, height=first.height, format=first.format, time_base=tick
        )
        last = self._source
        for name, arguments in (*self._filters(first), ("buffersink", "")):
            following = self._graph.add(name, arguments or None)
            last.link_to(following)
            last = following
        self._graph.configure()

    def _pulled(self) -> Iterator[VideoFrame]:
        while True:
            try:
                frame = self._graph.vpull()
            except (NothingYetError, NothingMoreError):
                return
            yield frame
