"""The contracts of what gives frames and of what takes them: source and sink."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from pipeline.common.closeable import Closeable
from pipeline.frame import Frame


@dataclass(frozen=True)
class StreamInfo:
    """What a source knows of its frames before the first one.

    Attributes:
        size: (height, width) in pixels.
        rate: frames a second, or None where there is none (a folder of pictures).
        frame_count: how many will come, None where unknown or endless. An estimate, for progress only.
        live: frames come at their own pace and are lost when nobody takes them.
    """

    size: tuple[int, int]
    rate: Fraction | None = None
    frame_count: int | None = None
    live: bool = False


class Source(Closeable):
    """Opened by its constructor, read by iteration, closed by ``close`` or ``with``.

    Iteration ends when the source does. A source that breaks in the middle, after frames were read,
    does not raise: it ends, and ``damage`` says in one line what happened and how much was read.
    """

    info: StreamInfo
    damage: str | None = None

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yield frames in order; may be called once."""

    def close(self) -> None:
        """Give back the device or file. Closing twice is no error."""


class Sink(Closeable):
    """``open``, then ``write`` for each frame, then ``finish``; ``close`` always, by ``with``.

    Nothing stands under a sink's final name before ``finish`` returned: a sink that is closed
    without it takes back what it wrote. All of it runs in one thread at a time.

    Attributes:
        interactive: somebody watches and works the program here (a window, a page): the live loop draws
            its information on these frames and asks ``poll`` for commands. Other sinks get the bare result.
        address: what to open in a browser to see it, empty for what is not seen there.
    """

    interactive: ClassVar[bool] = False
    address: str = ""

    @abstractmethod
    def open(self, info: StreamInfo) -> None:
        """Make ready for frames of ``info.size``; raise OutputError when that cannot be."""

    @abstractmethod
    def write(self, frame: Frame) -> None:
        """Take one frame; it is not kept after the call returns."""

    def poll(self) -> Sequence[str]:
        """Commands given here since the last call (see ``pipeline.live.controls``).

        Called many times a second, with or without frames, in the thread that writes.
        """
        return ()

    def finish(self, complete: bool = True) -> None:
        """Make the result whole and give it its final name.

        Args:
            complete: False where the source was stopped before its end; what goes along with the frames
                (sound) then ends with the last of them.
        """

    def close(self) -> None:
        """Give back the file or device. Closing twice is no error."""
