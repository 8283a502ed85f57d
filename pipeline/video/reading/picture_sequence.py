"""A sequence of pictures as a video: a folder of them, or a pattern such as ``shot/%06d.png``."""

import itertools
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from pipeline.common.errors import InputError, InputNotFoundError
from pipeline.frame import Frame
from pipeline.images.color_profiles import holds_alpha
from pipeline.images.reading import READABLE, Picture, list_images, natural_key, read_picture
from pipeline.images.resizing import resize
from pipeline.images.writing import WITH_ALPHA
from pipeline.stream import StreamInfo
from pipeline.video.picture_format import NO_RATE, PictureFormat
from pipeline.video.reading.media import MediaSource, Position

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".vob",
    ".wmv", ".flv", ".3gp", ".ogv", ".mxf", ".gif", ".dv", ".y4m",
)  # fmt: skip
"""File extensions taken from a folder; a file named directly may have any."""

_NUMBER = re.compile(r"%(?:0?\d+)?d(?=\.[^.%]+$)")  # right before the extension
_LAST_DIGITS = re.compile(r"(\d+)\D*$")
_GAPS_TOLD = 3


class PictureSequenceSource(MediaSource):
    """Pictures of one size in the order of their numbers, ``rate`` a second. See ``MediaSource``.

    A picture that cannot be read breaks the sequence off there: ``damage`` says which.
    """

    def __init__(self, path: Path, size: tuple[int, int] | None = None, rate: Fraction | None = None) -> None:
        """Find the pictures and read the first; frames are scaled to ``size`` where it is given.

        Raises:
            InputNotFoundError: no such folder, or nothing fits the pattern.
            InputError: the first picture cannot be read.
        """
        self._paths = sequence_paths(path)
        self._size = size
        self._path = path
        first = read_picture(self._paths[0])
        self.info = StreamInfo(size or first.pixels.shape[:2], rate or NO_RATE, len(self._paths))
        self._transparent = first.transparent
        self.pictures = replace(
            PictureFormat.of(self.info),
            alpha=any(p.suffix.lower() in WITH_ALPHA and holds_alpha(p) for p in self._paths),
            seen_through=first.transparent,
        )
        self.start, self.end = Fraction(0), None
        self.numbers = _numbers(self._paths)
        self.notes = [
            *_gap_notes(self.numbers),
            *(f"{self._paths[0].name}: {note}" for note in first.notes),
            *_shape_notes(first, size),
        ]
        self._next = 0

    def __iter__(self) -> Iterator[Frame]:
        while self._next < len(self._paths):
            try:
                frame = self._frame(self._next)
            except InputError as error:
                self.damage = f"the sequence broke off after {self._next} pictures: {error}"
                return
            self._next += 1
            yield frame

    def _frame(self, index: int) -> Frame:
        picture = read_picture(self._paths[index])
        self._transparent |= picture.transparent
        pixels = resize(picture.pixels, self._size)
        alpha = None if picture.alpha is None else resize(picture.alpha, self._size)
        if pixels.shape[:2] != self.info.size:
            (height, width), (tall, wide) = pixels.shape[:2], self.info.size
            raise InputError(
                f"{self._paths[index]} has {width}x{height}, {wide}x{tall} was wanted; use --size"
            )
        assert self.info.rate is not None
        return Frame(pixels, index, time.monotonic(), index / self.info.rate, alpha)

    @property
    def transparent(self) -> bool:
        """See ``MediaSource``."""
        return self._transparent

    def skip_to(
        self,
        position: Position,
        lead_in_s: Fraction = Fraction(0),
        on_lead_in: Callable[[Frame], None] | None = None,
    ) -> None:
        """See ``MediaSource``; the pictures' names stand for their content."""
        assert self.info.rate is not None
        self._next = position.index + 1
        first = max(0, self._next - 1 - int(lead_in_s * self.info.rate))
        if on_lead_in is not None and lead_in_s:
            for index in range(first, self._next):
                on_lead_in(self._frame(index))


def _shape_notes(picture: Picture, size: tuple[int, int] | None) -> list[str]:
    """A line where ``size`` is of another shape than the picture, by more than a pixel's rounding."""
    (height, width), (tall, wide) = picture.pixels.shape[:2], size or picture.pixels.shape[:2]
    if abs(width * tall / height - wide) < 1 or abs(height * wide / width - tall) < 1:
        return []
    return [f"pictures of {width}x{height} were pressed into {wide}x{tall}, as --size asks"]


def is_picture_pattern(path: Path) -> bool:
    """Whether ``path`` names numbered pictures, read or written: ``%06d.png`` for example.

    Only a number right before the extension counts, and only where no file has that very name.
    """
    return _NUMBER.search(path.name) is not None and not path.is_file()


def numbered(pattern: Path, number: int) -> str:
    """The name of one picture of a pattern."""
    return _NUMBER.sub(lambda found: found.group() % number, pattern.name)


def name_without_number(path: Path) -> str:
    """The stem of a file, or of a pattern what stands before its number."""
    stem = _NUMBER.split(path.name)[0].rstrip("-_.") if is_picture_pattern(path) else path.stem
    return stem or path.resolve().parent.name


def is_picture_sequence(path: Path) -> bool:
    """Whether ``path`` is a pattern with a number, or a folder that holds pictures and no videos."""
    if is_picture_pattern(path):
        return True
    if not path.is_dir():
        return False
    suffixes = {entry.suffix.lower() for entry in path.iterdir() if not entry.name.startswith(".")}
    return bool(suffixes & set(READABLE)) and not suffixes & set(VIDEO_SUFFIXES)


def _numbers(paths: Sequence[Path]) -> Sequence[int]:
    """The last number in each name where every picture has one of its own, rising; else none."""
    found = [_LAST_DIGITS.search(path.stem) for path in paths]
    numbers = [int(match.group(1)) for match in found if match is not None]
    rising = all(before < after for before, after in itertools.pairwise(numbers))
    return numbers if len(numbers) == len(paths) and rising else ()


def _gap_notes(numbers: Sequence[int]) -> list[str]:
    """A line where numbers are missing between the first and the last."""
    gaps = [(a + 1, b - 1) for a, b in itertools.pairwise(numbers) if b > a + 1]
    if not gaps:
        return []
    told = ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in gaps[:_GAPS_TOLD])
    more = f" and {len(gaps) - _GAPS_TOLD} more gaps" if len(gaps) > _GAPS_TOLD else ""
    return [f"no picture has the number {told}{more}: the pictures beside a gap follow each other in time"]


def sequence_paths(path: Path) -> list[Path]:
    """The pictures in the order of their numbers. Raises InputError as ``PictureSequenceSource``."""
    if path.is_dir():
        return list_images([path])
    before, after = _NUMBER.split(path.name)
    fits = re.compile(re.escape(before) + r"\d+" + re.escape(after))
    folder = path.parent
    found = [entry for entry in folder.iterdir() if fits.fullmatch(entry.name)] if folder.is_dir() else []
    if not found:
        raise InputNotFoundError(f"no picture is called {path} with a number for its %d; check the name")
    return sorted(found, key=natural_key)
