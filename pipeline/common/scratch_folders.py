"""Private folders for as long as a piece of work lasts; those that a killed process left are removed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.common.file_locks import try_lock

_PREFIX, _LOCK = ".brushstream-", "lock"


@contextmanager
def scratch_folder(beside: Path | None = None) -> Iterator[Path]:
    """A new hidden folder in ``beside``, or where the system keeps such, removed when the block ends.

    A process that is killed cannot remove its own: whoever makes one in the same place later does.
    Raises OSError where it cannot be made.
    """
    place = beside or Path(tempfile.gettempdir())
    _remove_left(place)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=place) as made:
        lock = try_lock(Path(made) / _LOCK)
        try:
            yield Path(made)
        finally:
            if lock is not None:
                lock.release()


def _remove_left(place: Path) -> None:
    """Folders whose lock nobody holds; one without a lock is being made just now."""
    for folder in place.glob(f"{_PREFIX}*"):
        if not os.access(folder, os.W_OK | os.X_OK) or not (folder / _LOCK).exists():
            continue
        lock = try_lock(folder / _LOCK)
        if lock is not None:
            lock.release()
            shutil.rmtree(folder, ignore_errors=True)
