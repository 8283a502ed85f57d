"""The network as the style file holds it: frame in, frame out, everything numeric inside."""

import copy
import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.networks import is_linear
from training.networks.layers import BatchNormConv, UpsampleConv

_INPUT_SCALE, _INPUT_SHIFT = 4.0 / 255.0, -2.0  # networks see image * 4 - 2
_OUTPUT_SCALE, _OUTPUT_SHIFT = 0.25 * 255.0, 0.5 * 255.0  # and return y * 0.25 + 0.5


class TransposedUpsample(nn.Module):
    """``UpsampleConv`` as one 4x4 stride-2 transposed convolution: the same sums, 4/9 of the work.

    Reflecting the nearest-neighbour picture by one pixel repeats its outermost sample, which is the
    edge of the small picture repeated: so the input is padded by its edge and the surplus cropped.
    """

    def __init__(self, source: UpsampleConv) -> None:
        super().__init__()
        weight = source.conv.weight.detach()  # (out, in, 3, 3), over the doubled picture
        out_channels, in_channels = weight.shape[:2]
        self.deconv = nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=3)
        self.deconv.weight.data = _transposed_kernel(weight)
        assert source.conv.bias is not None
        assert self.deconv.bias is not None
        self.deconv.bias.data = source.conv.bias.detach().clone()

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, H, W) -> (N, Cout, 2H, 2W)."""
        y: Tensor = self.deconv(F.pad(x, (1, 1, 1, 1), mode="replicate"))
        return y


class ShuffledUpsample(nn.Module):
    """``UpsampleConv`` as one 3x3 convolution at the small size and a pixel shuffle: the same sums.

    For the last layer, whose three channels would leave a transposed convolution's units mostly idle.
    """

    def __init__(self, source: UpsampleConv) -> None:
        super().__init__()
        weight = source.conv.weight.detach()  # (out, in, 3, 3), over the doubled picture
        self.conv = nn.Conv2d(weight.shape[1], 4 * weight.shape[0], 3, padding=1, padding_mode="replicate")
        assert source.conv.bias is not None
        assert self.conv.bias is not None
        self.conv.weight.data = _phase_kernels(weight)
        self.conv.bias.data = source.conv.bias.detach().repeat_interleave(4)

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, H, W) -> (N, Cout, 2H, 2W)."""
        return F.pixel_shuffle(self.conv(x), 2)


