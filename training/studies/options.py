"""What a study may be told."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.common.errors import TrainingError


@dataclass(frozen=True)
class StudyOptions:
    """Settings of a study; each study uses those that concern it.

    Attributes:
        marks: numbers of steps after which pictures are shown, rising; empty takes the study's own. A
            study that shows one picture a render takes the last.
        seeds, ratios (alpha/beta), gammas (TV weight): what is compared.
        layers: for the two reconstructions; empty takes those of the literature that the weights have.
        checkpoint: the network of the feed-forward study.
    """

    marks: tuple[int, ...] = ()
    seeds: tuple[int, ...] = (0, 1, 2)
    ratios: tuple[float, ...] = (0.1, 0.03, 0.01, 0.003, 0.001)
    gammas: tuple[float, ...] = (0.0, 10.0, 100.0)
    layers: tuple[str, ...] = ()
    vgg_weights: Path | None = None
    checkpoint: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what no study could show; TrainingError says what was expected."""
        if any(mark < 1 for mark in self.marks) or list(self.marks) != sorted(set(self.marks)):
            raise TrainingError(
                f"--iterations {self.marks}: rising numbers from 1 on were expected, 10,30,100 for example"
            )
        if any(ratio <= 0 for ratio in self.ratios) or any(gamma < 0 for gamma in self.gammas):
            raise TrainingError(
                f"--ratios {self.ratios}, --gammas {self.gammas}: ratios above 0 and gammas from 0 on were "
                "expected"
            )

    def last_mark(self, usual: int) -> tuple[int]:
        """The last of ``marks``, or ``usual``."""
        return (self.marks[-1] if self.marks else usual,)
