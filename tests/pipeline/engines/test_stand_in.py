"""A faster engine takes over between two frames; failure and closing leave the first one whole."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.common.errors import EngineError
from pipeline.engines import registry
from pipeline.engines.base import Engine, Precision
from pipeline.engines.identity import IdentityEngine
from pipeline.engines.ort import OnnxRuntimeEngine
from pipeline.engines.ov import OpenVinoEngine
from pipeline.engines.registry import EngineAdapter
from pipeline.engines.stand_in import Prepare, SwappingEngine, build_in_a_process, run_until
from pipeline.style import StyleCard, StyleFile
from pipeline.stylize.stylizer import Stylizer
from tests.support import make_models

SIZE = (64, 64)
LOAD = registry.load_engine
FRAME = np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8)


class SlowToOpen(OnnxRuntimeEngine):
    """An engine that is never built beforehand."""

    name = "slow"

    @classmethod
    def opens_at_once(
        cls, style_path: Path, card: StyleCard, size: tuple[int, int], precision: Precision | None
    ) -> bool:
        return False


def identity(style: StyleFile) -> Engine:
    return IdentityEngine(style.path, style.card, SIZE)


def waiting() -> tuple[threading.Event, Prepare]:
    """An event, and a preparation that lasts until it is set."""
    go = threading.Event()

    def stay(stop: threading.Event) -> None:
        go.wait(30)

    return go, stay


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    assert condition()


def test_the_second_takes_over_when_it_is_ready(invert_style: StyleFile) -> None:
    go, stay = waiting()
    second = OnnxRuntimeEngine(invert_style.path, invert_style.card, SIZE)
    with SwappingEngine(identity(invert_style), "slow", stay, lambda: second) as engine:
        np.testing.assert_array_equal(engine.infer(FRAME), FRAME)
        assert engine.note == "slow is being built"
        assert engine.info.engine == "identity"
        go.set()
        until(lambda: engine._prepared is not None)
        np.testing.assert_array_equal(engine.infer(FRAME), 255 - FRAME)
        assert (engine.info.engine, engine.note) == ("onnxruntime", "")
    with pytest.raises(EngineError, match="closed"):
        second.infer(FRAME)


def test_frames_in_flight_come_from_the_engine_that_took_them(invert_style: StyleFile) -> None:
    first = OpenVinoEngine(invert_style.path, invert_style.card, SIZE, "fp32", in_flight=2)
    go, stay = waiting()
    with SwappingEngine(first, "slow", stay, lambda: identity(invert_style)) as engine:
        assert engine.slots == 2
        engine.submit(FRAME)
        go.set()
        until(lambda: engine._prepared is not None)
        assert engine.slots == 1  # so that a loop collects before it submits again
        np.testing.assert_array_equal(engine.collect(), 255 - FRAME)
        engine.submit(FRAME)
        np.testing.assert_array_equal(engine.collect(), FRAME)


def test_a_failed_build_keeps_the_first_and_says_why(invert_style: StyleFile) -> None:
    def fail(stop: threading.Event) -> None:
        raise EngineError("no memory left on the GPU")

    with SwappingEngine(identity(invert_style), "slow", fail, lambda: identity(invert_style)) as engine:
        until(lambda: not engine._thread.is_alive())
        np.testing.assert_array_equal(engine.infer(FRAME), FRAME)
        assert engine.note == "slow: no memory left on the GPU"


def test_closing_ends_a_build_that_runs(invert_style: StyleFile) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    engine = SwappingEngine(
        identity(invert_style), "slow", lambda stop: run_until(command, stop), lambda: pytest.fail("opened")
    )
    started = time.monotonic()
    engine.close()
    assert time.monotonic() - started < 30
    with pytest.raises(EngineError, match="closed"):
        engine.infer(FRAME)


def test_closing_closes_a_second_that_never_ran(invert_style: StyleFile) -> None:
    second = identity(invert_style)
    engine = SwappingEngine(identity(invert_style), "slow", lambda stop: None, lambda: second)
    until(lambda: engine._prepared is not None)
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        second.infer(FRAME)


def test_a_build_process_that_fails_tells_its_last_line(tmp_path: Path) -> None:
    path = make_models.broken_operator(tmp_path / "broken.onnx")
    prepare = build_in_a_process("onnxruntime", str(path), SIZE, None)
    with pytest.raises(EngineError, match="NoSuchOperator"):
        prepare(threading.Event())


def test_a_build_process_that_dies_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    with pytest.raises(EngineError, match="ended with code -9"):
        run_until(command, threading.Event())


def test_auto_stands_in_and_a_named_engine_does_not(
    invert_style: StyleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, stay = waiting()
    slow = EngineAdapter(f"{__name__}:SlowToOpen", auto=True)
    monkeypatch.setattr(registry, "ENGINES", {"slow": slow, **registry.ENGINES})
    monkeypatch.setattr(registry, "load_engine", lambda name: SlowToOpen if name == "slow" else LOAD(name))
    monkeypatch.setattr("pipeline.engines.opening.build_in_a_process", lambda *_: stay)
    with Stylizer(invert_style, SIZE, engine="slow") as named:
        assert not isinstance(named.engine, SwappingEngine)
    with Stylizer(invert_style, SIZE) as waits:
        assert not isinstance(waits.engine, SwappingEngine)
    with Stylizer(invert_style, SIZE, stand_in=True) as stylizer:
        assert isinstance(stylizer.engine, SwappingEngine)
        assert stylizer.info.engine == "openvino"
        assert np.abs(stylizer(FRAME).astype(int) - (255 - FRAME)).max() <= 1
        go.set()
        until(lambda: stylizer.engine._prepared is not None)  # type: ignore[attr-defined]
        np.testing.assert_array_equal(stylizer(FRAME), 255 - FRAME)
        assert stylizer.describe().startswith("onnxruntime")
