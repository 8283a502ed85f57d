"""Several frames in flight: handed in ahead, collected in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from pipeline.frame import Frame, Pixels


class Stage(Protocol):
    """What can have several frames in flight; ``ScheduledStylizer`` is one."""

    @property
    def slots(self) -> int:
        """How many; may change between frames."""

    def submit(self, frame: Frame) -> None:
        """Take a frame, whose pixels stay unchanged until its result was collected."""

    def collect(self) -> Pixels:
        """The result of the oldest frame that was submitted, (H, W, 3) uint8 BGR."""


class OneByOne:
    """A function of pixels as a stage."""

    slots = 1

    def __init__(self, stylize: Callable[[Pixels], Pixels]) -> None:
        """``stylize`` makes of (H, W, 3) uint8 BGR the same."""
        self._stylize = stylize

    def submit(self, frame: Frame) -> None:
        """Do the work at once."""
        self._result = self._stylize(frame.pixels)

    def collect(self) -> Pixels:
        """What came of it."""
        return self._result


def overlapped(stage: Stage, frames: Iterable[Frame]) -> Iterator[tuple[Frame, Pixels]]:
    """Each frame and its result, in order, with as many in flight as the stage has slots.

    An error of a frame is raised where its result would come; what is in flight then is left to the
    stage's owner, who closes it.
    """
    waiting: deque[Frame] = deque()
    for frame in frames:
        while len(waiting) >= stage.slots:
            yield waiting.popleft(), stage.collect()
        stage.submit(frame)
        waiting.append(frame)
        if stage.slots == 1:
            yield waiting.popleft(), stage.collect()
    while waiting:
        yield waiting.popleft(), stage.collect()
