"""Building blocks of the networks: reflected convolutions, norms, residual blocks, upsampling."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPS = 1e-3  # larger than usual: in a mostly flat frame a tiny deviation would amplify noise


def reflected(cin: int, cout: int, kernel: int, stride: int = 1, padding: int | None = None) -> nn.Conv2d:
    """A convolution that reflects at the border: zero padding leaves a visible frame in the picture."""
    padding = kernel // 2 if padding is None else padding
    return nn.Conv2d(cin, cout, kernel, stride, padding, padding_mode="reflect")


class InstanceNorm(nn.Module):
    """Instance normalisation with learned scale and shift (Ulyanov et al. 2017).

    With ``rows`` both are tables with a row for each style, and every call says how much of each row it
    takes (conditional instance normalisation, Dumoulin, Shlens & Kudlur 2017).
    """

    def __init__(self, channels: int, rows: int = 0, eps: float = NORM_EPS) -> None:
        super().__init__()
        shape = (rows, channels) if rows else (channels,)
        self.eps = eps
        self.weight, self.bias = nn.Parameter(torch.ones(shape)), nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """(N, C, H, W) -> the same; ``style`` (rows,) or (N, rows) where there are rows, else None."""
        if style is None:
            return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)
        # Scale first, and of rank 4: OpenVINO then makes one pass of it and the ReLU, without a copy.
        scale, shift = ((style @ table).view(-1, x.shape[1], 1, 1) for table in (self.weight, self.bias))
        return scale * F.instance_norm(x, eps=self.eps) + shift


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with one norm between them, added to what came in.

    He et al. 2016 and Johnson et al. 2016 norm both; the second norm costs time and its loss was not
    visible.
    """

    def __init__(self, channels: int, rows: int = 0) -> None:
        super().__init__()
        self.first = reflected(channels, channels, 3)
        self.norm = InstanceNorm(channels, rows)
        self.second = reflected(channels, channels, 3)

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        y: Tensor = self.second(F.relu(self.norm(self.first(x), style)))
        return x + y


class UpsampleConv(nn.Module):
    """Nearest x2, then a reflected 3x3 convolution (Odena et al. 2016: no checkerboard).

    The pair equals one 4x4 stride-2 transposed convolution on the edge-padded input, a quarter of the
    work; ``export.to_onnx`` writes that.
    """

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.conv = reflected(cin, cout, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, H, W) -> (N, Cout, 2H, 2W)."""
        y: Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return y


class TanhConv(nn.Module):
    """A convolution that keeps the size and a tanh: the end of networks that paint in -1..1."""

    def __init__(
        self, cin: int, cout: int, kernel: int, padding_mode: Literal["zeros", "reflect"] = "reflect"
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, padding=kernel // 2, padding_mode=padding_mode)

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, H, W) -> (N, Cout, H, W) in -1..1."""
        return torch.tanh(self.conv(x))


class BatchNormConv(nn.Module):
    """A convolution and the batch norm after it (Ioffe & Szegedy 2015); export folds the two into one."""

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d | UpsampleConv, channels: int) -> None:
        super().__init__()
        self.conv: nn.Module = conv
        self.norm: nn.Module = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """As the convolution."""
        y: Tensor = self.norm(self.conv(x))
        return y
