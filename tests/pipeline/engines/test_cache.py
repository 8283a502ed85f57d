"""The cache: whole entries or none, one builder at a time, and nothing that stops a run."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.common.atomic_files import part_path
from pipeline.engines import cache

KEY = {"style": "abc", "size": [480, 640]}
CONTENT = bytes(range(256)) * 40
BUILD = """
import sys, time
from pathlib import Path
from pipeline.common.atomic_files import part_path
from pipeline.engines import cache
log, seconds = Path(sys.argv[1]), float(sys.argv[2])

def build():
    with log.open("a") as file:
        file.write("built\\n")
    time.sleep(seconds)
    return b"engine" * 1000, {"layers": 3}

entry = cache.get_or_build("trt", {"style": "abc"}, build)
assert entry.content == b"engine" * 1000 and entry.facts == {"layers": 3}
print(entry.note or "kept")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("BRUSHSTREAM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def started(*arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", BUILD, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]") -> str:
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return said.strip()


def wait_for(path: Path) -> None:
    until = time.monotonic() + 30
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert path.exists()


def built_once() -> tuple[list[int], Any]:
    calls: list[int] = []

    def build() -> tuple[bytes, Mapping[str, Any]]:
        calls.append(1)
        return CONTENT, {"parity": 0.2}

    return calls, build


def test_an_entry_is_built_once_and_read_afterwards(folder: Path) -> None:
    calls, build = built_once()
    first = cache.get_or_build("trt", KEY, build)
    again = cache.get_or_build("trt", dict(reversed(KEY.items())), build)
    assert (first.fresh, again.fresh, calls) == (True, False, [1])
    assert (again.content, again.facts, again.note) == (CONTENT, {"parity": 0.2}, None)
    assert not list(folder.rglob("*.part*"))


@pytest.mark.parametrize("change", [{"style": "abd"}, {"size": [480, 644]}, {"driver": "1"}])
def test_a_changed_key_is_another_entry(folder: Path, change: dict[str, object]) -> None:
    cache.write_entry("trt", KEY, CONTENT, {})
    assert cache.read_entry("trt", {**KEY, **change}) is None
    assert cache.read_entry("int8", KEY) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:-1],
        lambda raw: raw[: len(raw) // 2],
        lambda raw: b"",
        lambda raw: raw[:-100] + bytes(100),
        lambda raw: raw.replace(b'"facts"', b'"fakts"', 1)[:60],
        lambda raw: b"some other file" + raw,
        lambda raw: cache.MAGIC + b"[]\n" + CONTENT,
        lambda raw: raw.replace(b"[480, 640]", b"[480, 648]", 1),
    ],
    ids=["byte", "half", "empty", "zeroed", "head", "foreign", "list", "other-key"],
)
def test_a_damaged_entry_is_built_again(folder: Path, damage: Any) -> None:
    calls, build = built_once()
    cache.get_or_build("trt", KEY, build)
    path = cache.entry_path("trt", KEY)
    path.write_bytes(damage(path.read_bytes()))
    assert cache.read_entry("trt", KEY) is None
    assert cache.get_or_build("trt", KEY, build).content == CONTENT
    assert len(calls) == 2
    assert cache.read_entry("trt", KEY) is not None


def test_a_build_that_fails_leaves_nothing_and_no_lock(folder: Path) -> None:
    def fail() -> tuple[bytes, Mapping[str, Any]]:
        raise ValueError("no memory")

    with pytest.raises(ValueError, match="no memory"):
        cache.get_or_build("trt", KEY, fail)
    _, build = built_once()
    assert cache.get_or_build("trt", KEY, build).fresh


def test_a_folder_that_cannot_be_made_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BRUSHSTREAM_CACHE", str(tmp_path / "file" / "cache"))
    calls, build = built_once()
    for _ in range(2):
        entry = cache.get_or_build("trt", KEY, build)
        assert entry.content == CONTENT
        assert "cannot be written" in (entry.note or "")
    assert cache.rebuild("trt", KEY, build).fresh
    assert len(calls) == 3


def test_an_entry_of_no_use_is_built_again_though_it_is_whole(folder: Path) -> None:
    cache.write_entry("trt", KEY, b"an engine that this version cannot load", {})
    calls, build = built_once()
    assert cache.get_or_build("trt", KEY, build).content != CONTENT
    assert cache.rebuild("trt", KEY, build).content == CONTENT
    assert calls == [1]
    kept = cache.read_entry("trt", KEY)
    assert kept is not None
    assert kept.content == CONTENT


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit on a process")
def test_a_full_disk_is_a_note_and_leaves_no_part(folder: Path) -> None:
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from pipeline.engines import cache\n"
        "entry = cache.get_or_build('trt', {'a': 1}, lambda: (bytes(5000), {}))\n"
        "assert len(entry.content) == 5000\n"
        "print(entry.note)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "cannot be written (File too large)" in done.stdout
    assert [path.suffix for path in folder.iterdir()] == [".lock"]


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can become a user without rights"
)
def test_a_folder_that_may_only_be_read_is_read_and_a_note() -> None:
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from pipeline.engines import cache\n"
        "kept = cache.get_or_build('trt', {'a': 1}, lambda: (b'kept', {}))\n"
        "cache.cache_folder().chmod(0o555)\n"
        "os.setuid(65534)\n"
        "again = cache.get_or_build('trt', {'a': 1}, lambda: sys.exit('built again'))\n"
        "other = cache.get_or_build('trt', {'a': 2}, lambda: (b'other', {}))\n"
        "assert cache.rebuild('trt', {'a': 1}, lambda: (b'anew', {})).content == b'anew'\n"
        "print(again.content, again.fresh, again.note, other.content, other.fresh, other.note)\n"
        "print(sorted(path.suffix for path in cache.cache_folder().iterdir()))"
    )
    with tempfile.TemporaryDirectory() as parent:  # pytest's own folders are closed to other users
        Path(parent).chmod(0o755)
        environment = {**os.environ, "BRUSHSTREAM_CACHE": f"{parent}/cache"}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("b'kept' False None b'other' True the cache ")
    assert "cannot be written (Permission denied); it is built at every start" in first
    assert second == "['', '.lock']"


def test_two_processes_build_one_engine_once(folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    processes = [started(log, 0.5) for _ in range(3)]
    assert [ended(process) for process in processes] == ["kept"] * 3
    assert log.read_text() == "built\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_build_is_done_again_by_the_one_who_waits(folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    killed = started(log, 60)
    wait_for(log)
    waiting = started(log, 0)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=30)
    assert ended(waiting) == "kept"
    assert log.read_text() == "built\n" * 2


def test_what_a_killed_writer_left_is_swept_away(folder: Path) -> None:
    path = cache.entry_path("trt", KEY)
    path.parent.mkdir()
    left = part_path(path)
    left.write_bytes(cache.MAGIC + b"half an en")
    _, build = built_once()
    assert cache.get_or_build("trt", KEY, build).fresh
    assert not left.exists()


def test_waiting_can_be_given_up(folder: Path, tmp_path: Path) -> None:
    def give_up() -> None:
        raise InterruptedError

    with cache.locked(cache.entry_path("trt", KEY)), pytest.raises(InterruptedError):
        cache.get_or_build("trt", KEY, built_once()[1], on_wait=give_up)
