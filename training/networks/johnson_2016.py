"""The style transfer network of Johnson et al. 2016 as their supplement's table 1 prints it."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from training.networks.layers import BatchNormConv, TanhConv, UpsampleConv

PADDING_PX = 40
"""What five residual blocks without padding take from each side: 2 px each, at a quarter of the size."""

Upsampling = Literal["fractional", "resize"]


class _Residual(nn.Module):
    """Two 3x3 convolutions without padding; what came in is cropped and added, no ReLU after."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = BatchNormConv(nn.Conv2d(channels, channels, 3), channels)
        self.second = BatchNormConv(nn.Conv2d(channels, channels, 3), channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(F.relu(self.first(x)))
        return x[:, :, 2:-2, 2:-2] + y


def _up(cin: int, cout: int, upsampling: Upsampling) -> BatchNormConv:
    if upsampling == "resize":
        return BatchNormConv(UpsampleConv(cin, cout), cout)
    fractional = nn.ConvTranspose2d(cin, cout, 3, stride=2, padding=1, output_padding=1)
    return BatchNormConv(fractional, cout)


class Johnson2016Network(nn.Module):
    """Batch norm, 9x9 ends, two stride-2 convolutions, five residual blocks, a scaled tanh.

    Johnson, Alahi & Fei-Fei, ECCV 2016, supplementary material, section 1 and table 1: the picture is
    reflected by 40 px a side, the residual blocks have no padding and crop what they add (Gross & Wilber's
    block: no ReLU after the addition), every other convolution keeps the size with zeros round it, and all
    but the last are followed by batch norm and ReLU. The tanh is scaled to the range of pixels.

    Called with an image (N, 3, H, W), RGB in [0, 1], H and W multiples of 4 and at least 44; returns the
    same shape, RGB, within [0, 1]. In training mode batch norm takes the batch's own moments.

    Departure: ``upsampling="resize"`` puts nearest x2 and a reflected 3x3 convolution in place of each
    fractionally strided one, which may draw a checkerboard (Odena et al. 2016).
    """

    size_multiple = 4
    shortest_px = PADDING_PX + 4
    value_range = (-1.0, 1.0)

    def __init__(self, upsampling: Upsampling = "fractional") -> None:
        super().__init__()
        self.first = BatchNormConv(nn.Conv2d(3, 32, 9, padding=4), 32)
        self.down1 = BatchNormConv(nn.Conv2d(32, 64, 3, stride=2, padding=1), 64)
        self.down2 = BatchNormConv(nn.Conv2d(64, 128, 3, stride=2, padding=1), 128)
        self.blocks = nn.Sequential(*(_Residual(128) for _ in range(5)))
        self.up1, self.up2 = _up(128, 64, upsampling), _up(64, 32, upsampling)
        self.head = TanhConv(32, 3, 9, padding_mode="zeros")

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 3, H, W)."""
        return self.draw(image * 2.0 - 1.0) * 0.5 + 0.5

    def draw(self, x: Tensor) -> Tensor:
        """The same in the network's own units, -1..1 in and out."""
        x = F.pad(x, (PADDING_PX,) * 4, mode="reflect")
        x = F.relu(self.down2(F.relu(self.down1(F.relu(self.first(x))))))
        x = self.blocks(x)
        x = F.relu(self.up2(F.relu(self.up1(x))))
        y: Tensor = self.head(x)
        return y
