"""Networks of lengstrom's fast-style-transfer: those of Johnson et al. 2016 with zeros round every layer.

9x9, two 3x3 of stride 2, residual blocks with a norm after both convolutions, two transposed 3x3 of stride
2, 9x9, each followed by an instance norm, the last one too; then ``150 tanh + 127.5``, RGB in 0..255 in and
out. Convolutions have no bias. TensorFlow's SAME padding puts the odd zero of a strided layer at the end.

Variables are numbered in the order in which the network makes them, three a layer: kernel (height, width,
in, out; of a transposed layer height, width, out, in), shift and scale of its norm.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.foreign.network import SIZE_MULTIPLE, ForeignNetwork, channelwise, count, fill, renamed
from pipeline.common.errors import CheckpointError

LAYOUT = "fast-style-transfer"
DESCRIPTION = "networks of lengstrom's fast-style-transfer (a folder with manifest.json)"
VALUE_RANGE = (0.0, 255.0)
EPSILON = 1e-3
_LAYERS_BESIDE_BLOCKS, _LAYERS_PER_BLOCK, _VARIABLES_PER_LAYER = 6, 2, 3


class _Normed(nn.Module):
    """A convolution without bias between SAME padding and an instance norm."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        total = kernel - stride
        self._padding = (total // 2, total - total // 2) * 2
        self.conv = nn.Conv2d(cin, cout, kernel, stride)
        self.norm = nn.InstanceNorm2d(cout, eps=EPSILON, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(F.pad(x, self._padding)))
        return y


class _NormedTransposed(nn.Module):
    """The transpose of a 3x3 convolution of stride 2 with SAME padding, and an instance norm."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(cin, cout, 3, stride=2)
        self.norm = nn.InstanceNorm2d(cout, eps=EPSILON, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(x)[:, :, :-1, :-1])
        return y


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = _Normed(channels, channels, 3), _Normed(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.second(F.relu(self.first(x)))
        return y


class TransformNetwork(nn.Module):
    """The network as fast-style-transfer defines it; (N, 3, H, W) RGB 0..255 in, -22.5..277.5 out."""

    size_multiple = SIZE_MULTIPLE

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 128), blocks: int = 5) -> None:
        super().__init__()
        a, b, c = widths
        self.down0, self.down1, self.down2 = _Normed(3, a, 9), _Normed(a, b, 3, 2), _Normed(b, c, 3, 2)
        self.blocks = nn.Sequential(*(_Residual(c) for _ in range(blocks)))
        self.up1, self.up2 = _NormedTransposed(c, b), _NormedTransposed(b, a)
        self.last = _Normed(a, 3, 9)
        self.head = channelwise(150.0, 127.5)

    def draw(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 3, H, W), H and W multiples of 4."""
        for layer in (self.down0, self.down1, self.down2):
            x = F.relu(layer(x))
        x = self.blocks(x)
        x = F.relu(self.up2(F.relu(self.up1(x))))
        y: Tensor = self.head(torch.tanh(self.last(x)))
        return y

    forward = draw


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the names and the first kernel are this layout's."""
    return "Variable" in tensors and tuple(tensors["Variable"].shape[:3]) == (9, 9, 3)


def network_from_tensors(tensors: Mapping[str, Tensor]) -> ForeignNetwork:
    """The network of the variables of a checkpoint.

    Raises:
        CheckpointError: names, numbers or shapes that the layout does not have.
    """
    layers, surplus = divmod(len(tensors), _VARIABLES_PER_LAYER)
    blocks, odd = divmod(layers - _LAYERS_BESIDE_BLOCKS, _LAYERS_PER_BLOCK)
    if surplus or odd or blocks < 0:
        raise CheckpointError(
            f"this is almost a network of {LAYOUT}, but has {len(tensors)} variables; 48 are those of five "
            "residual blocks, six more or fewer a block (an optimizer's own do not belong here)"
        )
    weights = renamed(tensors, names_of(blocks), LAYOUT)
    weights = {name: _in_torch_order(value) for name, value in weights.items()}
    a, b, c = (int(weights[f"down{i}.conv.weight"].shape[0]) for i in range(3))
    network = TransformNetwork((a, b, c), blocks)
    zeros = {k: torch.zeros_like(v) for k, v in network.state_dict().items() if k.endswith("conv.bias")}
    head = {f"head.{k}": v for k, v in network.head.state_dict().items()}
    fill(network, {**zeros, **head, **weights}, LAYOUT)
    return ForeignNetwork(network, LAYOUT, f"{LAYOUT} {a}/{b}/{c}, {blocks}", count(weights), VALUE_RANGE)


def names_of(blocks: int) -> dict[str, str]:
    """Our name by theirs."""
    inner = [f"blocks.{i}.{part}" for i in range(blocks) for part in ("first", "second")]
    layers = ["down0", "down1", "down2", *inner, "up1", "up2", "last"]
    ours = [f"{layer}.{part}" for layer in layers for part in ("conv.weight", "norm.bias", "norm.weight")]
    return {f"Variable_{i}" if i else "Variable": name for i, name in enumerate(ours)}


def _in_torch_order(value: Tensor) -> Tensor:
    """A kernel as (out, in, height, width), or (in, out, height, width) of a transposed layer."""
    return value.permute(3, 2, 0, 1).contiguous() if value.ndim == 4 else value
