"""hourglass-N: residual blocks at an eighth of the size, resize-convolutions back, a skip at a quarter."""

import torch.nn.functional as F
from torch import Tensor, nn

from training.networks.layers import ResidualBlock, UpsampleConv, instance_norm, reflected


class HourglassNetwork(nn.Module):
    """The default network: at an eighth the same convolutions see twice as far for a quarter of the work.

    All three steps of the way back upsample before they convolve, so that no phase of a pixel has weights
    of its own: a constant picture stays constant.

    Called with an image (N, 3, H, W), RGB in [0, 1], H and W multiples of 8 and at least 24; returns the
    same shape, RGB, linear and not clamped (a tanh dulls the colours).

    With ``adds_input`` the head paints a change, which is added to the picture; a fresh one changes nothing.
    """

    size_multiple = 8

    def __init__(
        self, width: int = 64, blocks: int = 5, quarter: int = 24, half: int = 16, adds_input: bool = False
    ) -> None:
        """Args: channels at 1/8, residual blocks there, channels at 1/4 (stem and skip) and at 1/2."""
        super().__init__()
        self.stem = reflected(3, quarter, 8, stride=4, padding=2)
        self.stem_norm = instance_norm(quarter)
        self.down = reflected(quarter, width, 4, stride=2, padding=1)
        self.down_norm = instance_norm(width)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.up = UpsampleConv(width, quarter)
        self.up_norm = instance_norm(quarter)
        self.up_half = UpsampleConv(quarter, half)
        self.up_half_norm = instance_norm(half)
        self.head = UpsampleConv(half, 3)
        self.adds_input = adds_input
        if adds_input:
            self.leave_unchanged()

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 3, H, W)."""
        return self.draw(image * 4.0 - 2.0) * 0.25 + 0.5

    def leave_unchanged(self) -> None:
        """Make the head paint nothing: with ``adds_input`` the picture comes out as it went in."""
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)

    def draw(self, x: Tensor) -> Tensor:
        """The same in the network's own units, -2..2 in and out; export folds the two scales away."""
        image = x
        skip = F.relu(self.stem_norm(self.stem(x)))
        x = self.blocks(F.relu(self.down_norm(self.down(skip))))
        x = F.relu(self.up_norm(self.up(x))) + skip
        x = F.relu(self.up_half_norm(self.up_half(x)))
        y: Tensor = self.head(x)
        return image + y if self.adds_input else y
