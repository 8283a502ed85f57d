"""The contract of what segments become, and what is known of a result before its first frame."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from pipeline.common.atomic_files import beside
from pipeline.video.picture_format import PictureFormat
from pipeline.video.segments.segment_encoder import PacketEncoder
from pipeline.video.writing.encoding import Encoding


@dataclass(frozen=True)
class OutputRequest:
    """What is known of a result before its first frame.

    Attributes:
        path: where it goes; for a sequence of pictures a pattern such as ``folder/%06d.png``.
        pictures: as the source has them.
        encoding: codec, quality, threads.
        source: the input, for what goes along with the pictures; None where it holds nothing else.
        shift: seconds added to every time.
        end: seconds of the input's own time at which its pictures end, None where it does not say.
        overwrite: replace what stands at ``path``.
        poured: must be readable from its beginning while it comes.
        numbers: that the pictures of a sequence keep; counted from zero where empty.
    """

    path: Path
    pictures: PictureFormat
    encoding: Encoding = field(default_factory=Encoding)
    source: Path | None = None
    shift: Fraction = Fraction(0)
    end: Fraction | None = None
    overwrite: bool = False
    numbers: Sequence[int] = ()
    poured: bool = False

    def last_shown_s(self, begin: Fraction, whole: bool) -> Fraction:
        """Seconds the last picture stands, from ``begin`` to the pictures' end where that is known.

        Args:
            whole: nothing is missing at the end, neither of the input nor of the work.
        """
        left = (self.end or begin) - begin
        return left if whole and left > 0 else 1 / self.pictures.rate


class OutputAssembler(ABC):
    """Opens the encoders of the segments and makes the result of them.

    Attributes:
        final: the file or folder that appears at the end.
        encoding: of the segments, with nothing left open that shapes them.
        notes: lines the user should know.
        keeps_alpha: what can be seen through stays so.
        damage: one line where what goes along with the pictures is damaged; known after ``build``.
    """

    keeps_alpha: bool = False
    damage: str | None = None
    final: Path
    encoding: Encoding
    notes: list[str]

    @abstractmethod
    def new_encoder(self) -> PacketEncoder:
        """A fresh encoder, for one segment."""

    @abstractmethod
    def rehearse(self) -> None:
        """Try all that decides whether the result can be written, before the first frame; nothing is left.

        Raises:
            OutputError: as ``build`` would after the work.
        """

    @abstractmethod
    def build(self, segments: Sequence[Path], complete: bool, damaged: bool = False) -> Path:
        """Make, check and name the result; a part of it, under ``part_name``, where not complete.

        Args:
            damaged: the source broke off, so that its other tracks may be shorter than it promises.

        Raises:
            OutputError: no space, or the result did not pass its check: nothing has the name then.
        """


def part_name(final: Path) -> Path:
    """Where a stopped job shows what it has: ``clip.partial.mp4`` for ``clip.mp4``."""
    return beside(final, "", f".partial{final.suffix}", stem=True)
