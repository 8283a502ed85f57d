"""Fixtures for every test: nothing is left behind, tiny styles, and the shared data where there is any."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores; a thread more each would only wait
    os.environ["OMP_NUM_THREADS"] = "1"  # of torch, which reads it when it is imported

sys.path.insert(0, str(Path(__file__).parent.parent))  # tests.support and the scripts are not installed

import cv2  # noqa: F401 - sets variables of Qt when first imported, which no test should be blamed for

from pipeline.frame import Pixels
from pipeline.style import StyleFile, read_style
from tests.support import make_models

NOT_OURS = {"PYTEST_CURRENT_TEST", "TORCHINDUCTOR_CACHE_DIR", "SVT_LOG"}
"""Set by pytest, by torch's ONNX exporter and by our encoders for the rest of the process."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what it runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # commands under test would ignore it too


@pytest.fixture(autouse=True)
def _leaves_no_thread() -> Iterator[None]:
    """Fail a test after which a non-daemon thread, or one of Brushstream's own, still runs."""
    before = set(threading.enumerate())
    yield
    left = [t.name for t in set(threading.enumerate()) - before if t.is_alive() and counts(t)]
    assert not left, f"threads left running: {left}"


def counts(thread: threading.Thread) -> bool:
    """Whether a thread that outlives its test is a fault."""
    return not thread.daemon or thread.name.startswith("brushstream")


@pytest.fixture(autouse=True)
def _leaves_environment() -> Iterator[None]:
    """Fail a test that leaves an environment variable changed; ``monkeypatch`` puts them back."""
    before = dict(os.environ)
    yield
    after = dict(os.environ)
    changed = {name for name in {*before, *after} - NOT_OURS if before.get(name) != after.get(name)}
    assert not changed, f"environment variables left changed: {sorted(changed)}"


@pytest.fixture(autouse=True)
def _own_user_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own styles must not decide a test."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setattr("pipeline.style.user_folder", lambda: folder / "styles")


@pytest.fixture(scope="session", autouse=True)
def _own_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What engines keep between runs stays among the tests, whose processes inherit it."""
    before = os.environ.get("BRUSHSTREAM_CACHE")
    os.environ["BRUSHSTREAM_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["BRUSHSTREAM_CACHE"]
    else:
        os.environ["BRUSHSTREAM_CACHE"] = before


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder named by BRUSHSTREAM_DATA, with photos, paintings, clips and weights."""
    folder = os.environ.get("BRUSHSTREAM_DATA")
    if not folder:
        pytest.skip("BRUSHSTREAM_DATA names no folder with clips, photos and weights")
    if not Path(folder).is_dir():
        pytest.fail(f"BRUSHSTREAM_DATA names {folder}, which is no folder")
    return Path(folder)


StyleMaker = Callable[..., Path]


@pytest.fixture(scope="session")
def styles_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny styles ``invert``, ``blur`` and ``dim``."""
    folder = tmp_path_factory.mktemp("styles")
    make_models.invert(folder / "invert.onnx")
    make_models.blur(folder / "blur.onnx")
    make_models.dim(folder / "dim.onnx")
    return folder


@pytest.fixture
def invert_style(styles_folder: Path) -> StyleFile:
    """255 - frame."""
    return read_style(styles_folder / "invert.onnx")


@pytest.fixture
def noise() -> Callable[[int, int], Pixels]:
    """(height, width) -> a seeded random frame."""

    def draw(height: int, width: int) -> Pixels:
        return np.random.default_rng(height * 7919 + width).integers(0, 256, (height, width, 3), np.uint8)

    return draw
