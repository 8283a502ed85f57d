"""A file that gets its name only when it is whole."""

import errno
import os
import secrets
from pathlib import Path
from typing import BinaryIO

from pipeline.common.errors import OutputError


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
        self.part_path = path.with_name(f".{path.stem[:100]}.{secrets.token_hex(4)}.part{path.suffix}")
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


_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def check_target(path: Path, overwrite: bool) -> None:
    """Raise OutputError unless a file may be written at ``path``."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder, a file name was wanted; add a name, {path / 'out.mp4'} say")
    if not path.parent.is_dir():
        raise OutputError(f"the folder {path.parent} does not exist; create it or choose another output")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} is already there; choose another name or add --overwrite")


def write_error(path: Path, error: OSError) -> OutputError:
    """Translate an operating system's refusal to write ``path`` into one line with what to do."""
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
