"""The contract of a source that has an end, exact times, and can be read from the middle."""

import zlib
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipeline.frame import Frame, Pixels
from pipeline.stream import Source
from pipeline.video.picture_format import NO_RATE, PictureFormat


@dataclass(frozen=True)
class Position:
    """A frame that was read before.

    Attributes:
        index: its number.
        pts: seconds in the media's own time, None where it has no times.
        crc: of its pixels, by which it is known again; None where nobody looked.
    """

    index: int
    pts: Fraction | None
    crc: int | None = None


class MediaSource(Source):
    """Frames of a file or folder.

    Attributes:
        pictures: what the frames have in common, for a copy.
        start: pts of the first frame.
        end: seconds of the media's own time at which its pictures end, None where it does not say.
        notes: lines the user should know.
        even_fps: frames come at this even rate instead of their own times; None where they keep them.
        numbers: of the pictures of a sequence, as their names have them; empty where there are none.
    """

    pictures: PictureFormat
    start: Fraction
    end: Fraction | None
    notes: list[str]
    numbers: Sequence[int] = ()
    even_fps: Fraction | None = None

    @abstractmethod
    def skip_to(
        self,
        position: Position,
        lead_in_s: Fraction = Fraction(0),
        on_lead_in: Callable[[Frame], None] | None = None,
    ) -> None:
        """Let the iteration begin with the frame after ``position``. Call before iterating.

        Args:
            lead_in_s: frames up to so many seconds before ``position`` and itself are shown to
                ``on_lead_in``, in order.

        Raises:
            InputError: there is no such frame, or it looks different: the input was changed.
        """

    @property
    def transparent(self) -> bool:
        """Whether a picture that was read can be seen through."""
        return self.pictures.seen_through

    def last_end(self, begin: Fraction) -> Fraction:
        """Seconds at which the last picture ends, which begins at ``begin``."""
        return begin + 1 / (self.info.rate or NO_RATE)

    def damage_so_far(self) -> str | None:
        """One line on damage met up to here, for a reader that stops before the end; None without any."""
        return self.damage


def pixels_crc(pixels: Pixels) -> int:
    """CRC-32 of a frame's bytes."""
    return zlib.crc32(pixels.data)
