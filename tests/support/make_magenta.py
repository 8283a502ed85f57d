"""Magenta's networks as ONNX, randomly initialised and tiny, under the names of the published files.

Written from the published graphs; nothing here is shared with ``export.foreign``, which is what they test.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[np.generic]
STYLES, BLOCKS, WIDTHS = 3, 2, (4, 6, 8, 5, 4)
VECTOR = 7
TRANSFORMER_SIDE, PREDICTOR_SIDE = 64, 16


class Graph:
    """Nodes and constants as they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        self.rng = np.random.default_rng(6)

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: object) -> str:
        output = output or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: Array) -> str:
        self.constants[name] = value
        return name

    def numbers(self, *values: float, integer: bool = False) -> str:
        kind = np.int64 if integer else np.float32
        return self.constant(f"c{len(self.constants)}", np.array(values, kind))

    def kernel(self, cout: int, cin: int, side: int) -> NDArray[np.float32]:
        return self.rng.normal(0, (cin * side * side) ** -0.5, (cout, cin, side, side)).astype(np.float32)

    def padded(self, x: str, side: int) -> str:
        edge = side // 2
        pads = self.numbers(0, 0, edge, edge, 0, 0, edge, edge, integer=True)
        return self.node("Pad", x, pads, mode="reflect")

    def doubled(self, x: str) -> str:
        scales = self.numbers(1, 1, 2, 2)
        modes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return self.node("Resize", x, "", scales, mode="nearest", **modes)

    def normed(self, x: str, scale: str, shift: str) -> str:
        """Mean and variance written out, as both files have them."""
        centred = self.node("Sub", x, self.node("GlobalAveragePool", x))
        variance = self.node("GlobalAveragePool", self.node("Mul", centred, centred))
        deviation = self.node("Sqrt", self.node("Add", variance, self.numbers(1e-5)))
        return self.node("Add", self.node("Mul", self.node("Div", centred, deviation), scale), shift)

    def model(self, inputs: dict[str, list[int | str]], output: list[int | str]) -> onnx.ModelProto:
        values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()]
        result = helper.make_tensor_value_info(self.nodes[-1].output[0], TensorProto.FLOAT, output)
        weights = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, "magenta", values, [result], weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _layers(blocks: int) -> list[tuple[str, int, int, int, int, bool]]:
    """Name by kind and number, input, output, kernel side, stride, doubled before."""
    a, b, c, d, e = WIDTHS
    contract = [("c0", 3, a, 9, 1, False), ("c1", a, b, 3, 2, False), ("c2", b, c, 3, 2, False)]
    inner = [(f"r{i}{k}", c, c, 3, 1, False) for i in range(blocks) for k in (0, 1)]
    return [*contract, *inner, ("e0", c, d, 3, 1, True), ("e1", d, e, 3, 1, True), ("e2", e, 3, 9, 1, False)]


def several_styles() -> onnx.ModelProto:
    """The network of several styles: inputs ``image`` (1, 3, h, w) and ``style_weights``."""
    graph = Graph()
    column = graph.node("Unsqueeze", "style_weights", graph.numbers(1, integer=True))
    x = skip = "image"
    for name, cin, cout, side, stride, doubled in _layers(BLOCKS):
        theirs = {"c": "contract.", "r": "res.", "e": "expand."}[name[0]] + ".".join(name[1:])
        y = graph.padded(graph.doubled(x) if doubled else x, side)
        y = graph.node(
            "Conv", y, graph.constant(f"{theirs}.w", graph.kernel(cout, cin, side)), strides=[stride] * 2
        )
        parts = []
        for part, centre in (("gamma", 1.0), ("beta", 0.0)):
            table = graph.rng.normal(centre, 0.4, (STYLES, cout)).astype(np.float32)
            weighted = graph.node("Mul", column, graph.constant(f"{theirs}.norm.{part}", table))
            summed = graph.node("ReduceSum", weighted, graph.numbers(0, integer=True), keepdims=0)
            parts.append(graph.node("Reshape", summed, graph.numbers(1, -1, 1, 1, integer=True)))
        x, skip = _after(graph, name, graph.normed(y, *parts), skip)
    graph.node("Sigmoid", x, output="stylized")
    inputs: dict[str, list[int | str]] = {"image": [1, 3, "h", "w"], "style_weights": [STYLES]}
    return graph.model(inputs, [1, 3, "h", "w"])


