"""What engines keep on disk between runs: built engines, parity verdicts.

One file an entry: a magic line, a line of JSON (what it was built from, and the content's sha256), the
content. An entry is written under another name and moved into place, so it is whole or not there; it is
checked whenever it is read, and one that is damaged is removed and built again. Two processes that want
the same entry at once wait for each other through a lock that the system drops with its owner, so a
killed build leaves nothing that has to be cleaned up by hand.

Where the folder cannot be written (read-only, full), everything is built anew at every start, and one
line in the notes says so. Nothing here ever stops a run.

The folder is ``brushstream`` among the user's caches, or the one named by BRUSHSTREAM_CACHE. Entries are
never trusted across machines: their keys name the versions, the device and the style's own sha256.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from pipeline.common.atomic_files import part_paths, replacing
from pipeline.common.file_locks import try_lock

MAGIC = b"brushstream cache 1\n"
LOOK_EVERY_S = 0.1
Key = Mapping[str, object]


@dataclass(frozen=True)
class CacheEntry:
    """One entry as it was read or built.

    Attributes:
        content: the bytes.
        facts: what was learned while building it (parity, precision of its layers), plain JSON values.
        fresh: it was built now rather than read.
        note: one line why it could not be kept, None where all is well.
    """

    content: bytes
    facts: dict[str, Any]
    fresh: bool = False
    note: str | None = None


def cache_folder() -> Path:
    """Where entries are kept. It need not exist."""
    chosen = os.environ.get("BRUSHSTREAM_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("brushstream", appauthor=False))


def file_digest(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def entry_path(kind: str, key: Key) -> Path:
    """The file of an entry: its kind, then 32 hex digits of the sha256 of its key."""
    text = json.dumps(key, sort_keys=True, default=str)
    return cache_folder() / f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def read_entry(kind: str, key: Key) -> CacheEntry | None:
    """The entry of that key; None where there is none, or one that is damaged or has another key."""
    try:
        raw = entry_path(kind, key).read_bytes()
    except OSError:  # not there, or not to be read: it is built
        return None
    return _parsed(raw, key)


def _parsed(raw: bytes, key: Key) -> CacheEntry | None:
    if not raw.startswith(MAGIC):
        return None
    head, newline, content = raw[len(MAGIC) :].partition(b"\n")
    try:
        about = json.loads(head)
    except ValueError:
        return None
    whole = newline and isinstance(about, dict) and about.get("key") == _plain(key)
    if not whole or about.get("sha256") != hashlib.sha256(content).hexdigest():
        return None
    return CacheEntry(content, about.get("facts", {}))


def _plain(key: Key) -> Any:
    return json.loads(json.dumps(key, default=str))


def write_entry(kind: str, key: Key, content: bytes, facts: Mapping[str, Any]) -> str | None:
    """Keep an entry, whole or not at all; one line why it could not be kept, else None."""
    about = {"key": _plain(key), "facts": dict(facts), "sha256": hashlib.sha256(content).hexdigest()}
    head = json.dumps(about).encode()
    path = entry_path(kind, key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            part.write_bytes(MAGIC + head + b"\n" + content)
    except OSError as error:
        return f"the cache {path.parent} cannot be written ({error.strerror}); it is built at every start"
    return None


def rebuild(kind: str, key: Key, build: Callable[[], tuple[bytes, Mapping[str, Any]]]) -> CacheEntry:
    """Build an entry whatever is kept: that turned out to be of no use, and perhaps cannot be removed."""
    with locked(entry_path(kind, key)):
        _remove(entry_path(kind, key))
        return _built(kind, key, build)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # it cannot be removed where it cannot be written either; readers check what they read
        return


def get_or_build(
    kind: str,
    key: Key,
    build: Callable[[], tuple[bytes, Mapping[str, Any]]],
    on_wait: Callable[[], None] | None = None,
) -> CacheEntry:
    """Read an entry, or build and keep it; of several processes one builds and the others wait.

    Args:
        build: returns content and facts; called at most once.
        on_wait: called about ten times a second while another process builds; may raise to give up.
    """
    found = read_entry(kind, key)
    if found is not None:
        return found
    with locked(entry_path(kind, key), on_wait):
        found = read_entry(kind, key)  # the one that held the lock may have built it
        if found is not None:
            return found
        return _built(kind, key, build)


def _built(kind: str, key: Key, build: Callable[[], tuple[bytes, Mapping[str, Any]]]) -> CacheEntry:
    content, facts = build()
    _remove_parts(entry_path(kind, key))
    return CacheEntry(content, dict(facts), True, write_entry(kind, key, content, facts))


def _remove_parts(path: Path) -> None:
    """What killed processes left of this entry; only the holder of the lock may call this."""
    for part in part_paths(path):
        _remove(part)


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock beside ``path``; without one where the folder cannot be written."""
    lock_path = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = try_lock(lock_path)
    except OSError:
        yield
        return
    while lock is None:
        if on_wait is not None:
            on_wait()
        time.sleep(LOOK_EVERY_S)
        lock = try_lock(lock_path)
    try:
        yield
    finally:
        lock.release()
