"""hourglass-N: residual blocks at an eighth of the size, resize-convolutions back, a skip at a quarter."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.networks.layers import InstanceNorm, ResidualBlock, UpsampleConv, reflected


class HourglassNetwork(nn.Module):
    """The default network: at an eighth the same convolutions see twice as far for a quarter of the work.

    All three steps of the way back upsample before they convolve, so that no phase of a pixel has weights
    of its own: a constant picture stays constant.

    With ``rows`` one network holds that many styles: they share its convolutions, and each has scale and
    shift of its own in every norm.

    Called with an image (N, 3, H, W), RGB in [0, 1], H and W multiples of 8 and at least 24; returns the
    same shape, RGB, linear and not clamped (a tanh dulls the colours). Where there are rows, ``style`` says
    how much of each is taken, (rows,) for all pictures or (N, rows); None takes the first.

    With ``adds_input`` the head paints a change, which is added to the picture; a fresh one changes nothing.
    """

    size_multiple = 8

    def __init__(
        self,
        width: int = 64,
        blocks: int = 5,
        quarter: int = 24,
        half: int = 16,
        adds_input: bool = False,
        rows: int = 0,
    ) -> None:
        """Args: channels at 1/8, residual blocks there, channels at 1/4 (stem, skip) and at 1/2; styles."""
        super().__init__()
        self.rows = rows
        self.stem = reflected(3, quarter, 8, stride=4, padding=2)
        self.stem_norm = InstanceNorm(quarter, rows)
        self.down = reflected(quarter, width, 4, stride=2, padding=1)
        self.down_norm = InstanceNorm(width, rows)
        self.blocks = nn.ModuleList(ResidualBlock(width, rows) for _ in range(blocks))
        self.up = UpsampleConv(width, quarter)
        self.up_norm = InstanceNorm(quarter, rows)
        self.up_half = UpsampleConv(quarter, half)
        self.up_half_norm = InstanceNorm(half, rows)
        self.head = UpsampleConv(half, 3)
        self.adds_input = adds_input
        if adds_input:
            self.leave_unchanged()

    def forward(self, image: Tensor, style: Tensor | None = None) -> Tensor:
        """(N, 3, H, W) -> (N, 3, H, W)."""
        return self.draw(image * 4.0 - 2.0, style) * 0.25 + 0.5

    def leave_unchanged(self) -> None:
        """Make the head paint nothing: with ``adds_input`` the picture comes out as it went in."""
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)

    def draw(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """The same in the network's own units, -2..2 in and out; export folds the two scales away."""
        if self.rows and style is None:
            style = torch.eye(self.rows, dtype=x.dtype, device=x.device)[0]
        image = x
        skip = F.relu(self.stem_norm(self.stem(x), style))
        x = F.relu(self.down_norm(self.down(skip), style))
        for block in self.blocks:
            x = block(x, style)
        x = F.relu(self.up_norm(self.up(x), style)) + skip
        x = F.relu(self.up_half_norm(self.up_half(x), style))
        y: Tensor = self.head(x)
        return image + y if self.adds_input else y
