"""A file that gets its name only when it is whole."""

import errno
import glob
import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.common.errors import BrushstreamError, OutputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden path beside ``path`` to write to, which takes its place, whole and on the disk, at the end.

    Where the block fails, ``path`` stays as it was and nothing is left beside it. Raises OSError.
    """
    part = part_path(path)
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def written(path: Path, *failures: type[Exception]) -> Iterator[Path]:
    """As ``replacing``, for what a person waits for: OSError and ``failures`` end as OutputError."""
    expected: tuple[type[Exception], ...] = (OSError, *failures)
    try:
        with replacing(path) as part:
            yield part
    except expected as error:
        if isinstance(error, BrushstreamError):
            raise
        raise write_error(path, error) from error


def part_path(path: Path) -> Path:
    """A hidden name in the same folder, with the same suffix, that nobody else has."""
    return beside(path, ".", f".{secrets.token_hex(4)}.part{path.suffix}", stem=True)


def part_paths(path: Path) -> list[Path]:
    """Those of ``part_path`` that are there: being written, or left by a process that was killed."""
    mark = "0" * 8
    name = beside(path, ".", f".{mark}.part{path.suffix}", stem=True).name
    before, after = map(glob.escape, name.rsplit(mark, 1))
    return list(path.parent.glob(f"{before}{'[0-9a-f]' * 8}{after}"))


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to the disk, where the system can do that."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class PartFile:
    """A hidden file beside ``path``; ``publish`` gives it the final name, ``discard`` removes it.

    Same folder, so that the renaming is one step and needs no second copy.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        """Create the hidden file.

        Raises:
            OutputError: no such folder, no right to write, or ``path`` is there and ``overwrite`` is not set.
        """
        self.path = path
        self._overwrite = overwrite
        check_target(path, overwrite)
        self.part_path = part_path(path)
        try:
            self.file: BinaryIO = self.part_path.open("xb", buffering=1 << 18)
        except OSError as error:
            raise write_error(path, error) from error

    def publish(self) -> None:
        """Write everything to the disk and rename; raise OutputError, with nothing renamed, if that fails."""
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()
            check_target(self.path, self._overwrite)
            self.part_path.replace(self.path)
        except OSError as error:
            self.discard()
            raise write_error(self.path, error) from error

    def discard(self) -> None:
        """Close and remove the hidden file if it is still there. Twice is no error."""
        try:
            self.file.close()
        except OSError as error:  # what could not be written is thrown away in the next line anyway
            if error.errno not in _NO_ROOM:
                raise
        finally:
            self.part_path.unlink(missing_ok=True)


_LONGEST_NAME_BYTES = 255
"""What nearly every file system allows; where one allows less, the system's own refusal is told."""


def beside(path: Path, before: str, after: str, *, stem: bool = False) -> Path:
    """A neighbour of ``path`` whose name is its own, or its stem, with text before and after it.

    Where that is too long for a file system, a checksum stands for the end of the name, so that it is
    another one for every ``path``, and the same each time.
    """
    name = path.stem if stem else path.name
    if len(os.fsencode(f"{before}{name}{after}")) <= _LONGEST_NAME_BYTES:
        return path.with_name(f"{before}{name}{after}")
    sum_ = f"-{zlib.crc32(os.fsencode(path.name)):08x}"
    room = _LONGEST_NAME_BYTES - len(os.fsencode(f"{before}{sum_}{after}"))
    short = os.fsencode(name)[: max(0, room)].decode(errors="ignore")
    return path.with_name(f"{before}{short}{sum_}{after}")


_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def check_target(path: Path, overwrite: bool) -> None:
    """Raise OutputError unless a file may be written at ``path``."""
    fault = name_fault(path)
    if fault is not None:
        raise OutputError(fault)
    if path.is_dir():
        raise OutputError(f"{path} is a folder, a file name was wanted; add a name, {path / 'out.mp4'} say")
    if not path.parent.is_dir():
        raise OutputError(f"the folder {path.parent} does not exist; create it or choose another output")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} is already there; choose another name or add --overwrite")


def make_folder(folder: Path, *, parents: bool = False) -> None:
    """Make a folder where it is not there; OutputError says why it cannot be."""
    try:
        folder.mkdir(parents=parents, exist_ok=True)
    except FileNotFoundError as error:
        raise OutputError(f"the folder {folder.parent} does not exist; create it") from error
    except FileExistsError as error:
        raise OutputError(f"{folder} is a file, a folder was wanted; choose another output") from error
    except OSError as error:
        raise write_error(folder, error) from error


def name_fault(path: Path) -> str | None:
    """What the system has against a file's name itself, whether there is such a file or not, in one line."""
    try:
        path.lstat()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            return None
        name = max(path.parts, key=lambda part: len(os.fsencode(part)))
        length, short = len(os.fsencode(name)), f"{name[:30]}..."
        return f"the name {short} has {length} bytes, more than the file system allows; choose a shorter one"
    except ValueError as error:
        return f"{str(path)!r} cannot be a file's name ({error}); choose another one"
    return None


def write_error(path: Path, error: Exception) -> OutputError:
    """Translate a refusal to write ``path``, the operating system's or a library's, into one line."""
    if not isinstance(error, OSError):
        return OutputError(f"{path} could not be written ({error}); choose another output")
    if isinstance(error, FileNotFoundError) and not path.parent.is_dir():
        return OutputError(
            f"{path} could not be written: the folder {path.parent} does not exist; create it first"
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            f"the disk is full, {path} was not written; free some space or choose another folder"
        )
    if error.errno == errno.EFBIG:
        return OutputError(
            f"{path} grew larger than the file size allowed here, it was not written; choose another folder"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(f"the folder {path.parent} may not be written to; choose another output")
    return OutputError(f"{path} cannot be written ({error.strerror or error}); choose another output")
