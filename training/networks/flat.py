"""flat-N: everything at a quarter of the resolution, one pixel shuffle by four at the end."""

import torch.nn.functional as F
from torch import Tensor, nn

from training.networks.layers import ResidualBlock, init_icnr, instance_norm, reflected


class FlatNetwork(nn.Module):
    """The plainest layout, and at width 32 the ``fast`` one. Contract as ``DetailNetwork``."""

    size_multiple = 4

    def __init__(self, width: int = 64, blocks: int = 5) -> None:
        super().__init__()
        self.stem = reflected(3, width, 8, stride=4, padding=2)
        self.stem_norm = instance_norm(width)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.head = reflected(width, 48, 3)
        init_icnr(self.head, 4)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 3, H, W)."""
        return self.draw(image * 4.0 - 2.0) * 0.25 + 0.5

    def draw(self, x: Tensor) -> Tensor:
        """The same in the network's own units, -2..2 in and out; export folds the two scales away."""
        x = F.relu(self.stem_norm(self.stem(x)))
        return F.pixel_shuffle(self.head(self.blocks(x)), 4)
