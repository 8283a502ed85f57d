"""A style's graph for TensorRT: one frame size, and float16 written into the graph itself.

TensorRT 11 has no switch for precision: a network computes in the types its ONNX names. So the body is
rewritten to float16, and the norms stay float32 islands between two Casts.

Float16 ends at 65504. Two measures keep every value inside it, for any frame:

* A bound on the absolute value of every tensor is carried through the graph: 255 enters, a convolution
  multiplies by the sum of its absolute weights, a norm starts anew at ``|scale| * SIGMAS + |bias|``.
* Where the convolution before a norm could pass ``ROOM``, its weights and bias are multiplied by a power
  of two ``a`` and the norm's epsilon by ``a**2``. Exact, since with v the variance
  (a x - a m) / sqrt(a**2 v + a**2 eps) = (x - m) / sqrt(v + eps), and powers of two lose no digit.

Anything else that could pass LARGEST is refused with its name and bound, rather than painted wrong.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pipeline.common.errors import EngineError
from pipeline.style import INPUT_NAME, OUTPUT_NAME, read_style

Floats = NDArray[np.float32]
ROOM = 16384.0
"""Largest bound that is left alone before a norm: a quarter of float16's range."""

LARGEST = 60000.0
"""Largest bound of a value that no norm follows; float16 ends at 65504."""

SIGMAS = 32.0
"""A normalised value further than this from its channel's mean is taken for impossible. The worst a map of
n values can hold is sqrt(n - 1); a network whose features are that lonely paints nothing."""

_FRAME_MAX = 255.0
_NORM = "InstanceNormalization"
_KEEPS = (
    *("Transpose", "Pad", "Slice", "Relu", "DepthToSpace", "Identity"),
    *("MaxPool", "AveragePool", "Resize", "Clip"),
)
_FLOAT_INPUTS: Mapping[str, tuple[int, ...]] = {"Resize": (1, 2), _NORM: (0, 1, 2)}
"""Inputs that stay float32 by the operator's definition (Resize) or by choice (the norm)."""


@dataclass(frozen=True)
class Rescaled:
    """One convolution that was made smaller before its norm: its output, the bound it had, the factor."""

    output: str
    bound: float
    factor: float


def pin_size(model: onnx.ModelProto, size: tuple[int, int]) -> None:
    """Give input and output the shape [1, H, W, 3] of ``size`` (height, width), in place."""
    for value in (*model.graph.input, *model.graph.output):
        if value.name in (INPUT_NAME, OUTPUT_NAME):
            dims = value.type.tensor_type.shape.dim
            for dim, length in zip(dims, (1, *size, 3), strict=True):
                dim.Clear()
                dim.dim_value = length
    del model.graph.value_info[:]  # shapes of the dynamic graph


def typed_graph(path: Path, size: tuple[int, int], fp16: bool) -> tuple[bytes, tuple[Rescaled, ...]]:
    """The style's ONNX for one frame size, in float32 or float16.

    Returns:
        The serialized model, and what was rescaled.

    Raises:
        EngineError: an operator whose bound is unknown, or a tensor that could overflow float16.
    """
    model = onnx.load(path)
    pin_size(model, size)
    controls = {c.name: max(abs(c.low), abs(c.high)) for c in read_style(path).card.controls}
    rescaled = to_fp16(model, controls) if fp16 else ()
    onnx.checker.check_model(model)
    return model.SerializeToString(), rescaled


def to_fp16(model: onnx.ModelProto, controls: Mapping[str, float]) -> tuple[Rescaled, ...]:
    """Rewrite a float32 style graph to float16 with float32 norms, in place; see the module's text.

    Args:
        controls: the largest absolute value of each further input.
    """
    rescaled = rescale(model, controls)
    graph = model.graph
    kept = {name for node in graph.node for name in _float_inputs(node)}
    for weight in graph.initializer:
        if weight.data_type == TensorProto.FLOAT and weight.name not in kept:
            values = numpy_helper.to_array(weight).astype(np.float16)
            weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    nodes = [*_fp16_controls(graph), *(part for node in graph.node for part in _in_fp16(node))]
    del graph.node[:]
    graph.node.extend(nodes)
    return rescaled


def _float_inputs(node: onnx.NodeProto) -> list[str]:
    return [node.input[i] for i in _FLOAT_INPUTS.get(node.op_type, ()) if i < len(node.input)]


