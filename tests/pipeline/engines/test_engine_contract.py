"""One contract for every engine on every device that is here; what is not here is skipped with its reason."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.common import machine
from pipeline.common.errors import EngineError, StyleError
from pipeline.engines import registry
from pipeline.engines.base import Engine, Precision
from pipeline.frame import Pixels
from pipeline.style import StyleCard, read_style
from tests.support.make_int8 import with_int8

Noise = Callable[[int, int], Pixels]
SIZE = (64, 96)
CASES: list[tuple[str, str | None, Precision | None]] = [
    ("identity", None, None),
    ("onnxruntime", None, None),
    ("onnxruntime", "CUDA", None),
    ("onnxruntime", "CoreML", None),
    ("onnxruntime", "DirectML", None),
    ("openvino", None, "fp32"),
    ("openvino", None, "bf16"),
    ("openvino", None, "int8"),
    ("openvino", "GPU", None),
    ("openvino", "NPU", None),
    ("tensorrt", None, "fp16"),
    ("tensorrt", None, "fp32"),
]


def case_id(case: tuple[str, str | None, Precision | None]) -> str:
    return "-".join(part for part in case if part)


def marked(case: tuple[str, str | None, Precision | None]) -> object:
    on_gpu = case[0] == "tensorrt" or case[1] in ("CUDA", "DirectML")
    return pytest.param(case, id=case_id(case), marks=[pytest.mark.gpu] if on_gpu else [])


Open = Callable[..., Engine]


@pytest.fixture(params=[marked(case) for case in CASES])
def open_engine(request: pytest.FixtureRequest, styles_folder: Path, tmp_path: Path) -> Iterator[Open]:
    """Opens the case's engine on ``invert`` or another tiny style; all are closed at the end."""
    name, device, precision = request.param
    if (reason := registry.why_unavailable(name)) is not None:
        pytest.skip(reason)
    kind, opened = registry.load_engine(name), []

    def open_it(style: str = "invert", size: tuple[int, int] = SIZE, **options: int) -> Engine:
        path = styles_folder / f"{style}.onnx"
        if precision == "int8" and path.exists():
            path = with_int8(path, tmp_path / path.name)
        card = read_style(path).card if path.exists() else StyleCard(style)
        try:
            engine = kind(path, card, size, precision, device=device, **options)
        except EngineError as error:
            absent = device is not None or "needs a CPU with" in str(error)
            if absent and "multiples" not in str(error):
                pytest.skip(str(error))
            raise
        opened.append(engine)
        return engine

    yield open_it
    for engine in opened:
        engine.close()


def expected(engine: Engine, frame: Pixels) -> Pixels:
    return frame if engine.name == "identity" else 255 - frame


def tolerance(engine: Engine) -> int:
    return {"fp32": 0, "int8": 3}.get(engine.info.precision, 1)


def assert_shows(engine: Engine, result: Pixels, frame: Pixels) -> None:
    assert np.abs(result.astype(int) - expected(engine, frame)).max() <= tolerance(engine)


def test_shape_type_and_picture(open_engine: Open, noise: Noise) -> None:
    engine, frame = open_engine(), noise(*SIZE)
    result = engine.infer(frame)
    assert (result.shape, result.dtype, result.flags.c_contiguous) == (frame.shape, np.uint8, True)
    assert_shows(engine, result, frame)


def test_names_of_engine_version_device_and_precision(open_engine: Open) -> None:
    engine = open_engine()
    assert engine.info.engine == engine.name
    assert engine.info.version[0].isdecimal()
    assert engine.info.precision in ("fp32", "bf16", "fp16", "int8")
    assert str(engine.info).startswith(f"{engine.name} {engine.info.version}, {engine.info.device}, ")


def test_the_frame_is_only_read_and_the_result_is_the_callers(open_engine: Open, noise: Noise) -> None:
    engine, frame = open_engine(), noise(*SIZE)
    before = frame.copy()
    frame.flags.writeable = False
    first = engine.infer(frame)
    kept = first.copy()
    second = engine.infer(np.zeros_like(frame))
    assert not np.shares_memory(first, second)
    assert not np.shares_memory(first, frame)
    second[:] = 7
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(frame, before)
    engine.close()
    np.testing.assert_array_equal(first, kept)


