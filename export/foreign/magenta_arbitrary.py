"""Magenta's pair that paints like any picture (Ghiasi et al. 2017), one painting baked in.

The predictor makes a vector of 100 numbers of a painting; from it the transformer computes the scale and the
shift of each norm. Both are ONNX graphs of one size (256x256 and 384x384), weights in 8 bits, values between
the layers rounded to 8 bits as well. The weights are taken out, and the network is built anew in float32 for
the vector of one painting, which takes every size. It is compared with the file itself whose roundings
between layers are left out; with them no two programs show the same picture to one grey level.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor

from export.foreign.magenta import VALUE_RANGE, StyledNetwork, fill_styled, kernel_of, widths_of
from export.foreign.network import ForeignNetwork, OriginalRun, count, renamed
from export.foreign.onnx_zoo import open_session
from export.foreign.reading import read_file
from pipeline.common.errors import CheckpointError, InputError
from pipeline.frame import Pixels
from training.feed_forward.data import center_square, read_rgb

LAYOUT = "magenta-arbitrary"
DESCRIPTION = "Magenta's arbitrary-style transformer (.onnx, with --predictor and --painting)"
_BLOCK = re.compile(r"transformer/residual/residual(\d+)/conv1/weights")
_SIGNATURE = ("transformer/contract/conv1/weights", "transformer/expand/conv3/conv/weights")
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """The painting to paint like.

    Attributes:
        painting: a picture; the square in its middle is looked at.
        predictor: the ONNX file that makes a vector of it.
    """

    painting: Path
    predictor: Path


def matches(model: onnx.ModelProto) -> bool:
    """Whether the weights have this layout's names."""
    return set(_SIGNATURE) <= {tensor.name for tensor in model.graph.initializer}


def network_from_model(model: onnx.ModelProto, example: Example | None) -> ForeignNetwork:
    """The transformer for one painting, with the graph itself to compare it with.

    Raises:
        CheckpointError: no painting was given, names or shapes that the layout does not have, or a predictor
            that is none. InputError: the painting cannot be read.
    """
    if example is None:
        raise CheckpointError(
            "this network paints like a painting it is given: --painting X.jpg --predictor PREDICTOR.onnx"
        )
    vector = style_vector(example)
    tensors = weights_in(model)
    blocks = len([name for name in tensors if _BLOCK.fullmatch(name)])
    named = renamed({k: v for k, v in tensors.items() if k in names_of(blocks)}, names_of(blocks), LAYOUT)
    weights = _for_style(named, vector)
    network = StyledNetwork(1, widths_of(weights), blocks, normed_contraction=False)
    fill_styled(network, weights, LAYOUT)
    run = _original_run(model, vector)
    return ForeignNetwork(network, LAYOUT, f"{LAYOUT} {blocks}", count(weights), VALUE_RANGE, run)


def style_vector(example: Example) -> Floats:
    """What the predictor makes of the painting, with the axes in which the transformer takes it.

    Raises:
        CheckpointError: no predictor of 3-channel pictures. InputError: the painting cannot be read.
    """
    predictor = read_file(example.predictor)
    sides = _input_shape(predictor) if isinstance(predictor, onnx.ModelProto) else []
    if not isinstance(predictor, onnx.ModelProto) or len(sides) != 4 or sides[3] != 3 or not sides[1]:
        raise CheckpointError(
            f"--predictor {example.predictor}: one input of [1, side, side, 3] was expected, got {sides}"
        )
    rgb = read_rgb(example.painting) if example.painting.is_file() else None
    if rgb is None:
        raise InputError(
            f"--painting {example.painting}: a picture was expected, and there is none that can be read"
        )
    square = np.asarray(center_square(rgb, sides[1])[np.newaxis] / 255, np.float32)
    (vector,) = open_session(predictor).run(None, {predictor.graph.input[0].name: square})
    return np.asarray(vector, np.float32)


def _input_shape(model: onnx.ModelProto) -> list[int]:
    """Of the first input; 0 where it is open."""
    return [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] if model.graph.input else []


def weights_in(model: onnx.ModelProto) -> dict[str, Tensor]:
    """The initializers by name, in float32; those in 8 bits times their scales."""
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    found = {name: torch.from_numpy(value.copy()) for name, value in arrays.items()}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in arrays:
            found[node.input[0]] = torch.from_numpy(_dequantized(node, arrays))
    return found


def _dequantized(node: onnx.NodeProto, arrays: Mapping[str, NDArray[np.generic]]) -> Floats:
    value, scale, *zero = (arrays[name].astype(np.float32) for name in node.input)
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    shape = [-1 if i == axis else 1 for i in range(value.ndim)] if scale.ndim else []
    return (value - (zero[0].reshape(shape) if zero else 0)) * scale.reshape(shape)


def names_of(blocks: int) -> dict[str, str]:
    """Our name by theirs; ``scale`` and ``shift`` of a norm are those of the layer that computes them."""
    found = {f"transformer/contract/conv{i + 1}/weights": f"contract.{i}.conv.weight" for i in range(3)}
    found |= {f"transformer/contract/conv{i + 1}/Conv2D_bias": f"contract.{i}.conv.bias" for i in range(3)}
    layers = {f"expand/conv{i + 1}/conv": name for i, name in enumerate(("up1", "up2", "last"))}
    layers |= {
        f"residual/residual{i + 1}/conv{k}": f"{name}.{i}"
        for i in range(blocks)
        for k, name in ((1, "first"), (2, "second"))
    }
    for theirs, ours in layers.items():
        found[f"transformer/{theirs}/weights"] = kernel_of(ours)
        for layer, part in (("Conv_1", "scale"), ("Conv", "shift")):
            found[f"style_params/transformer/{theirs}/StyleNorm/{layer}/weights"] = f"{ours}.{part}.weight"
            found[f"style_params/transformer/{theirs}/StyleNorm/{layer}/Conv2D_bias"] = f"{ours}.{part}.bias"
    return found


def _for_style(named: Mapping[str, Tensor], vector: Floats) -> dict[str, Tensor]:
    """Scale and shift of each norm for one style; the other weights as they are."""
    style = torch.from_numpy(vector.reshape(-1))
    found = {}
    for name, value in named.items():
        layer, _, part = name.rpartition(".")
        if not layer.endswith(("scale", "shift")):
            found[name] = value
        elif part == "weight":
            norm, kind = layer.rsplit(".", 1)
            found[f"{norm}.norm.{kind}"] = (value.flatten(1) @ style + named[f"{layer}.bias"])[None]
    return found


def without_rounding(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of the graph whose values between layers stay in floating point; its weights are the same."""
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    constants = {tensor.name for tensor in copied.graph.initializer}
    for node in copied.graph.node:
        rounds = node.op_type == "QuantizeLinear"
        if rounds or (node.op_type == "DequantizeLinear" and node.input[0] not in constants):
            node.op_type = "Identity"
            del node.input[1:]
            del node.attribute[:]
    del copied.graph.value_info[:]
    return copied


def _original_run(model: onnx.ModelProto, vector: Floats) -> OriginalRun:
    picture, style = (value.name for value in model.graph.input)
    _, height, width, _ = _input_shape(model)
    session = open_session(without_rounding(model))

    def draw(pixels: Pixels) -> Pixels:
        image = pixels[np.newaxis, :, :, ::-1].astype(np.float32) / 255
        (stylized,) = session.run(None, {picture: image, style: vector})
        frame: Pixels = np.clip(stylized[0] * 255 + 0.5, 0, 255).astype(np.uint8)[:, :, ::-1]
        return np.ascontiguousarray(frame)

    return OriginalRun(draw, [(height, width)])
