"""One segment of encoded pictures in a file: written whole or not at all, checked by a checksum.

Layout: ``MAGIC``; the stream header's length and bytes; per packet pts, dts, key flag, the lengths of its
data and of its alpha, and both; at the end a record of the packets' count and the CRC-32 of everything
before it. Little-endian. A format of our own because a container would round times or forget colours, and
this one is a page.
"""

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.common.atomic_files import replacing, sync_folder
from pipeline.common.errors import OutputError
from pipeline.video.writing.frame_encoder import EncodedPacket

MAGIC = b"BRUSHSTREAM SEGMENT 2\n"
_LENGTH = struct.Struct("<I")
_PACKET = struct.Struct("<qqBII")  # pts, dts, kind, length of data and of alpha
_END = struct.Struct("<qqBII")  # packets, 0, _END_KIND, CRC-32, 0
_NO_DTS = -(1 << 63)
_KEY, _NOT_KEY, _END_KIND = 1, 0, 2
_CHUNK = 1 << 20


@dataclass(frozen=True)
class SegmentFacts:
    """What the writer found out: to be kept in the journal.

    Attributes:
        packets: pictures in the file.
        delay: how many pictures decoding runs ahead of showing, at most.
        size_bytes, crc: of the whole file.
    """

    packets: int
    delay: int
    size_bytes: int
    crc: int


class SegmentWriter:
    """Writes ``path`` under a temporary name; it is there after ``finish``, whole and on the disk."""

    def __init__(self, path: Path, header: bytes) -> None:
        """Create the file; ``header`` is the encoder's extradata. Raises OSError."""
        self.path = path
        self._temporary = path.with_suffix(".tmp")
        self._file: BinaryIO = self._temporary.open("wb", buffering=_CHUNK)
        self._crc = self._size = 0
        self._times: list[int] = []
        self._put(MAGIC + _LENGTH.pack(len(header)) + header)

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)

    def add(self, packets: Iterable[EncodedPacket]) -> None:
        """Append packets in decoding order. Raises OSError, disk full for example."""
        for packet in packets:
            dts = _NO_DTS if packet.dts is None else packet.dts
            lengths = len(packet.data), len(packet.alpha)
            head = _PACKET.pack(packet.pts, dts, int(packet.is_key), *lengths)
            self._put(head + packet.data + packet.alpha)
            self._times.append(packet.pts)

    def finish(self) -> SegmentFacts:
        """Write the end, force everything to the disk, give the file its name. Raises OSError."""
        self._put(_END.pack(len(self._times), 0, _END_KIND, self._crc, 0))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self.path)
        sync_folder(self.path.parent)
        return SegmentFacts(len(self._times), reorder_delay(self._times), self._size, self._crc)

    def discard(self) -> None:
        """Close and remove what was written; after ``finish`` nothing happens."""
        try:
            self._file.close()
        except OSError:
            return  # the disk is full: what could not be written is thrown away anyway
        finally:
            self._temporary.unlink(missing_ok=True)


def reorder_delay(times: list[int]) -> int:
    """How many places a picture stands behind its rank in showing order, at most; 0 without B-frames."""
    ranks = {pts: rank for rank, pts in enumerate(sorted(times))}
    return max((place - ranks[pts] for place, pts in enumerate(times)), default=0)


def install(path: Path, data: bytes) -> None:
    """Put a segment that was made elsewhere under its name, whole and on the disk. Raises OSError."""
    with replacing(path) as part:
        part.write_bytes(data)


def read_header(path: Path) -> bytes:
    """The encoder's extradata."""
    with path.open("rb") as file:
        return _header(path, file)


def _header(path: Path, file: BinaryIO) -> bytes:
    if file.read(len(MAGIC)) != MAGIC:
        raise damaged(path)
    (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
    return file.read(length)


def read_packets(path: Path) -> Iterator[EncodedPacket]:
    """The packets in decoding order, one in memory at a time. Raises OutputError for a damaged file."""
    with path.open("rb") as file:
        _header(path, file)
        for pts, dts, kind, length, beside in _records(path, file):
            data, alpha = file.read(length), file.read(beside)
            yield EncodedPacket(data, pts, None if dts == _NO_DTS else dts, kind == _KEY, alpha=alpha)


def read_times(path: Path) -> list[int]:
    """Every picture's pts in ticks, in decoding order; the pictures themselves stay unread."""
    with path.open("rb") as file:
        _header(path, file)
        times = []
        for pts, _, _, length, beside in _records(path, file):
            times.append(pts)
            file.seek(length + beside, os.SEEK_CUR)
        return times


def _records(path: Path, file: BinaryIO) -> Iterator[tuple[int, int, int, int, int]]:
    while True:
        record = file.read(_PACKET.size)
        if len(record) < _PACKET.size:
            raise damaged(path)
        pts, dts, kind, length, beside = _PACKET.unpack(record)
        if kind == _END_KIND:
            return
        yield pts, dts, kind, length, beside


def damaged(path: Path) -> OutputError:
    """The error for a segment that is not what was written."""
    return OutputError(f"the segment {path} is damaged: the disk lost it; run again with --no-resume")


def file_crc(path: Path) -> int:
    """CRC-32 of a whole file, read piece by piece."""
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            crc = zlib.crc32(chunk, crc)
    return crc
