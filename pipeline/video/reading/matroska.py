"""What Matroska and WebM files tell of their own end (RFC 9559; EBML: RFC 8794)."""

import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
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
