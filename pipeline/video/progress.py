"""Where a run over a file stands, what happens in it, and what it was when it has ended."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

STAGES = ("decode", "stylize", "encode")


@dataclass(frozen=True)
class LoopProgress:
    """Where a running job stands.

    Attributes:
        frames: finished, that is encoded.
        expected: how many there will be, None where the source does not know.
        seconds: since the first frame was asked for.
        resumed: those of ``frames`` that an earlier run had finished.
    """

    frames: int
    expected: int | None
    seconds: float
    resumed: int = 0

    @property
    def fps(self) -> float:
        """Frames a second so far."""
        return (self.frames - self.resumed) / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class Event:
    """Something that happened to one video.

    Attributes:
        kind: ``start``, ``engine``, ``progress``, ``note``, ``done``, ``failed``, ``skipped``, ``stopped``.
        input: the video, as it was named.
        facts: what there is to say of it, as JSON values.
        progress: where the job stands, of kind ``progress``.
    """

    kind: str
    input: str
    facts: Mapping[str, Any]
    progress: LoopProgress | None = None

    @classmethod
    def of_progress(cls, video: str, progress: LoopProgress) -> "Event":
        """Of kind ``progress``."""
        facts = {"frames": progress.frames, "expected": progress.expected, "resumed": progress.resumed}
        return cls("progress", video, {**facts, "fps": round(progress.fps, 2)}, progress)

    def to_json(self) -> dict[str, Any]:
        """As one flat JSON object."""
        return {"event": self.kind, "input": self.input, **self.facts}


Tell = Callable[[Event], None]


@dataclass(frozen=True)
class LoopReport:
    """What a run over a file was.

    Attributes:
        frames: how many reached the sink.
        seconds: from the first read to the sink's end.
        busy_s: seconds each stage worked rather than waited, by STAGES.
        cpu_s: processor seconds of this process meanwhile, over all cores.
        cores: cores it might use.
        interrupted: ended by Ctrl-C or the stop event, before the source's end.
    """

    frames: int
    seconds: float
    busy_s: dict[str, float]
    cpu_s: float
    cores: int
    interrupted: bool

    @property
    def busy_share(self) -> dict[str, float]:
        """Share of the run each resource worked, 0..1: the three stages, and ``cpu`` of all cores.

        The largest is what held the run back.
        """
        if self.seconds <= 0:
            return dict.fromkeys((*STAGES, "cpu"), 0.0)
        shares = {name: busy / self.seconds for name, busy in self.busy_s.items()}
        return {**shares, "cpu": self.cpu_s / (self.seconds * self.cores)}
