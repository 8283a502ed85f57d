"""The live loop with parts that a test controls: no clock decides anything here."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from pipeline.frame import Frame, Pixels
from pipeline.live.controls import LiveControls, Notices, Settings
from pipeline.live.loop import LiveLoop, sink_info
from pipeline.live.painter import Painter
from pipeline.live.pool import EnginePool
from pipeline.live.recorder import Recorder
from pipeline.live.report import LiveReport, Shown
from pipeline.live.sinks.null import NullSink
from pipeline.stream import Sink, Source, StreamInfo
from pipeline.style import StyleFile
from pipeline.stylize.stylizer import Stylizer

SIZE = (64, 80)
LONG_S = 60.0
"""No test waits so long unless it fails."""


class WaitingClock:
    """Time that passes only where somebody waits; a clock and a stop event in one."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def own_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("brushstream")]


def grey(level: int, size: tuple[int, int] = SIZE) -> Pixels:
    return np.full((*size, 3), level % 256, np.uint8)


class Scripted(Source):
    """Frames from a list; after each one ``between`` is called, in the reader's thread."""

    def __init__(
        self,
        frames: list[Pixels] | int,
        between: Callable[[int], object] = lambda index: None,
        fails: BaseException | None = None,
    ) -> None:
        pictures = [grey(n) for n in range(frames)] if isinstance(frames, int) else frames
        first = pictures[0]
        self.info = StreamInfo((first.shape[0], first.shape[1]), Fraction(30), live=True)
        self._pictures, self._between, self._fails = pictures, between, fails
        self.closed = False

    def __iter__(self) -> Iterator[Frame]:
        for index, pixels in enumerate(self._pictures):
            yield Frame(pixels, index, time.monotonic())
            self._between(index)
        if self._fails is not None:
            raise self._fails

    def close(self) -> None:
        self.closed = True


class Keeping(NullSink):
    """Keeps what it was given, and calls ``on_frame`` with each."""

    def __init__(self, on_frame: Callable[[Frame], object] = lambda frame: None) -> None:
        super().__init__()
        self.kept: list[Frame] = []
        self.on_frame = on_frame

    def write(self, frame: Frame) -> None:
        super().write(frame)
        self.kept.append(frame)
        self.on_frame(frame)


class Watching(Keeping):
    """A sink for people, who give the commands of ``pending``."""

    interactive = True

    def __init__(self, on_frame: Callable[[Frame], object] = lambda frame: None) -> None:
        super().__init__(on_frame)
        self.pending: list[str] = []

    def poll(self) -> list[str]:
        commands, self.pending = self.pending, []
        return commands


def open_identity(style: StyleFile, size: tuple[int, int]) -> Stylizer:
    return Stylizer(style, size, engine="identity")


def open_real(style: StyleFile, size: tuple[int, int]) -> Stylizer:
    return Stylizer(style, size, engine="onnxruntime")


@dataclass
class Rig:
    """Everything round a loop; ``run`` runs it and closes it."""

    styles: tuple[StyleFile, ...]
    source: Source
    sinks: list[Sink] = field(default_factory=lambda: [Keeping()])
    settings: Settings = field(default_factory=Settings)
    open_stylizer: Callable[[StyleFile, tuple[int, int]], Stylizer] = open_identity
    folder: Path = Path()
    record: Path | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    told: list[str] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    painter: Callable[[EnginePool], Painter] = Painter

    def __post_init__(self) -> None:
        self.controls = LiveControls([s.card.name for s in self.styles], self.settings, self.stop)
        self.notices = Notices(self.told.append, time.monotonic)
        self.paint = self.painter(EnginePool(self.styles, self.open_stylizer, self.notices.tell))
        self.recorder = Recorder(self.folder, self.stop, self.told.append, record=self.record)
        self.loop = LiveLoop(
            self.source, self.paint, self.sinks, self.controls, self.notices, self.recorder,
            stop=self.stop, on_shown=self.shown.append, warmup=0,
        )  # fmt: skip

    def run(self) -> LiveReport:
        try:
            self.paint.prepare(self.source.info.size, self.controls.settings)
            for sink in self.sinks:
                sink.open(sink_info(self.source.info))
            return self.loop.run()
        finally:
            self.source.close()
            self.paint.close()
