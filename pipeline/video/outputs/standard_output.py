"""A finished video onto standard output, for the program behind a pipe."""

import os
import shutil
from pathlib import Path

from pipeline.common.errors import OutputError
from pipeline.video.reading.spooling import STANDARD

_DESCRIPTOR = 1
_CHUNK = 1 << 20
STREAMABLE = ("mkv", "webm", "mp4", "mov", "gif")
"""Containers that can be read from their beginning while they come; MP4 and MOV in fragments."""


def is_standard_output(path: Path) -> bool:
    """Whether ``path`` stands for standard output."""
    return str(path) == STANDARD


def check_standard_output(container: str) -> None:
    """Raise OutputError for a container that cannot be streamed, and where a terminal would get it."""
    if container not in STREAMABLE:
        raise OutputError(f"{container!r} is no format that can be streamed; choose {', '.join(STREAMABLE)}")
    if os.isatty(_DESCRIPTOR):
        raise OutputError("standard output is a terminal, which shows no video; pipe it on, or name a file")


def pour(path: Path) -> None:
    """Write a whole file to standard output. Raises OutputError where its reader is gone or the disk full."""
    try:
        with path.open("rb") as file, os.fdopen(os.dup(_DESCRIPTOR), "wb") as out:
            shutil.copyfileobj(file, out, _CHUNK)
    except BrokenPipeError as error:
        raise OutputError("the program behind the pipe ended before it had read the whole video") from error
    except OSError as error:
        raise OutputError(f"standard output cannot be written ({error.strerror}); free the disk") from error
