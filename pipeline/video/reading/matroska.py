"""What Matroska and WebM files tell of their own end and of what is shown (RFC 9559; EBML: RFC 8794)."""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from pipeline.video.reading.clean_aperture import Aperture

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_TRACKS, _TRACK_ENTRY, _VIDEO, _CLUSTER = 0x1654AE6B, 0xAE, 0xE0, 0x1F43B675
_CROPS = {"bottom": 0x54AA, "top": 0x54BB, "left": 0x54CC, "right": 0x54DD}
_TIME = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")


def stream_end(tags: Mapping[str, str]) -> Fraction | None:
    """Seconds at which a stream ends by its tag DURATION (``00:00:15.960000000``); None without one."""
    found = _TIME.fullmatch(tags.get("DURATION", ""))
    if found is None:
        return None
    hours, minutes, seconds = (Fraction(part) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def is_whole(path: Path) -> bool:
    """Whether the file is as long as the size of its segment says; False where it says none."""
    with path.open("rb") as file:
        begin = 0
        while (element := _element(file, begin)) is not None:
            name, content, size = element
            if name == _SEGMENT:
                return size is not None and content + size <= path.stat().st_size
            if name != _EBML or size is None:
                return False
            begin = content + size
    return False


def pixel_crop(path: Path, track: int, size: tuple[int, int]) -> Aperture | None:
    """What track number ``track`` wants shown of its pictures of ``size``; None where it is all of them."""
    with path.open("rb") as file:
        whole = (0, path.stat().st_size)
        segments = _inside(file, whole, _SEGMENT)
        tracks = [found for span in segments for found in _inside(file, span, _TRACKS)]
        entries = [found for span in tracks for found in _inside(file, span, _TRACK_ENTRY)]
        for span in entries[track : track + 1]:
            for video in _inside(file, span, _VIDEO):
                return _cropped({name: _value(file, video, of) for name, of in _CROPS.items()}, size)
    return None


def _cropped(crop: Mapping[str, int], size: tuple[int, int]) -> Aperture | None:
    height, width = size[0] - crop["top"] - crop["bottom"], size[1] - crop["left"] - crop["right"]
    shown = Aperture(crop["top"], crop["left"], height, width)
    return shown if any(crop.values()) and height > 0 and width > 0 else None


def _value(file: BinaryIO, span: tuple[int, int], name: int) -> int:
    """The number in the first element of that name; 0 without one."""
    for begin, end in _inside(file, span, name):
        file.seek(begin)
        return int.from_bytes(file.read(end - begin), "big")
    return 0


def _inside(file: BinaryIO, span: tuple[int, int], name: int) -> Iterator[tuple[int, int]]:
    """(begin, end) of the content of the elements of that name, up to the first cluster of pictures."""
    begin, last = span
    while begin < last and (element := _element(file, begin)) is not None:
        found, content, size = element
        end = last if size is None else content + size
        if found == name:
            yield content, min(end, last)
        if found == _CLUSTER:
            return
        begin = end


def _element(file: BinaryIO, begin: int) -> tuple[int, int, int | None] | None:
    """(identifier, where its content begins, bytes of content or None where unknown) of one element."""
    file.seek(begin)
    name, size = _number(file, keep_mark=True), _number(file, keep_mark=False)
    if name is None or size is None:
        return None
    value, length = size
    return name[0], begin + name[1] + length, None if value == (1 << 7 * length) - 1 else value


def _number(file: BinaryIO, keep_mark: bool) -> tuple[int, int] | None:
    """A number of 1 to 8 bytes, whose leading zero bits tell how many, and that count."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length - 1), "big")
    return value if keep_mark else value - (1 << 7 * length), length
