"""detail-N: a stride-4 stem, residual blocks at a quarter, and a two-step head that draws fine strokes."""

import torch.nn.functional as F
from torch import Tensor, nn

from training.networks.layers import InstanceNorm, ResidualBlock, UpsampleConv, reflected


class DetailNetwork(nn.Module):
    """No feature map at full resolution, so that all of them stay in the L2 cache.

    Both steps of the head upsample before they convolve. With a pixel shuffle in the second one, the four
    pixels of a block had weights of their own, and a Starry Night after 2,000 steps showed lines at every
    second pixel (25 to 40 times the neighbouring frequencies' energy); this head cannot draw a pattern
    where its features are constant.

    Called with an image (N, 3, H, W), RGB in [0, 1], H and W multiples of 4 and at least 12; returns
    the same shape, RGB, linear and not clamped (a tanh dulls the colours).
    """

    size_multiple = 4

    def __init__(self, width: int = 64, blocks: int = 4) -> None:
        super().__init__()
        self.stem = reflected(3, width, 8, stride=4, padding=2)
        self.stem_norm = InstanceNorm(width)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.up = UpsampleConv(width, width // 2)
        self.up_norm = InstanceNorm(width // 2)
        self.head = UpsampleConv(width // 2, 3)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 3, H, W)."""
        return self.draw(image * 4.0 - 2.0) * 0.25 + 0.5

    def draw(self, x: Tensor) -> Tensor:
        """The same in the network's own units, -2..2 in and out; export folds the two scales away."""
        x = F.relu(self.stem_norm(self.stem(x)))
        x = self.blocks(x)
        x = F.relu(self.up_norm(self.up(x)))
        y: Tensor = self.head(x)
        return y
