"""``fast_neural_style`` of the ONNX model zoo: the network of pytorch/examples, traced to a graph.

The graphs are fixed to one frame size (224x224): paddings and upsampling factors were computed while
tracing. Instead of mending that, the weights are taken out in the order in which the graph uses them, and the
network is built anew, which takes every size. Whether that is the same network is not believed but
measured: the file itself is run at its own size beside the style that came of it.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort  # type: ignore[import-untyped, unused-ignore]
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor

from export.foreign import pytorch_examples
from export.foreign.network import SIZE_MULTIPLE, ForeignNetwork, OriginalRun
from export.parity import FRAME_SIZES
from pipeline.common.errors import CheckpointError
from pipeline.frame import Pixels

LAYOUT = "onnx-zoo"
DESCRIPTION = "fast_neural_style of the ONNX model zoo (.onnx)"
_NORM = "InstanceNormalization"
_UPSAMPLING = ("Upsample", "Resize")
_FIXED_CONVOLUTIONS, _PER_BLOCK = 6, 2
Arrays = Mapping[str, NDArray[np.generic]]


def matches(model: onnx.ModelProto) -> bool:
    """Whether the graph has the layers of the layout, in number and kind."""
    kinds = [node.op_type for node in model.graph.node]
    convolutions = kinds.count("Conv")
    doublings = sum(kinds.count(kind) for kind in _UPSAMPLING)
    return (
        convolutions >= _FIXED_CONVOLUTIONS
        and convolutions % _PER_BLOCK == 0
        and kinds.count(_NORM) == convolutions - 1
        and doublings == 2
        and "Tanh" not in kinds
    )


def network_from_model(model: onnx.ModelProto) -> ForeignNetwork:
    """The network whose weights a graph holds, with the graph itself to compare it with.

    Raises:
        CheckpointError: other shapes, types or inputs than the layout's.
    """
    arrays = _arrays(model)
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    norms = [node for node in model.graph.node if node.op_type == _NORM]
    blocks = (len(convolutions) - _FIXED_CONVOLUTIONS) // _PER_BLOCK
    weights: dict[str, Tensor] = {}
    for names, nodes in ((_conv_names(blocks), convolutions), (_norm_names(blocks), norms)):
        for name, node in zip(names, nodes, strict=True):
            weights[f"{name}.weight"], weights[f"{name}.bias"] = _weight_and_bias(node, arrays)
    epsilons = [
        next((a.f for a in node.attribute if a.name == "epsilon"), pytorch_examples.EPSILON) for node in norms
    ]
    found = pytorch_examples.network_from_weights(weights, blocks, LAYOUT, epsilons)
    return replace(found, run=_original_run(model))


def _conv_names(blocks: int) -> list[str]:
    inner = [f"blocks.{i}.conv{k}" for i in range(blocks) for k in (1, 2)]
    return ["conv1", "conv2", "conv3", *inner, "up1.conv", "up2.conv", "head"]


def _norm_names(blocks: int) -> list[str]:
    return ["in1", "in2", "in3", *(f"blocks.{i}.in{k}" for i in range(blocks) for k in (1, 2)), "in4", "in5"]


def _arrays(model: onnx.ModelProto) -> Arrays:
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.HasField("t"):
                arrays[node.output[0]] = numpy_helper.to_array(attribute.t)
    return arrays


def _weight_and_bias(node: onnx.NodeProto, arrays: Arrays) -> tuple[Tensor, Tensor]:
    """float32 copies; a convolution without bias has zeros."""
    found = [arrays.get(name) for name in node.input[1:3]]
    if not found or any(array is None or array.dtype != np.float32 for array in found):
        raise CheckpointError(
            f"this is almost a network of {LAYOUT}, but the weights of a {node.op_type} are no float32 "
            "constants (quantized or half-precision files cannot be imported)"
        )
    weight, *bias = (torch.from_numpy(np.array(array, np.float32)) for array in found)
    return weight, bias[0] if bias else torch.zeros(weight.shape[0])


def _original_run(model: onnx.ModelProto) -> OriginalRun:
    """The graph, run by ONNX Runtime at the size it was traced for, or at several where it takes any."""
    name, size = _input(model)
    sizes = FRAME_SIZES if size is None else (size,)
    session = open_session(model)

    def draw(pixels: Pixels) -> Pixels:
        image = pixels[np.newaxis, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32)
        (stylized,) = session.run(None, {name: image})
        frame: Pixels = np.clip(stylized[0] + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0)[:, :, ::-1]
        return np.ascontiguousarray(frame)

    return OriginalRun(draw, sizes)


def _input(model: onnx.ModelProto) -> tuple[str, tuple[int, int] | None]:
    """Name of the picture's input, and its (height, width), None where they are open."""
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    dims = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim] if len(inputs) == 1 else []
    kind = inputs[0].type.tensor_type.elem_type if inputs else 0
    if len(dims) != 4 or dims[0] > 1 or dims[1] not in (0, 3) or kind != onnx.TensorProto.FLOAT:
        raise CheckpointError(
            "one input of float [1, 3, height, width] was expected, got "
            + ("; ".join(f"{v.name} {_dims_of(v)}" for v in inputs) or "none")
        )
    height, width = dims[2:]
    if height % SIZE_MULTIPLE or width % SIZE_MULTIPLE:
        raise CheckpointError(
            f"this file is made for {width}x{height}, no multiple of {SIZE_MULTIPLE}, where its layers do "
            "not return the size they get; export it again at 224x224, for example"
        )
    return inputs[0].name, (height, width) if height and width else None


def _dims_of(value: onnx.ValueInfoProto) -> list[int | str]:
    return [d.dim_value or d.dim_param or "?" for d in value.type.tensor_type.shape.dim]


def open_session(model: onnx.ModelProto) -> ort.InferenceSession:
    """The graph in ONNX Runtime on the CPU, to compare with. CheckpointError: it cannot run."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions have no base of their own
        raise CheckpointError(
            f"ONNX Runtime cannot run this file ({' '.join(str(error).split())[:160]}), so that what is made "
            "of it could not be compared"
        ) from error
