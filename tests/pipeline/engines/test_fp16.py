"""The float16 rewriting: the same picture, nothing that overflows, norms in float32."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from pipeline.common.errors import EngineError
from pipeline.engines.ort import OnnxRuntimeEngine
from pipeline.engines.parity import LIMITS, ParityReport, compare
from pipeline.engines.parity_check import check_frames
from pipeline.engines.tensorrt import fp16
from pipeline.style import read_style
from tests.support import make_models

SIZE = (64, 96)


def parity_of_half(path: Path, tmp_path: Path) -> tuple[ParityReport, tuple[fp16.Rescaled, ...]]:
    """The rewritten graph against the style itself, both in ONNX Runtime."""
    content, rescaled = fp16.typed_graph(path, SIZE, fp16=True)
    rewritten = tmp_path / "fp16.onnx"
    rewritten.write_bytes(content)
    card = read_style(path).card
    with OnnxRuntimeEngine(rewritten, card, SIZE) as a, OnnxRuntimeEngine(path, card, SIZE) as b:
        frames = check_frames(SIZE)
        return compare(a.infer, b.infer, frames, names=("half", "float"), limits=LIMITS["fp16"]), rescaled


def test_a_rewritten_graph_shows_the_same_picture(tmp_path: Path) -> None:
    report, rescaled = parity_of_half(make_models.normed(tmp_path / "normed.onnx"), tmp_path)
    assert report.passed, str(report)
    assert report.mean > 0  # it did run in another precision
    assert not rescaled


@pytest.mark.parametrize("gain", [100.0, 300.0])
def test_what_would_overflow_is_rescaled_exactly(tmp_path: Path, gain: float) -> None:
    path = make_models.normed(tmp_path / "loud.onnx", gain=gain)
    report, (shrunk,) = parity_of_half(path, tmp_path)
    assert report.passed, str(report)
    assert shrunk.output == "features"
    assert shrunk.bound * shrunk.factor <= fp16.ROOM < 2 * shrunk.bound * shrunk.factor
    assert np.log2(shrunk.factor) == round(np.log2(shrunk.factor))


def test_without_rescaling_the_picture_would_be_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_models.normed(tmp_path / "loud.onnx", gain=1e4)
    monkeypatch.setattr(fp16, "rescale", lambda model, controls: ())
    report, _ = parity_of_half(path, tmp_path)
    assert not report.passed


def test_scaling_a_norms_input_and_its_epsilon_changes_nothing(tmp_path: Path) -> None:
    """IN(a x) with epsilon a^2 e equals IN(x) with e, checked on the float32 graph."""
    path = make_models.normed(tmp_path / "loud.onnx", gain=1e4)
    model = onnx.load(path)
    assert fp16.rescale(model, {})
    scaled = tmp_path / "scaled.onnx"
    onnx.save(model, scaled)
    card = read_style(path).card
    with OnnxRuntimeEngine(scaled, card, SIZE) as a, OnnxRuntimeEngine(path, card, SIZE) as b:
        for frame in check_frames(SIZE):
            assert np.abs(a.infer(frame).astype(int) - b.infer(frame)).max() <= 1


def test_bodies_are_half_and_norms_are_float(tmp_path: Path) -> None:
    content, _ = fp16.typed_graph(make_models.normed(tmp_path / "normed.onnx"), SIZE, fp16=True)
    graph = onnx.load_from_string(content).graph
    types = {w.name: w.data_type for w in graph.initializer}
    assert {types[name] for name in ("w1", "b1", "w2", "b2", "half", "low", "high")} == {TensorProto.FLOAT16}
    assert {types[name] for name in ("scale", "shift")} == {TensorProto.FLOAT}
    inferred = onnx.shape_inference.infer_shapes(onnx.load_from_string(content), strict_mode=True).graph
    kinds = {v.name: v.type.tensor_type.elem_type for v in inferred.value_info}
    norm = next(n for n in graph.node if n.op_type == "InstanceNormalization")
    assert (kinds[norm.input[0]], kinds[norm.output[0]]) == (TensorProto.FLOAT, TensorProto.FLOAT)
    assert kinds["features"] == kinds["normal"] == kinds["result"] == TensorProto.FLOAT16


def test_the_size_is_pinned(tmp_path: Path) -> None:
    content, _ = fp16.typed_graph(make_models.invert(tmp_path / "invert.onnx"), SIZE, fp16=False)
    model = onnx.load_from_string(content)
    for value in (*model.graph.input, *model.graph.output):
        assert [d.dim_value for d in value.type.tensor_type.shape.dim] == [1, *SIZE, 3]
        assert value.type.tensor_type.elem_type == TensorProto.UINT8


@pytest.mark.parametrize("make", [make_models.invert, make_models.blur, make_models.dim])
def test_tiny_styles_survive(make: Callable[[Path], Path], tmp_path: Path) -> None:
    report, _ = parity_of_half(make(tmp_path / "tiny.onnx"), tmp_path)
    assert report.passed, str(report)


def test_a_value_no_norm_follows_is_refused_with_its_bound(tmp_path: Path) -> None:
    path = make_models.blur(tmp_path / "blur.onnx")
    model = onnx.load(path)
    kernel = next(w for w in model.graph.initializer if w.name == "kernel")
    kernel.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(kernel) * np.float32(1e3), "kernel"))
    onnx.save(model, path)
    with pytest.raises(EngineError, match=r"'result' of Conv could reach 2\.55e\+05.*take --precision fp32"):
        fp16.typed_graph(path, SIZE, fp16=True)


def test_bounds_hold_for_every_frame(tmp_path: Path) -> None:
    """The bound of the first convolution against the worst frame there is: each weight's own sign."""
    rng = np.random.default_rng(0)
    path = make_models.normed(tmp_path / "normed.onnx", gain=100.0)
    model = onnx.load(path)
    weights = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}
    (shrunk,) = fp16.rescale(model, {})
    for _ in range(50):
        patch = rng.integers(0, 2, (3, 3, 3)) * 255.0
        sums = np.tensordot(weights["w1"], patch, 3) + weights["b1"]
        assert np.abs(sums).max() <= shrunk.bound


def test_an_unknown_operator_is_refused(tmp_path: Path) -> None:
    path = make_models.broken_operator(tmp_path / "broken.onnx")
    with pytest.raises(EngineError, match=r"NoSuchOperator .* not known to the float16 rewriting"):
        fp16.typed_graph(path, SIZE, fp16=True)