def _phase_kernels(weight: Tensor) -> Tensor:
    """(out, in, 3, 3) over a doubled picture -> (4 out, in, 3, 3) over the small one, a phase each.

    Tap k of the 3x3 kernel at pixel 2i + a reads pixel 2i + a + k - 1, a copy of sample
    i + (a + k - 1) // 2.
    """
    out_channels, in_channels = weight.shape[:2]
    kernels = weight.new_zeros(out_channels, 2, 2, in_channels, 3, 3)
    for a, b, k, m in itertools.product(range(2), range(2), range(3), range(3)):
        kernels[:, a, b, :, 1 + (a + k - 1) // 2, 1 + (b + m - 1) // 2] += weight[:, :, k, m]
    return kernels.reshape(4 * out_channels, in_channels, 3, 3)


def _transposed_kernel(weight: Tensor) -> Tensor:
    """(out, in, 3, 3) over a doubled picture -> (in, out, 4, 4) of the equal transposed convolution.

    Sample s of the small picture covers pixels 2s and 2s+1; tap k of the 3x3 kernel at pixel p reads
    pixel p + k - 1. So what s adds to pixel 2s + o (o from -1 to 2) is the sum of the taps k with
    0 <= o + k - 1 <= 1.
    """
    out_channels, in_channels = weight.shape[:2]
    kernel = weight.new_zeros(in_channels, out_channels, 4, 4)
    taps = [[k for k in range(3) if 0 <= offset + k - 1 <= 1] for offset in range(-1, 3)]
    for row, ks in enumerate(taps):
        for column, ls in enumerate(taps):
            block = weight[:, :, ks][:, :, :, ls].sum(dim=(2, 3))
            kernel[:, :, row, column] = block.transpose(0, 1)
    return kernel


class FrameNetwork(nn.Module):
    """A trained network wrapped to take and give frames, in float arithmetic throughout.

    Input: (1, H, W, 3) uint8 BGR. Output: the same. The value ranges and the swap between BGR and RGB
    are folded into the first and the last convolution, batch norms into the convolutions before them.
    Two things cannot be folded exactly and are done beside the network instead: the shift of the input
    before a convolution that surrounds the picture with zeros (reflection commutes with a shift, zeros do
    not), and the range of an output that a tanh has squashed.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        body = copy.deepcopy(network).eval().requires_grad_(False)
        _fold_batch_norms(body)
        first = next(m for m in body.modules() if isinstance(m, nn.Conv2d) and m.in_channels == 3)
        _fold_input_scale(first)
        self.input_shift = _INPUT_SHIFT / _INPUT_SCALE if _pads_with_zeros(first) else 0.0
        if not self.input_shift:
            _fold_shift(first)
        head = body.head
        last: nn.Conv2d = head.conv if isinstance(head, UpsampleConv) else head  # type: ignore[assignment]
        _swap_output(last)
        self.is_linear = is_linear(network)
        if self.is_linear:
            _fold_output_range(last)
        if isinstance(head, UpsampleConv):
            body.head = ShuffledUpsample(head)
        _replace_upsampling(body)
        self.body = body

    def forward(self, frame: Tensor) -> Tensor:
        """(1, H, W, 3) uint8 -> (1, H, W, 3) uint8."""
        x = frame.to(torch.float32).permute(0, 3, 1, 2)
        if self.input_shift:
            x = x + self.input_shift
        y: Tensor = self.body.draw(x)  # type: ignore[operator]
        if not self.is_linear:
            y = y * _OUTPUT_SCALE + _OUTPUT_SHIFT
        return (y + 0.5).clamp(0.0, 255.0).permute(0, 2, 3, 1).to(torch.uint8)


def _replace_upsampling(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, UpsampleConv):
            setattr(module, name, TransposedUpsample(child))
        else:
            _replace_upsampling(child)


def _fold_batch_norms(body: nn.Module) -> None:
    for module in body.modules():
        if not isinstance(module, BatchNormConv):
            continue
        holder = module.conv if isinstance(module.conv, UpsampleConv) else module
        conv, norm = holder.conv, module.norm
        assert isinstance(conv, nn.Conv2d | nn.ConvTranspose2d)
        assert isinstance(norm, nn.BatchNorm2d)
        holder.conv = fuse_conv_bn_eval(conv, norm, transpose=isinstance(conv, nn.ConvTranspose2d))
        module.norm = nn.Identity()


def _pads_with_zeros(conv: nn.Conv2d) -> bool:
    return conv.padding_mode == "zeros" and conv.padding != (0, 0)


def _fold_input_scale(conv: nn.Conv2d) -> None:
    conv.weight.data = conv.weight.data[:, [2, 1, 0]] * _INPUT_SCALE


def _fold_shift(conv: nn.Conv2d) -> None:
    assert conv.bias is not None
    conv.bias.data += conv.weight.data.sum(dim=(1, 2, 3)) * (_INPUT_SHIFT / _INPUT_SCALE)


def _swap_output(conv: nn.Conv2d) -> None:
    assert conv.bias is not None
    order = torch.arange(conv.out_channels).view(3, -1).flip(0).reshape(-1)
    conv.weight.data, conv.bias.data = conv.weight.data[order], conv.bias.data[order]


def _fold_output_range(conv: nn.Conv2d) -> None:
    assert conv.bias is not None
    conv.weight.data = conv.weight.data * _OUTPUT_SCALE
    conv.bias.data = conv.bias.data * _OUTPUT_SCALE + _OUTPUT_SHIFT
