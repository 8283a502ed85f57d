"""The network as a style file holds it, frame in and frame out, everything numeric inside; and back."""

import copy
import itertools
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.networks.layers import BatchNormConv, TanhConv, UpsampleConv


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
    """``UpsampleConv`` as one 2x2 convolution and a pixel shuffle: the same sums, 4/9 of the work.

    For the last layer, whose three channels would leave a transposed convolution's units mostly idle. A
    window over samples g - 1 and g holds all that pixels 2g - 1 and 2g look at, so the windows of the
    edge-padded picture, shuffled, begin a pixel too early and end one too late.
    """

    def __init__(self, source: UpsampleConv) -> None:
        super().__init__()
        weight = source.conv.weight.detach()  # (out, in, 3, 3), over the doubled picture
        self.conv = nn.Conv2d(weight.shape[1], 4 * weight.shape[0], 2)
        assert source.conv.bias is not None
        assert self.conv.bias is not None
        self.conv.weight.data = _window_kernels(weight)
        self.conv.bias.data = source.conv.bias.detach().repeat_interleave(4)

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, H, W) -> (N, Cout, 2H, 2W)."""
        y = F.pixel_shuffle(self.conv(F.pad(x, (1, 1, 1, 1), mode="replicate")), 2)
        return y[:, :, 1:-1, 1:-1]


def with_summable_taps(network: nn.Module) -> nn.Module:
    """A copy whose upsampling convolutions within (the head apart) have ``summable`` weights."""
    copied = copy.deepcopy(network)
    for name, module in copied.named_modules():
        if isinstance(module, UpsampleConv) and name != "head":
            module.conv.weight.data = summable(module.conv.weight.data)
    return copied


def summable(weight: Tensor) -> Tensor:
    """Round (out, in, 3, 3) taps so that sums of neighbours, two by two, are exact in bfloat16 and float16.

    The four phases of a transposed convolution sum the same nine taps in groups of their own. Where those
    sums are rounded, the phases no longer agree on a constant picture, and a norm after it makes a pattern
    of two by two pixels of the difference: 7 grey levels on a black frame with one bundled style.

    Each kernel has a step of its own, a power of two of which its largest possible sum is at most 256: what
    eight significant bits can hold.
    """
    ones = weight.new_ones(1, 1, 2, 2)
    sums = F.conv2d(weight.abs().reshape(-1, 1, 3, 3), ones).amax(dim=(1, 2, 3))
    exponent = torch.ceil(torch.log2(sums.clamp_min(torch.finfo(weight.dtype).tiny))) - 8
    step = torch.exp2(exponent).reshape(*weight.shape[:2], 1, 1)
    return torch.round(weight / step) * step


def _window_kernels(weight: Tensor) -> Tensor:
    """(out, in, 3, 3) over a doubled picture -> (4 out, in, 2, 2) over windows of the small one.

    Tap k of the 3x3 kernel at pixel 2g - 1 + p reads pixel 2g - 2 + p + k: a copy of sample g - 1 where
    p + k is 0 or 1, else of sample g.
    """
    out_channels, in_channels = weight.shape[:2]
    kernels = weight.new_zeros(out_channels, 2, 2, in_channels, 2, 2)
    for p, q, k, m in itertools.product(range(2), range(2), range(3), range(3)):
        kernels[:, p, q, :, (p + k) // 2, (q + m) // 2] += weight[:, :, k, m]
    return kernels.reshape(4 * out_channels, in_channels, 2, 2)


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


class LogisticConv(nn.Module):
    """``TanhConv`` in BGR grey levels: 127.5 (tanh z + 1) is 255 times the logistic function of 2 z.

    The 2 and the channels' order go into the convolution, so that one multiplication is left.
    """

    def __init__(self, source: TanhConv) -> None:
        super().__init__()
        self.conv = source.conv
        _fold_channels(self.conv, 2.0, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, H, W) -> (N, 3, H, W), BGR in 0..255."""
        return torch.sigmoid(self.conv(x)) * 255.0


