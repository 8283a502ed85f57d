"""The real engines on tiny graphs whose result is known in closed form."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.common import machine
from pipeline.common.errors import EngineError
from pipeline.engines import registry
from pipeline.engines.base import Engine
from pipeline.engines.identity import IdentityEngine
from pipeline.engines.ort import OnnxRuntimeEngine
from pipeline.engines.ov import OpenVinoEngine
from pipeline.frame import Pixels
from pipeline.style import StyleCard, read_style
from tests.support import make_models

Noise = Callable[[int, int], Pixels]
REAL = [OpenVinoEngine, OnnxRuntimeEngine]


def opened(kind: type[Engine], path: Path, size: tuple[int, int], **options: object) -> Engine:
    return kind(path, read_style(path).card, size, **options)  # type: ignore[arg-type]


def box_mean(frame: Pixels) -> Pixels:
    """The 3x3 mean with zeros outside, rounded half up."""
    height, width = frame.shape[:2]
    padded = np.pad(frame.astype(np.float64), ((1, 1), (1, 1), (0, 0)))
    total = sum(padded[y : y + height, x : x + width] for y in range(3) for x in range(3))
    return np.floor(np.asarray(total) / 9 + 0.5).astype(np.uint8)


@pytest.mark.parametrize("kind", REAL)
@pytest.mark.parametrize("size", [(64, 64), (4, 8), (48, 132)])
def test_inverts_exactly(
    kind: type[Engine], size: tuple[int, int], styles_folder: Path, noise: Noise
) -> None:
    frame = noise(*size)
    with opened(kind, styles_folder / "invert.onnx", size, precision="fp32") as engine:
        np.testing.assert_array_equal(engine.infer(frame), 255 - frame)


@pytest.mark.parametrize("kind", REAL)
def test_convolves_rows_and_columns_in_their_order(
    kind: type[Engine], styles_folder: Path, noise: Noise
) -> None:
    frame = noise(24, 40)
    with opened(kind, styles_folder / "blur.onnx", (24, 40), precision="fp32") as engine:
        difference = np.abs(engine.infer(frame).astype(int) - box_mean(frame))
    assert difference.max() <= 1
    assert difference.mean() < 0.01


@pytest.mark.parametrize("kind", [*REAL, IdentityEngine])
def test_the_result_is_the_callers_own(kind: type[Engine], styles_folder: Path, noise: Noise) -> None:
    first, second = noise(64, 64), noise(64, 64) // 2
    kept = first.copy()
    with opened(kind, styles_folder / "invert.onnx", (64, 64)) as engine:
        a = engine.infer(first)
        before = a.copy()
        b = engine.infer(second)
        np.testing.assert_array_equal(a, before)
        a[:] = 0
        np.testing.assert_array_equal(engine.infer(second), b)
    np.testing.assert_array_equal(first, kept)
    assert b.flags.c_contiguous
    assert not np.shares_memory(b, second)
    np.testing.assert_array_equal(b.copy(), b)  # still readable after close


@pytest.mark.parametrize("kind", REAL)
def test_frames_with_strides_and_read_only_frames_are_taken(
    kind: type[Engine], styles_folder: Path, noise: Noise
) -> None:
    wide = noise(64, 128)
    view = wide[:, ::2]
    view.flags.writeable = False
    with opened(kind, styles_folder / "invert.onnx", (64, 64), precision="fp32") as engine:
        np.testing.assert_array_equal(engine.infer(view), 255 - view)


@pytest.mark.parametrize("kind", REAL)
def test_controls_take_their_default_and_a_value(
    kind: type[Engine], styles_folder: Path, noise: Noise
) -> None:
    frame = noise(16, 16) // 2 * 2
    with opened(kind, styles_folder / "dim.onnx", (16, 16), precision="fp32") as engine:
        np.testing.assert_array_equal(engine.infer(frame), frame)
        half = engine.infer(frame, {"level": np.array([0.5], np.float32)})
        np.testing.assert_array_equal(half, frame // 2)
        np.testing.assert_array_equal(engine.infer(frame), frame)
        with pytest.raises(EngineError, match="has controls"):
            engine.infer(frame, {"brightness": np.array([0.5], np.float32)})


@pytest.mark.parametrize("kind", REAL)
def test_an_operator_nobody_knows_is_one_line(kind: type[Engine], tmp_path: Path) -> None:
    path = make_models.broken_operator(tmp_path / "broken.onnx")
    with pytest.raises(EngineError, match="NoSuchOperator") as caught:
        opened(kind, path, (64, 64))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", REAL)
def test_a_file_of_garbage_is_one_line(kind: type[Engine], tmp_path: Path) -> None:
    path = tmp_path / "garbage.onnx"
    path.write_bytes(b"garbage" * 50)
    with pytest.raises(EngineError, match="cannot open") as caught:
        kind(path, StyleCard("garbage"), (64, 64))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", REAL)
def test_a_graph_that_returns_another_size_is_refused(
    kind: type[Engine], tmp_path: Path, noise: Noise
) -> None:
    path = make_models.halved(tmp_path / "halved.onnx")
    with pytest.raises(EngineError), opened(kind, path, (64, 64)) as engine:
        engine.infer(noise(64, 64))


@pytest.mark.parametrize("kind", [*REAL, IdentityEngine])
def test_wrong_frames_and_closed_engines_are_refused(
    kind: type[Engine], styles_folder: Path, noise: Noise
) -> None:
    engine = opened(kind, styles_folder / "invert.onnx", (64, 64))
    with pytest.raises(EngineError, match="was opened for uint8"):
        engine.infer(noise(64, 68))
    with pytest.raises(EngineError, match="float32"):
        engine.infer(noise(64, 64).astype(np.float32))  # type: ignore[arg-type]
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="is closed"):
        engine.infer(noise(64, 64))


def test_sizes_off_the_multiple_are_refused(styles_folder: Path) -> None:
    with pytest.raises(EngineError, match="multiples of 4, got 62x64"):
        opened(OnnxRuntimeEngine, styles_folder / "invert.onnx", (64, 62))


@pytest.mark.parametrize(
    ("kind", "precision"), [(OpenVinoEngine, "fp16"), (OnnxRuntimeEngine, "bf16"), (IdentityEngine, "fp32")]
)
def test_a_precision_an_engine_lacks_is_refused(
    kind: type[Engine], precision: str, styles_folder: Path
) -> None:
    with pytest.raises(EngineError, match=precision):
        opened(kind, styles_folder / "invert.onnx", (64, 64), precision=precision)


def test_openvino_takes_bf16_only_from_a_cpu_that_has_it(
    styles_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "cpu_features", lambda: ("avx2",))
    path = styles_folder / "invert.onnx"
    with opened(OpenVinoEngine, path, (64, 64)) as engine:
        assert engine.info.precision == "fp32"
    with pytest.raises(EngineError, match="needs a CPU with amx_bf16 or avx512_bf16"):
        opened(OpenVinoEngine, path, (64, 64), precision="bf16")


@pytest.mark.parametrize("name", [name for name in registry.ENGINES if name != "identity"])
def test_every_engine_tells_what_runs(name: str, styles_folder: Path) -> None:
    if (reason := registry.why_unavailable(name)) is not None:
        pytest.skip(reason)
    with opened(registry.load_engine(name), styles_folder / "invert.onnx", (64, 64)) as engine:
        assert engine.info.engine == name == engine.name
        assert engine.info.version[0].isdecimal()
        assert str(engine.info) == (
            f"{name} {engine.info.version}, {engine.info.device}, {engine.info.precision}"
        )