def _fp16_controls(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """A Cast behind every float32 input of the graph, whose readers then take the Cast's output."""
    casts = []
    for value in graph.input:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            name = f"{value.name}.fp16"
            casts.append(helper.make_node("Cast", [value.name], [name], to=TensorProto.FLOAT16))
            for node in graph.node:
                for index, read in enumerate(node.input):
                    if read == value.name:
                        node.input[index] = name
    return casts


def _in_fp16(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """One node in float16; a norm between two Casts."""
    for attribute in node.attribute:
        if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.FLOAT16
        if node.op_type == "Constant" and attribute.t.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(attribute.t).astype(np.float16)
            attribute.t.CopyFrom(numpy_helper.from_array(values))
    if node.op_type != _NORM:
        return [node]
    before, after = f"{node.input[0]}.{node.output[0]}.float", f"{node.output[0]}.float"
    widen = helper.make_node("Cast", [node.input[0]], [before], to=TensorProto.FLOAT)
    narrow = helper.make_node("Cast", [after], [node.output[0]], to=TensorProto.FLOAT16)
    node.input[0], node.output[0] = before, after
    return [widen, node, narrow]


def rescale(model: onnx.ModelProto, controls: Mapping[str, float]) -> tuple[Rescaled, ...]:
    """Make every convolution whose output could pass ROOM before a norm smaller, in place.

    Args:
        controls: the largest absolute value of each further input.

    Raises:
        EngineError: a value that no norm follows could pass LARGEST, or an operator is unknown here.
    """
    graph = model.graph
    weights = {w.name: w for w in graph.initializer}
    arrays = {name: numpy_helper.to_array(w) for name, w in weights.items()}
    arrays |= {
        n.output[0]: numpy_helper.to_array(a.t)
        for n in graph.node
        for a in n.attribute
        if n.op_type == "Constant"
    }
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    largest = {INPUT_NAME: _FRAME_MAX, **controls}
    bounds: dict[str, Floats] = {name: np.array([value], np.float32) for name, value in largest.items()}
    done = []
    for node in graph.node:
        bound = _bound(node, bounds, arrays)
        factor = _factor(float(bound.max()))
        following = readers.get(node.output[0], [])
        only_norms = bool(following) and all(reader.op_type == _NORM for reader in following)
        if factor < 1.0 and only_norms and node.op_type in _CONVOLUTIONS:
            _shrink(node, following, weights, factor)
            done.append(Rescaled(node.output[0], float(bound.max()), factor))
            bound = bound * np.float32(factor)
        elif float(bound.max()) > LARGEST:
            raise EngineError(
                f"value {node.output[0]!r} of {node.op_type} could reach {float(bound.max()):.3g}, and "
                f"float16 is trusted up to {LARGEST:g}; take --precision fp32"
            )
        bounds[node.output[0]] = bound
    return tuple(done)


def _factor(bound: float) -> float:
    """The power of two, at most 1, that brings ``bound`` to ROOM."""
    return float(2.0 ** min(0.0, np.floor(np.log2(ROOM / bound)))) if bound > 0 else 1.0


def _shrink(
    node: onnx.NodeProto, norms: list[onnx.NodeProto], weights: Mapping[str, TensorProto], factor: float
) -> None:
    for name in node.input[1:]:
        smaller = numpy_helper.to_array(weights[name]) * np.float32(factor)
        weights[name].CopyFrom(numpy_helper.from_array(smaller, name))
    for norm in norms:
        epsilon = next((a for a in norm.attribute if a.name == "epsilon"), None)
        value = 1e-5 if epsilon is None else epsilon.f
        if epsilon is not None:
            norm.attribute.remove(epsilon)
        norm.attribute.append(helper.make_attribute("epsilon", value * factor * factor))


def _bound(
    node: onnx.NodeProto, bounds: Mapping[str, Floats], arrays: Mapping[str, NDArray[np.generic]]
) -> Floats:
    """The largest absolute value of a node's output, one for each channel or one for all."""

    def of(name: str) -> Floats:
        if name in arrays:
            values = np.asarray(arrays[name], np.float32)
            return np.array([np.abs(values).max(initial=0.0)], np.float32)
        return bounds[name]

    if node.op_type == "Constant":
        return of(node.output[0])
    if node.op_type == "Cast":
        return of(node.input[0])
    if node.op_type in _RULES:
        return _RULES[node.op_type](node, of, arrays)
    if node.op_type in _KEEPS:
        whole = of(node.input[0])
        return whole if node.op_type in ("Pad", "Relu", "Identity") else whole.max(keepdims=True)
    raise EngineError(
        f"operator {node.op_type} of this style is not known to the float16 rewriting; take --precision fp32"
    )


Of = Callable[[str], Floats]
Rule = Callable[[onnx.NodeProto, Of, Mapping[str, NDArray[np.generic]]], Floats]


def _convolution(node: onnx.NodeProto, of: Of, arrays: Mapping[str, NDArray[np.generic]]) -> Floats:
    weight = np.abs(np.asarray(arrays[node.input[1]], np.float32))
    if node.op_type == "ConvTranspose":  # (in, out, h, w); a stride only leaves taps out
        weight = weight.swapaxes(0, 1)
    taps = weight.reshape(*weight.shape[:2], -1).sum(axis=2)
    bound = of(node.input[0])
    inputs = bound if len(bound) == taps.shape[1] else np.full(taps.shape[1], bound.max(), np.float32)
    bias = np.abs(np.asarray(arrays[node.input[2]], np.float32)) if len(node.input) > 2 else np.float32(0)
    return np.asarray(taps @ inputs + bias, np.float32)


def _norm(node: onnx.NodeProto, of: Of, arrays: Mapping[str, NDArray[np.generic]]) -> Floats:
    scale, bias = (np.abs(np.asarray(arrays[name], np.float32)) for name in node.input[1:3])
    return np.asarray(scale * np.float32(SIGMAS) + bias, np.float32)


_CONVOLUTIONS = ("Conv", "ConvTranspose")
_RULES: Mapping[str, Rule] = {
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    _NORM: _norm,
    "Add": lambda node, of, _: of(node.input[0]) + of(node.input[1]),
    "Sub": lambda node, of, _: of(node.input[0]) + of(node.input[1]),
    "Mul": lambda node, of, _: np.asarray(of(node.input[0]) * of(node.input[1]), np.float32),
    "Concat": lambda node, of, _: np.concatenate([of(name) for name in node.input]).max(keepdims=True),
    "Sigmoid": lambda *_: np.ones(1, np.float32),
}