class FrameNetwork(nn.Module):
    """A trained network wrapped to take and give frames, in float arithmetic throughout.

    Input: (1, H, W, 3) uint8 BGR. Output: the same. The value ranges and the swap between BGR and RGB
    are folded into the first and the last convolution: exact, since reflection commutes with both. Zeros
    round the picture do not commute with the shift of the input, which is then left outside. Batch norms
    are folded into the convolutions before them.
    """

    def __init__(self, network: nn.Module, value_range: tuple[float, float]) -> None:
        """Copy and fold ``network``.

        Args:
            network: RGB in and out by ``draw``; its ``head`` is a convolution, an ``UpsampleConv`` or a
                ``TanhConv``. What the head of one that ``adds_input`` paints is a difference, and black
                is no part of it.
            value_range: black and white in the numbers that ``draw`` takes and gives.
        """
        super().__init__()
        body = copy.deepcopy(network).eval().requires_grad_(False)
        black, white = value_range
        _fold_batch_norms(body)
        first = next(m for m in body.modules() if isinstance(m, nn.Conv2d) and m.in_channels == 3)
        self.input_shift = _fold_input(first, black, white)
        adds_input = bool(getattr(body, "adds_input", False))
        body.head = _folded_head(body.head, black, white, adds_input)  # type: ignore[arg-type]
        _replace_upsampling(body)
        self.body = body

    def forward(self, frame: Tensor, control: Tensor | None = None) -> Tensor:
        """(1, H, W, 3) uint8 and the network's further input, if it has one -> (1, H, W, 3) uint8."""
        x = frame.to(torch.float32).permute(0, 3, 1, 2)
        if self.input_shift:
            x = x + self.input_shift
        y = self.body.draw(x) if control is None else self.body.draw(x, control)  # type: ignore[operator]
        stylized: Tensor = (y + 0.5).clamp(0.0, 255.0).permute(0, 2, 3, 1).to(torch.uint8)
        return stylized


def _replace_upsampling(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, UpsampleConv):
            setattr(module, name, TransposedUpsample(child))
        else:
            _replace_upsampling(child)


def _folded_head(head: nn.Module, black: float, white: float, is_difference: bool) -> nn.Module:
    if isinstance(head, TanhConv):
        return LogisticConv(head)
    conv = head.conv if isinstance(head, UpsampleConv) else head
    assert isinstance(conv, nn.Conv2d)
    scale = 255.0 / (white - black)
    _fold_channels(conv, scale, 0.0 if is_difference else -black * scale)
    return ShuffledUpsample(head) if isinstance(head, UpsampleConv) else conv


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


def _fold_input(conv: nn.Conv2d, black: float, white: float) -> float:
    """Take grey levels of BGR; returns what must be added to them before, 0 where that was folded too."""
    assert conv.bias is not None
    weight = conv.weight.data[:, [2, 1, 0]]
    scale = (white - black) / 255.0
    conv.weight.data = weight * scale
    if conv.padding_mode == "zeros" and conv.padding != (0, 0):
        return black / scale
    conv.bias.data += weight.sum(dim=(1, 2, 3)) * black
    return 0.0


def _fold_channels(conv: nn.Conv2d, scale: float, shift: float) -> None:
    """``scale * y + shift`` for y of ``conv``, its RGB channels turned to BGR."""
    assert conv.bias is not None
    conv.weight.data = conv.weight.data.flip(0) * scale
    conv.bias.data = conv.bias.data.flip(0) * scale + shift


def unfolded(
    body: Mapping[str, Tensor], value_range: tuple[float, float], adds_input: bool = False
) -> dict[str, Tensor]:
    """The trained weights of a folded body, by name and in float32: all folding is linear and comes apart.

    Args:
        body: of a ``FrameNetwork``, without batch norms and ``TanhConv``; the first weight is the first
            convolution's.
        value_range: black and white in the network's numbers.
        adds_input: whether the network adds what its head paints to the picture.
    """
    weights: dict[str, Tensor] = {}
    for key, value in body.items():
        wide, is_bias = value.double(), key.endswith("bias")
        if ".deconv." in key:
            transposed = wide if is_bias else _unfolded_kernel(wide.transpose(0, 1), _transposed_kernel)
            weights[key.replace(".deconv.", ".conv.")] = transposed
        elif key.startswith("head.conv."):
            phases = wide.reshape(-1, 4, *wide.shape[1:])
            weights[key] = (
                phases[:, 0] if is_bias else _unfolded_kernel(phases.transpose(1, 2), _window_kernels)
            )
        else:
            weights[key] = wide
    scale, black = (value_range[1] - value_range[0]) / 255.0, value_range[0]
    first = next(iter(weights)).rpartition(".")[0]
    kernel = weights[f"{first}.weight"] / scale
    weights[f"{first}.bias"] = weights[f"{first}.bias"] - black * kernel.sum(dim=(1, 2, 3))
    weights[f"{first}.weight"] = kernel.flip(1)
    last = "head.conv" if "head.conv.weight" in weights else "head"
    for key, shift in ((f"{last}.weight", 0.0), (f"{last}.bias", 0.0 if adds_input else black)):
        weights[key] = weights[key].flip(0) * scale + shift
    return {key: value.float().contiguous() for key, value in weights.items()}


def _unfolded_kernel(folded: Tensor, fold: Callable[[Tensor], Tensor]) -> Tensor:
    """(out, in, ..., h, w), the taps that ``fold`` made of each kernel -> (out, in, 3, 3)."""
    taps = torch.eye(9, dtype=folded.dtype).view(9, 1, 3, 3)  # nine kernels of one tap each
    spread = fold(taps).reshape(9, -1)
    kernels: Tensor = folded.flatten(2) @ torch.linalg.pinv(spread)
    return kernels.reshape(*kernels.shape[:2], 3, 3)
