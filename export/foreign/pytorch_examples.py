"""``fast_neural_style`` of pytorch/examples: the network of Johnson et al. 2016 with instance norms.

Reflection-padded convolutions throughout: 9x9, two 3x3 of stride 2, residual blocks with a norm after
both convolutions, two times nearest x2 and 3x3, 9x9; linear, RGB in 0..255 in and out. 32, 64 and 128
channels and five blocks in every published file; other widths and counts are read from the shapes.
"""

import itertools
import re
from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from export.foreign.network import SIZE_MULTIPLE, ForeignNetwork, count, fill, renamed
from training.networks.layers import UpsampleConv, reflected

LAYOUT = "pytorch-examples"
DESCRIPTION = "fast_neural_style of pytorch/examples (.pth, .model)"
VALUE_RANGE = (0.0, 255.0)
EPSILON = 1e-5  # of torch.nn.InstanceNorm2d, which the original uses as it is
_SIGNATURE = ("conv1.conv2d.weight", "in1.weight", "res1.conv1.conv2d.weight", "deconv3.conv2d.weight")
_UNUSED = re.compile(r"in\d+\.(running_mean|running_var|num_batches_tracked)$")
"""Before PyTorch 0.4 instance norms stored statistics; stylizing never used them."""


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.in1 = reflected(channels, channels, 3), nn.InstanceNorm2d(channels, affine=True)
        self.conv2, self.in2 = reflected(channels, channels, 3), nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = F.relu(self.in1(self.conv1(x)))
        y = self.in2(self.conv2(y))
        return y + x


class TransformerNetwork(nn.Module):
    """The network as pytorch/examples defines it; (N, 3, H, W) RGB 0..255 in and out, not clamped."""

    size_multiple = SIZE_MULTIPLE

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 128), blocks: int = 5) -> None:
        super().__init__()
        a, b, c = widths
        self.conv1, self.in1 = reflected(3, a, 9), nn.InstanceNorm2d(a, affine=True)
        self.conv2, self.in2 = reflected(a, b, 3, stride=2), nn.InstanceNorm2d(b, affine=True)
        self.conv3, self.in3 = reflected(b, c, 3, stride=2), nn.InstanceNorm2d(c, affine=True)
        self.blocks = nn.Sequential(*(_Residual(c) for _ in range(blocks)))
        self.up1, self.in4 = UpsampleConv(c, b), nn.InstanceNorm2d(b, affine=True)
        self.up2, self.in5 = UpsampleConv(b, a), nn.InstanceNorm2d(a, affine=True)
        self.head = reflected(a, 3, 9)

    def draw(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 3, H, W), H and W multiples of 4."""
        x = F.relu(self.in1(self.conv1(x)))
        x = F.relu(self.in2(self.conv2(x)))
        x = F.relu(self.in3(self.conv3(x)))
        x = self.blocks(x)
        x = F.relu(self.in4(self.up1(x)))
        x = F.relu(self.in5(self.up2(x)))
        y: Tensor = self.head(x)
        return y

    forward = draw


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the names are this layout's."""
    return all(name in tensors for name in _SIGNATURE)


def network_from_tensors(tensors: Mapping[str, Tensor]) -> ForeignNetwork:
    """The network of a state dict.

    Raises:
        CheckpointError: names or shapes that the layout does not have.
    """
    used = {name: value for name, value in tensors.items() if not _UNUSED.search(name)}
    blocks = len({name.split(".")[0] for name in used if re.match(r"res\d+\.", name)})
    return network_from_weights(renamed(used, names_of(blocks), LAYOUT), blocks, LAYOUT)


def network_from_weights(
    weights: Mapping[str, Tensor], blocks: int, layout: str, epsilons: Sequence[float] = ()
) -> ForeignNetwork:
    """The network of weights under our names; ``epsilons`` of its norms in order, where they are known.

    Raises:
        CheckpointError: shapes that do not fit together.
    """
    a, b, c = (int(weights[f"conv{i}.weight"].shape[0]) for i in (1, 2, 3))
    network = fill(TransformerNetwork((a, b, c), blocks), weights, layout)
    norms = [module for module in network.modules() if isinstance(module, nn.InstanceNorm2d)]
    for norm, epsilon in zip(norms, epsilons, strict=False):
        norm.eps = epsilon
    architecture = "johnson" if (a, b, c, blocks) == (32, 64, 128, 5) else f"johnson {a}/{b}/{c}, {blocks}"
    return ForeignNetwork(network, layout, architecture, count(weights), VALUE_RANGE)


def names_of(blocks: int) -> dict[str, str]:
    """Our name by theirs."""
    convolutions = {f"conv{i}.conv2d": f"conv{i}" for i in (1, 2, 3)}
    convolutions |= {
        f"res{i + 1}.conv{k}.conv2d": f"blocks.{i}.conv{k}" for i in range(blocks) for k in (1, 2)
    }
    convolutions |= {"deconv1.conv2d": "up1.conv", "deconv2.conv2d": "up2.conv", "deconv3.conv2d": "head"}
    norms = {f"in{i}": f"in{i}" for i in range(1, 6)}
    norms |= {f"res{i + 1}.in{k}": f"blocks.{i}.in{k}" for i in range(blocks) for k in (1, 2)}
    pairs = itertools.product({**convolutions, **norms}.items(), ("weight", "bias"))
    return {f"{theirs}.{part}": f"{ours}.{part}" for (theirs, ours), part in pairs}