def _after(graph: Graph, name: str, x: str, skip: str) -> tuple[str, str]:
    """What follows a layer: relu, or the sum that ends a block; and what the next block is added to."""
    if name[0] == "r" and name[-1] == "1":
        x = graph.node("Add", skip, x)
        return x, x
    x = x if name == "e2" else graph.node("Relu", x)
    return x, skip if name[0] == "r" else x


def transformer() -> onnx.ModelProto:
    """The network that paints like any picture: weights and the values between layers in 8 bits."""
    graph = Graph()
    style = graph.node("Reshape", "style", graph.numbers(1, VECTOR, 1, 1, integer=True))
    x = skip = graph.node("Transpose", "content_image", perm=[0, 3, 1, 2])
    for name, cin, cout, side, stride, doubled in _layers(BLOCKS):
        number = int(name[1]) + 1
        theirs = {"c": f"contract/conv{number}", "e": f"expand/conv{number}/conv"}.get(name[0], "")
        theirs = theirs or f"residual/residual{number}/conv{int(name[-1]) + 1}"
        y = graph.padded(graph.doubled(x) if doubled else x, side)
        weights = [_in_8_bits(graph, f"transformer/{theirs}/weights", graph.kernel(cout, cin, side))]
        if name[0] == "c":
            bias = graph.rng.normal(0, 0.2, cout).astype(np.float32)
            weights.append(graph.constant(f"transformer/{theirs}/Conv2D_bias", bias))
        y = _rounded(graph, graph.node("Conv", y, *weights, strides=[stride] * 2))
        if name[0] != "c":
            y = graph.normed(y, *(_of_style(graph, style, f"style_params/transformer/{theirs}", cout)))
        x, skip = _after(graph, name, y, skip)
    graph.node("Transpose", graph.node("Sigmoid", x), perm=[0, 2, 3, 1], output="stylized")
    shape: list[int | str] = [1, TRANSFORMER_SIDE, TRANSFORMER_SIDE, 3]
    return graph.model({"content_image": shape, "style": [1, 1, 1, VECTOR]}, shape)


def _of_style(graph: Graph, style: str, theirs: str, channels: int) -> tuple[str, str]:
    found = []
    for layer, centre in (("Conv_1", 1.0), ("Conv", 0.0)):
        kernel = _in_8_bits(graph, f"{theirs}/StyleNorm/{layer}/weights", graph.kernel(channels, VECTOR, 1))
        bias = graph.rng.normal(centre, 0.3, channels).astype(np.float32)
        name = graph.constant(f"{theirs}/StyleNorm/{layer}/Conv2D_bias", bias)
        found.append(graph.node("Conv", style, kernel, name))
    return found[0], found[1]


def _in_8_bits(graph: Graph, name: str, kernel: NDArray[np.float32]) -> str:
    """A kernel in 8 bits with a scale for each output channel."""
    scale = (np.abs(kernel).max(axis=(1, 2, 3)) / 127).astype(np.float32)
    values = np.round(kernel / scale.reshape(-1, 1, 1, 1)).astype(np.int8)
    zero = graph.constant(f"{name}/zero", np.zeros(len(scale), np.int8))
    parts = (graph.constant(name, values), graph.constant(f"{name}/scale", scale), zero)
    return graph.node("DequantizeLinear", *parts, axis=0)


def _rounded(graph: Graph, x: str) -> str:
    """Values between layers in 8 bits."""
    scale = graph.constant(f"s{len(graph.constants)}", np.array(0.05, np.float32))
    zero = graph.constant(f"z{len(graph.constants)}", np.array(0, np.int8))
    return graph.node("DequantizeLinear", graph.node("QuantizeLinear", x, scale, zero), scale, zero)


def predictor() -> onnx.ModelProto:
    """A vector of a painting: here of its mean colour."""
    graph = Graph()
    x = graph.node("GlobalAveragePool", graph.node("Transpose", "style_image", perm=[0, 3, 1, 2]))
    x = graph.node("Conv", x, graph.constant("w", 2 * graph.kernel(VECTOR, 3, 1)))
    graph.node("Reshape", x, graph.numbers(1, 1, 1, VECTOR, integer=True), output="vector")
    shape: list[int | str] = [1, PREDICTOR_SIDE, PREDICTOR_SIDE, 3]
    return graph.model({"style_image": shape}, [1, 1, 1, VECTOR])
