"""The part of its pictures an MP4 or MOV file wants shown (``clap``, ISO/IEC 14496-12, 12.1.4)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

_TO_ENTRIES = (b"mdia", b"minf", b"stbl", b"stsd")
_STSD_HEAD, _VISUAL_HEAD = 8, 78  # bytes before the first box inside


@dataclass(frozen=True)
class Aperture:
    """A rectangle of whole pixels in a picture as it is coded."""

    top: int
    left: int
    height: int
    width: int


def clean_aperture(path: Path, track: int, size: tuple[int, int]) -> Aperture | None:
    """What track number ``track`` wants shown of its pictures of ``size``; None where it is all of them."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        movies = _inside(file, 0, end, b"moov")
        tracks = [box for movie in movies for box in _inside(file, *movie, b"trak")]
        boxes = tracks[track : track + 1]
        for name in _TO_ENTRIES:
            boxes = [inner for box in boxes for inner in _inside(file, *box, name)]
        for begin, end in boxes:
            for _, entry, entry_end in _boxes(file, begin + _STSD_HEAD, end):
                for clap, _ in _inside(file, entry + _VISUAL_HEAD, entry_end, b"clap"):
                    return _rectangle(file, clap, size)
    return None


def _rectangle(file: BinaryIO, begin: int, size: tuple[int, int]) -> Aperture | None:
    file.seek(begin)
    numbers = struct.unpack(">8i", file.read(32))
    if not all(numbers[1::2]):
        return None
    width, height, right, down = (Fraction(*numbers[n : n + 2]) for n in (0, 2, 4, 6))
    top, left = round((size[0] - height) / 2 + down), round((size[1] - width) / 2 + right)
    found = Aperture(top, left, round(height), round(width))
    fits = top >= 0 and left >= 0 and top + found.height <= size[0] and left + found.width <= size[1]
    whole = (found.height, found.width) == size
    return found if fits and not whole and found.height > 0 and found.width > 0 else None


def _inside(file: BinaryIO, begin: int, end: int, name: bytes) -> list[tuple[int, int]]:
    return [(content, stop) for kind, content, stop in _boxes(file, begin, end) if kind == name]


def _boxes(file: BinaryIO, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, where the content begins, where it ends) of the boxes between two places."""
    while begin + 8 <= end:
        file.seek(begin)
        size, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            size, head = struct.unpack(">Q", file.read(8))[0], 16
        stop = begin + size if size else end
        if (size and size < head) or stop > end:
            return
        yield kind, begin + head, stop
        begin = stop
