"""hourglass-N: residual blocks at an eighth, a skip connection at a quarter."""

import torch.nn.functional as F
from torch import Tensor, nn

from training.networks.layers import ResidualBlock, UpsampleConv, init_icnr, instance_norm, reflected


class HourglassNetwork(nn.Module):
    """A wider view for the same work. Contract as ``DetailNetwork``, with multiples of 8, at least 24."""

    size_multiple = 8

    def __init__(self, width: int = 96, blocks: int = 4) -> None:
        super().__init__()
        half = width // 2
        self.stem = reflected(3, half, 8, stride=4, padding=2)
        self.stem_norm = instance_norm(half)
        self.down = reflected(half, width, 4, stride=2, padding=1)
        self.down_norm = instance_norm(width)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.up = UpsampleConv(width, half)
        self.up_norm = instance_norm(half)
        self.head = reflected(half, 48, 3)
        init_icnr(self.head, 4)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 3, H, W)."""
        return self.draw(image * 4.0 - 2.0) * 0.25 + 0.5

    def draw(self, x: Tensor) -> Tensor:
        """The same in the network's own units, -2..2 in and out; export folds the two scales away."""
        skip = F.relu(self.stem_norm(self.stem(x)))
        x = self.blocks(F.relu(self.down_norm(self.down(skip))))
        x = F.relu(self.up_norm(self.up(x))) + skip
        return F.pixel_shuffle(self.head(x), 4)
