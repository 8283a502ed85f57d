"""Locks between processes, on every system."""

from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout


def try_lock(path: Path) -> BaseFileLock | None:
    """Hold the lock file ``path``, which is made where it is missing; None where another holds it.

    The system lets go of it however this process ends; ``release()`` gives it back before.

    Raises:
        OSError: the file cannot be made or opened.
    """
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock
