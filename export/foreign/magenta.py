"""Magenta's style networks: the network of Johnson et al. 2016 whose norms take scale and shift from a style.

Reflection-padded convolutions throughout: 9x9, two 3x3 of stride 2, residual blocks with a norm after both
convolutions, two times nearest x2 and 3x3, 9x9, sigmoid; RGB in 0..1 in and out. Read here is the network
of 26 styles (Dumoulin et al. 2017) as ONNX with inputs ``image`` (1, 3, H, W) and ``style_weights`` (26):
each norm's scale and shift are the sums of those of the styles, weighted. ``magenta_arbitrary`` reads the
network that paints like any picture.
"""

import re
from collections.abc import Mapping

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import Tensor, nn

from export.foreign.network import (
    SIZE_MULTIPLE,
    ForeignNetwork,
    OriginalRun,
    channelwise,
    count,
    fill,
    renamed,
)
from export.foreign.onnx_zoo import open_session
from export.parity import FRAME_SIZES
from pipeline.frame import Pixels
from pipeline.style import Control
from training.networks.layers import UpsampleConv, reflected

LAYOUT = "magenta-styles"
DESCRIPTION = "Magenta's network of several styles (.onnx with inputs image and style_weights)"
VALUE_RANGE = (0.0, 1.0)
EPSILON = 1e-5
CONTROL = "style_weights"
_WEIGHT = re.compile(r"(contract|res|expand)\.")
_CONVOLUTION = re.compile(r"res\.(\d+)\.0\.w")


class StyleNorm(nn.Module):
    """Instance norm whose scale and shift are weighted sums over styles."""

    def __init__(self, styles: int, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(styles, channels))
        self.shift = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, x: Tensor, style_weights: Tensor) -> Tensor:
        """(N, C, H, W) and (styles,) -> (N, C, H, W)."""
        scale, shift = (style_weights @ table for table in (self.scale, self.shift))
        return F.instance_norm(x, eps=EPSILON) * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)


class _Normed(nn.Module):
    def __init__(self, styles: int, conv: nn.Module, channels: int) -> None:
        super().__init__()
        self.conv, self.norm = conv, StyleNorm(styles, channels)

    def forward(self, x: Tensor, style_weights: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(x), style_weights)
        return y


class _Plain(nn.Module):
    """A convolution that no style reaches."""

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor, style_weights: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y


class StyledNetwork(nn.Module):
    """The network as Magenta defines it; (N, 3, H, W) RGB 0..1 in and out."""

    size_multiple = SIZE_MULTIPLE
    default: Tensor

    def __init__(
        self, styles: int, widths: tuple[int, ...], blocks: int, normed_contraction: bool = True
    ) -> None:
        """Make the layers; the first style is the default.

        Args:
            widths: channels after the three convolutions before the blocks and the two after them.
            normed_contraction: whether the three convolutions before the blocks have norms.
        """
        super().__init__()
        a, b, c, d, e = widths
        layers = [(reflected(3, a, 9), a), (reflected(a, b, 3, 2), b), (reflected(b, c, 3, 2), c)]
        self.contract = nn.ModuleList(
            _Normed(styles, conv, n) if normed_contraction else _Plain(conv) for conv, n in layers
        )
        self.first, self.second = (
            nn.ModuleList(_Normed(styles, reflected(c, c, 3), c) for _ in range(blocks)) for _ in range(2)
        )
        self.up1, self.up2 = _Normed(styles, UpsampleConv(c, d), d), _Normed(styles, UpsampleConv(d, e), e)
        self.last = _Normed(styles, reflected(e, 3, 9), 3)
        self.head = channelwise(1.0, 0.0)
        self.register_buffer("default", torch.eye(styles)[0], persistent=False)

    def draw(self, x: Tensor, style_weights: Tensor | None = None) -> Tensor:
        """(N, 3, H, W) and weights (styles,) -> (N, 3, H, W), H and W multiples of 4."""
        style = self.default if style_weights is None else style_weights
        for layer in self.contract:
            x = F.relu(layer(x, style))
        for first, second in zip(self.first, self.second, strict=True):
            x = x + second(F.relu(first(x, style)), style)
        x = F.relu(self.up2(F.relu(self.up1(x, style)), style))
        y: Tensor = self.head(torch.sigmoid(self.last(x, style)))
        return y

    forward = draw


def matches(model: onnx.ModelProto) -> bool:
    """Whether inputs and first weights have this layout's names."""
    inputs = {value.name for value in model.graph.input}
    weights = {tensor.name for tensor in model.graph.initializer}
    return {"image", CONTROL} <= inputs and {"contract.0.w", "contract.0.norm.gamma"} <= weights


def network_from_model(model: onnx.ModelProto) -> ForeignNetwork:
    """The network whose weights a graph holds, with the graph itself to compare it with.

    Raises:
        CheckpointError: names, shapes or types that the layout does not have.
    """
    used = [tensor for tensor in model.graph.initializer if _WEIGHT.match(tensor.name)]
    tensors = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in used}
    blocks = len([name for name in tensors if _CONVOLUTION.fullmatch(name)])
    weights = renamed(tensors, names_of(blocks), LAYOUT)
    styles = int(weights["last.norm.scale"].shape[0])
    network = StyledNetwork(styles, widths_of(weights), blocks)
    fill_styled(network, weights, LAYOUT)
    default = tuple(network.default.tolist())
    return ForeignNetwork(
        network, LAYOUT, f"{LAYOUT} {styles}", count(weights), VALUE_RANGE,
        _original_run(model, default), Control(CONTROL, default),
    )  # fmt: skip


def widths_of(weights: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Channels after each convolution outside the blocks, by our names."""
    layers = ("contract.0.conv", "contract.1.conv", "contract.2.conv", "up1.conv.conv", "up2.conv.conv")
    return tuple(int(weights[f"{layer}.weight"].shape[0]) for layer in layers)


def fill_styled(network: StyledNetwork, weights: Mapping[str, Tensor], layout: str) -> None:
    """Weights into the network; convolutions before a norm have no bias.

    Raises:
        CheckpointError: a shape differs, or a weight is no finite number.
    """
    state = network.state_dict()
    zeros = {name: torch.zeros_like(value) for name, value in state.items() if name.endswith("conv.bias")}
    head = {name: value for name, value in state.items() if name.startswith("head.")}
    fill(network, {**zeros, **head, **weights}, layout)


def names_of(blocks: int) -> dict[str, str]:
    """Our name by theirs."""
    layers = {f"contract.{i}": f"contract.{i}" for i in range(3)}
    layers |= {f"res.{i}.{k}": f"{('first', 'second')[k]}.{i}" for i in range(blocks) for k in (0, 1)}
    layers |= {"expand.0": "up1", "expand.1": "up2", "expand.2": "last"}
    found = {f"{theirs}.norm.gamma": f"{ours}.norm.scale" for theirs, ours in layers.items()}
    found |= {f"{theirs}.norm.beta": f"{ours}.norm.shift" for theirs, ours in layers.items()}
    return found | {f"{theirs}.w": kernel_of(ours) for theirs, ours in layers.items()}


def kernel_of(layer: str) -> str:
    """The name of a layer's kernel; that of an upsampling layer lies one level deeper."""
    return f"{layer}.conv.conv.weight" if layer.startswith("up") else f"{layer}.conv.weight"


def _original_run(model: onnx.ModelProto, default: tuple[float, ...]) -> OriginalRun:
    session = open_session(model)
    weights = np.array(default, np.float32)

    def draw(pixels: Pixels) -> Pixels:
        image = pixels[np.newaxis, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255
        (stylized,) = session.run(None, {"image": image, CONTROL: weights})
        frame: Pixels = (
            np.clip(stylized[0] * 255 + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0)[:, :, ::-1]
        )
        return np.ascontiguousarray(frame)

    return OriginalRun(draw, FRAME_SIZES)
