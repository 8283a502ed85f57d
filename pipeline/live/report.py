"""What the live loop tells of a frame that people saw, and of a whole run."""

from dataclasses import dataclass

from pipeline.common.latency import LatencyReport
from pipeline.live.recorder import Kept

STAGES = ("capture", "wait", "stylize", "hand over", "show")


@dataclass(frozen=True)
class Shown:
    """One frame that people saw.

    Attributes:
        index: of the source; gaps are dropped frames.
        due_at: when it was captured, or due to be, on the monotonic clock.
        shown_at: when every sink had it.
        stages: seconds in each of STAGES.
    """

    index: int
    due_at: float
    shown_at: float
    stages: dict[str, float]


@dataclass(frozen=True)
class LiveReport:
    """What a live run was.

    Attributes:
        latency: capture to shown, stage by stage; warm-up apart.
        seconds: it lasted.
        dropped: frames that came and nobody saw: replaced by newer ones, or lost before the reader.
        cpu_s: processor seconds of this process meanwhile, over all cores.
        cores: cores it might use.
        interrupted: ended by the stop event rather than by the source's end or the quit command.
        kept: recordings.
        damage: one line where the source broke before its end.
    """

    latency: LatencyReport
    seconds: float
    dropped: int
    cpu_s: float
    cores: int
    interrupted: bool
    kept: tuple[Kept, ...]
    damage: str | None = None

    @property
    def cpu_share(self) -> float:
        """Of all cores' time, 0..1."""
        return self.cpu_s / (self.seconds * self.cores) if self.seconds > 0 else 0.0
