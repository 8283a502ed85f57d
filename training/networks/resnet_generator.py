"""The ResNet generator of CycleGAN (Zhu et al. 2017, section 7.2), as its authors' code has it."""

import torch.nn.functional as F
from torch import Tensor, nn

from training.networks.layers import TanhConv, reflected


class _Residual(nn.Module):
    def __init__(self, channels: int, affine: bool) -> None:
        super().__init__()
        self.conv1, self.norm1 = reflected(channels, channels, 3), _norm(channels, affine)
        self.conv2, self.norm2 = reflected(channels, channels, 3), _norm(channels, affine)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return x + y


def _norm(channels: int, affine: bool) -> nn.InstanceNorm2d:
    return nn.InstanceNorm2d(channels, affine=affine)


def _doubled(cin: int, cout: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(cin, cout, 3, stride=2, padding=1, output_padding=1)


class ResnetGenerator(nn.Module):
    """c7s1-64, d128, d256, R256 six times (128 px) or nine times (256 px), u128, u64, c7s1-3 and a tanh.

    Called with an image (N, 3, H, W), RGB in [0, 1], H and W multiples of 4 and at least 16; returns the same
    shape, RGB, within [0, 1].
    """

    size_multiple = 4
    shortest_px = 16
    value_range = (-1.0, 1.0)

    def __init__(self, width: int = 64, blocks: int = 9, affine: bool = True) -> None:
        """Args: channels at full size, residual blocks, whether the instance norms have weights."""
        super().__init__()
        a, b, c = width, 2 * width, 4 * width
        self.stem, self.stem_norm = reflected(3, a, 7), _norm(a, affine)
        self.down1, self.down1_norm = nn.Conv2d(a, b, 3, stride=2, padding=1), _norm(b, affine)
        self.down2, self.down2_norm = nn.Conv2d(b, c, 3, stride=2, padding=1), _norm(c, affine)
        self.blocks = nn.Sequential(*(_Residual(c, affine) for _ in range(blocks)))
        self.up1, self.up1_norm = _doubled(c, b), _norm(b, affine)
        self.up2, self.up2_norm = _doubled(b, a), _norm(a, affine)
        self.head = TanhConv(a, 3, 7)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 3, H, W)."""
        return self.draw(image * 2.0 - 1.0) * 0.5 + 0.5

    def draw(self, x: Tensor) -> Tensor:
        """The same in the network's own units, -1..1 in and out."""
        x = F.relu(self.stem_norm(self.stem(x)))
        x = F.relu(self.down1_norm(self.down1(x)))
        x = F.relu(self.down2_norm(self.down2(x)))
        x = self.blocks(x)
        x = F.relu(self.up1_norm(self.up1(x)))
        x = F.relu(self.up2_norm(self.up2(x)))
        y: Tensor = self.head(x)
        return y