def test_frames_in_flight_keep_their_order(open_engine: Open, noise: Noise) -> None:
    engine = open_engine(in_flight=3)
    frames = [noise(*SIZE) // (index + 1) for index in range(8)]
    results, waiting = [], 0
    for frame in frames:
        if waiting == engine.slots:
            results.append(engine.collect())
            waiting -= 1
        engine.submit(frame)
        waiting += 1
    results += [engine.collect() for _ in range(waiting)]
    for result, frame in zip(results, frames, strict=True):
        assert_shows(engine, result, frame)
    assert_shows(engine, engine.infer(frames[0]), frames[0])


def test_slots_are_counted(open_engine: Open, noise: Noise) -> None:
    engine, frame = open_engine(in_flight=2), noise(*SIZE)
    with pytest.raises(EngineError, match="no frame in flight"):
        engine.collect()
    for _ in range(engine.slots):
        engine.submit(frame)
    with pytest.raises(EngineError, match="all in flight; collect first"):
        engine.submit(frame)
    with pytest.raises(EngineError, match="in flight; collect them first"):
        engine.infer(frame)
    engine.close()  # with frames in flight
    with pytest.raises(EngineError, match="is closed"):
        engine.collect()


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((64, 92, 3), np.uint8),
        np.zeros((96, 64, 3), np.uint8),
        np.zeros((64, 96, 4), np.uint8),
        np.zeros((64, 96), np.uint8),
        np.zeros((64, 96, 3), np.float32),
    ],
    ids=lambda wrong: f"{wrong.dtype}{wrong.shape}",
)
def test_wrong_frames_are_refused(open_engine: Open, wrong: Pixels) -> None:
    engine = open_engine()
    for take in (engine.infer, engine.submit):
        with pytest.raises(EngineError, match=r"opened for uint8 \(H, W, 3\) = \(64, 96, 3\)"):
            take(wrong)


def test_a_closed_engine_says_so(open_engine: Open, noise: Noise) -> None:
    engine = open_engine()
    engine.close()
    engine.close()
    for take in (engine.infer, engine.submit):
        with pytest.raises(EngineError, match="is closed; open a new one"):
            take(noise(*SIZE))


def test_sizes_off_the_multiple_and_missing_files_are_refused(open_engine: Open) -> None:
    with pytest.raises(EngineError, match="multiples of 4"):
        open_engine(size=(64, 94))
    if open_engine().name != "identity":
        with pytest.raises((EngineError, StyleError, OSError)):
            open_engine("no-such-style", size=(64, 96))


def test_devices_that_do_not_exist_are_refused(styles_folder: Path) -> None:
    path = styles_folder / "invert.onnx"
    for name in ("identity", "openvino", "onnxruntime"):
        kind = registry.load_engine(name)
        with pytest.raises(EngineError, match=f"engine {name} has no device 'abacus'"):
            kind(path, read_style(path).card, SIZE, device="abacus")
        with pytest.raises(EngineError, match="at least 1 frame is in flight"):
            kind(path, read_style(path).card, SIZE, in_flight=0)


OPENS = int(os.environ.get("BRUSHSTREAM_TEST_OPENS", "40"))


@pytest.mark.slow
def test_opening_again_and_again_leaks_nothing(open_engine: Open, noise: Noise) -> None:
    """40 times; BRUSHSTREAM_TEST_OPENS=1000 for the long run. Memory may not grow by 0.1 MB an opening."""
    frame = noise(*SIZE)

    def once() -> None:
        engine = open_engine()
        engine.infer(frame)
        engine.close()

    for _ in range(10):  # allocators settle
        once()
    gc.collect()
    before = machine.resident_mb()
    for _ in range(OPENS):
        once()
    gc.collect()
    assert machine.resident_mb() - before < 5 + 0.1 * OPENS
