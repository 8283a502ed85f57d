"""The contract every sink keeps."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from pipeline.closing import Closing
from pipeline.frame import Frame
from pipeline.sources.base import StreamInfo


class Sink(Closing):
    """``open``, then ``write`` for each frame, then ``finish``; ``close`` always, by ``with``.

    Nothing stands under a sink's final name before ``finish`` returned: a sink that is closed
    without it takes back what it wrote. All of it runs in one thread at a time.

    Attributes:
        for_people: somebody watches and works the program here (a window, a page): the live loop draws
            its information on these frames and asks ``poll`` for commands. Other sinks get the bare result.
    """

    for_people: ClassVar[bool] = False

    @abstractmethod
    def open(self, info: StreamInfo) -> None:
        """Make ready for frames of ``info.size``; raise OutputError when that cannot be."""

    @abstractmethod
    def write(self, frame: Frame) -> None:
        """Take one frame; it is not kept after the call returns."""

    def poll(self) -> Sequence[str]:
        """Commands given here since the last call (see ``pipeline.controls``).

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
