"""The contract every source keeps."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from pipeline.closing import Closing
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


class Source(Closing):
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
