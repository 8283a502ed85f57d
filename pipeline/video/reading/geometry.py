"""How decoded pictures become upright ones of one size: cut, scaled, framed in black, turned."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.video.frame import VideoFrame

from pipeline.video.color import VideoColor, to_bgr
from pipeline.video.frame_filter import Filters
from pipeline.video.reading.clean_aperture import Aperture


@dataclass(frozen=True)
class Geometry:
    """Of one file, by its first picture.

    Attributes:
        coded: (height, width) of the first picture as it is decoded.
        aperture: the part of it that is shown, None for all.
        quarter_turns: anticlockwise, that make it upright.
        size: (height, width) of the upright result.
        aspect: width : height of one pixel of the result.
    """

    coded: tuple[int, int]
    aperture: Aperture | None
    quarter_turns: int
    size: tuple[int, int]
    aspect: Fraction

    @classmethod
    def of(
        cls,
        first: VideoFrame,
        aspect: Fraction,
        aperture: Aperture | None = None,
        size: tuple[int, int] | None = None,
        square: bool = False,
    ) -> "Geometry":
        """Settle the result.

        Args:
            aspect: width : height of one decoded pixel. The picture's shown shape stays, whatever ``size``.
            size: (height, width) that is asked for; of pixels that are square it may change the shape.
            square: the pixels of the result must be square, so that its longer side grows.
        """
        coded, turns = (first.height, first.width), round(first.rotation / 90) % 4
        shown = (aperture.height, aperture.width) if aperture else coded
        if turns % 2:
            shown, aspect = shown[::-1], 1 / aspect
        if size and aspect != 1:
            aspect *= Fraction(shown[1] * size[0], shown[0] * size[1])
        height, width = size or shown
        if square and aspect != 1:
            if aspect > 1:
                width = round(width * aspect)
            else:
                height = round(height / aspect)
            aspect = Fraction(1)
        return cls(coded, aperture, turns, (height, width), aspect.limit_denominator(1000))

    def notes(self, aspect: Fraction) -> list[str]:
        """A line for each thing that was done to the picture's shape; ``aspect`` is of a decoded pixel."""
        notes, (height, width) = [], self.size
        if self.aperture:
            cut = f"{self.aperture.width}x{self.aperture.height}"
            notes.append(f"only {cut} of {self.coded[1]}x{self.coded[0]} is meant to be shown, and was kept")
        own = 1 / aspect if self.quarter_turns % 2 else aspect
        if self.aspect == own:
            return notes
        now = "square" if self.aspect == 1 else f"{self.aspect.numerator}:{self.aspect.denominator}"
        was = f"{own.numerator}:{own.denominator}"
        return [*notes, f"pixels of {was} became {now}, the picture {width}x{height}: its shape stays"]

    def filters(self, color: VideoColor, decoded: VideoFrame, tone_map: Path | None) -> Filters:
        """What makes a decoded picture BGR, not turned yet; one of another size is framed in black."""
        height, width = self.size[::-1] if self.quarter_turns % 2 else self.size
        shape = (decoded.height, decoded.width)
        if shape != self.coded:
            share = min(Fraction(height, shape[0]), Fraction(width, shape[1]))
            inner = max(1, round(shape[0] * share)), max(1, round(shape[1] * share))
            return [
                *to_bgr(color, decoded, inner, tone_map),
                ("pad", f"{width}:{height}:(ow-iw)/2:(oh-ih)/2"),
            ]
        cut = self.aperture
        if cut is None:
            return to_bgr(color, decoded, (height, width), tone_map)
        whole = to_bgr(color, decoded, shape, tone_map)
        scale = f"w={width}:h={height}:flags=bicubic+accurate_rnd"
        return [*whole, ("crop", f"{cut.width}:{cut.height}:{cut.left}:{cut.top}"), ("scale", scale)]
