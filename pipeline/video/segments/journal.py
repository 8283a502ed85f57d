"""The journal beside an output: which segments are done, so that the same command can go on.

One line a record, JSON and its checksum, forced to the disk before the job goes on. The first line is
the job itself: everything that shapes the result. A line that is torn (power loss) ends the journal there.
"""

import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from filelock import BaseFileLock

from pipeline.common.atomic_files import beside, replacing
from pipeline.common.closeable import Closeable
from pipeline.common.errors import OutputError
from pipeline.common.file_locks import try_lock

_NAME = "journal.jsonl"
FORMAT = 2


@dataclass(frozen=True)
class SegmentRecord:
    """One whole segment.

    Attributes:
        number: counts from 0; the file is ``segment_path(number)``.
        first_index, frames: which output frames are in it.
        last_pts: seconds of its last frame in the source's time, None where the source has no times.
        last_ticks: the same frame's pts in the output's ticks.
        source_crc: CRC-32 of that frame's source pixels, by which a later run knows that it stands at the
            same place; None where nobody looked.
        delay, size_bytes, crc: see ``segment_file.SegmentFacts``.
        damage: one line where the input was damaged on the way to its last frame.
    """

    number: int
    first_index: int
    frames: int
    last_pts: Fraction | None
    last_ticks: int
    source_crc: int | None
    delay: int
    size_bytes: int
    crc: int
    damage: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it stands in the journal: the exact seconds are written as a fraction."""
        return {**asdict(self), "last_pts": None if self.last_pts is None else str(self.last_pts)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "SegmentRecord":
        """Inverse of ``to_json``."""
        pts = None if raw["last_pts"] is None else Fraction(raw["last_pts"])
        return cls(**{**raw, "last_pts": pts})


def work_folder(output: Path) -> Path:
    """The hidden folder beside ``output`` in which a job keeps its segments until the output is whole."""
    return beside(output, ".", ".work")


class Journal(Closeable):
    """The work folder of one output, held by one process at a time.

    Attributes:
        folder: where the segments are.
        records: the whole segments, in order, without gaps.
        notes: a line where earlier work could not be used.
    """

    def __init__(
        self,
        output: Path,
        job: Mapping[str, Any],
        *,
        resume: bool = True,
        is_whole: Callable[[Path, SegmentRecord], bool] | None = None,
    ) -> None:
        """Open or begin the work for ``output``.

        Args:
            job: everything that shapes the result, as JSON values; work of another job is thrown away.
            resume: False throws away what is there.
            is_whole: looks at a segment's file; the journal ends before the first that is not whole.

        Raises:
            OutputError: another process works on this output, or the folder cannot be written.
        """
        self.folder = work_folder(output)
        self.records: list[SegmentRecord] = []
        self.notes: list[str] = []
        self._output = output
        self._file: BinaryIO | None = None
        self._job = {"format": FORMAT, "job": dict(job)}
        try:
            self.folder.mkdir(exist_ok=True)
            self._lock = _lock(self.folder / "lock", output)
            self._take_over(resume, is_whole)
        except OSError as error:
            raise OutputError(
                f"the work folder {self.folder} cannot be written ({error.strerror or error}); "
                "free the disk or choose another output"
            ) from error

    def segment_path(self, number: int) -> Path:
        """The file of a segment."""
        return self.folder / f"{number:06d}.segment"

    def _take_over(self, resume: bool, is_whole: Callable[[Path, SegmentRecord], bool] | None) -> None:
        lines = list(_lines(self.folder / _NAME)) if resume else []
        if lines and lines[0] != self._job:
            self.notes.append(f"unfinished work is started again: {_difference(lines[0], self._job)}")
            lines = []
        for record in map(SegmentRecord.from_json, lines[1:]):
            path = self.segment_path(record.number)
            if record.number != len(self.records) or (is_whole and not is_whole(path, record)):
                break
            self.records.append(record)
        self._rewrite()
        self._remove_others()

    def _rewrite(self) -> None:
        """Begin a journal of what is whole, under a temporary name first."""
        lines = (_line(content) for content in (self._job, *(r.to_json() for r in self.records)))
        with replacing(self.folder / _NAME) as part:
            part.write_bytes(b"".join(lines))
        self._file = (self.folder / _NAME).open("ab")

    def _remove_others(self) -> None:
        kept = {_NAME, "lock", *(self.segment_path(r.number).name for r in self.records)}
        for path in self.folder.iterdir():
            if path.name not in kept:
                path.unlink()

    def append(self, record: SegmentRecord) -> None:
        """Write down a segment whose file is whole. Raises OSError."""
        assert self._file is not None
        self._file.write(_line(record.to_json()))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.records.append(record)

    @property
    def frames(self) -> int:
        """Output frames that are done."""
        return sum(record.frames for record in self.records)

    @property
    def damage(self) -> str | None:
        """What is known of damage to the input, from the last segment that met any."""
        return next((record.damage for record in reversed(self.records) if record.damage), None)

    def remove(self) -> None:
        """Throw the work away: the output is there, or nothing was done."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=False)

    def close(self) -> None:
        """Let go of the folder; without one whole segment it is removed. Closing twice is no error."""
        if self._file is None:
            return
        self._file.close()
        self._file = None
        self._lock.release()
        if not self.records:
            shutil.rmtree(self.folder)


def unfinished_frames(output: Path) -> int:
    """Frames that earlier work for ``output`` left done; 0 without any. Looks at the journal alone."""
    return sum(int(line["frames"]) for line in list(_lines(work_folder(output) / _NAME))[1:])


def _line(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, sort_keys=True).encode()
    return b"%s\t%08x\n" % (text, zlib.crc32(text))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_bytes().split(b"\n"):
        text, _, crc = line.partition(b"\t")
        if crc != b"%08x" % zlib.crc32(text):
            return
        yield json.loads(text)


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    old, new = before.get("job", {}), now["job"]
    changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    return f"{', '.join(changed) or 'its format'} changed since"


def _lock(path: Path, output: Path) -> BaseFileLock:
    lock = try_lock(path)
    if lock is None:
        raise OutputError(f"another brushstream works on {output}; wait for it or choose another output")
    return lock
