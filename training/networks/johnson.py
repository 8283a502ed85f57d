"""The reference network of Johnson et al. 2016, in the form pytorch/examples made common."""

import torch.nn.functional as F
from torch import Tensor, nn

from training.networks.layers import reflected


def _norm(channels: int) -> nn.InstanceNorm2d:
    return nn.InstanceNorm2d(channels, affine=True)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.first_norm = reflected(channels, channels, 3), _norm(channels)
        self.second, self.second_norm = reflected(channels, channels, 3), _norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.first_norm(self.first(x))
        y = self.second_norm(self.second(F.relu(y)))
        return x + y


class _Up(nn.Module):
    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.conv, self.norm = reflected(cin, cout, 3), _norm(cout)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest")))
        return F.relu(y)


class JohnsonNetwork(nn.Module):
    """32/64/128 channels, five residual blocks, 9x9 ends; 1.68 M parameters, 47 GMAC at 640x480.

    Departures from the paper's supplement, all as pytorch/examples has them: instance instead of
    batch norm, nearest upsampling with a convolution instead of a fractionally strided one, reflected
    padding, and a linear output. Contract as ``HourglassNetwork``, in multiples of 4.
    """

    size_multiple = 4

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = reflected(3, 32, 9), _norm(32)
        self.conv2, self.norm2 = reflected(32, 64, 3, stride=2), _norm(64)
        self.conv3, self.norm3 = reflected(64, 128, 3, stride=2), _norm(128)
        self.blocks = nn.Sequential(*(_Residual(128) for _ in range(5)))
        self.up1, self.up2 = _Up(128, 64), _Up(64, 32)
        self.head = reflected(32, 3, 9)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 3, H, W)."""
        return self.draw(image * 4.0 - 2.0) * 0.25 + 0.5

    def draw(self, x: Tensor) -> Tensor:
        """The same in the network's own units, -2..2 in and out; export folds the two scales away."""
        x = F.relu(self.norm1(self.conv1(x)))
        x = F.relu(self.norm2(self.conv2(x)))
        x = F.relu(self.norm3(self.conv3(x)))
        x = self.up2(self.up1(self.blocks(x)))
        y: Tensor = self.head(x)
        return y
