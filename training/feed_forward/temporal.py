"""Temporal stability learned from still photographs: a second frame is made from the first.

A network that flickers answers a small change of its input with a large one. The second frame is a known
motion of the first: a smooth warp and a shift, sensor noise and a slight change of exposure. The first
result, moved the same way, should be the second result (the short-term consistency of Ruder et al. 2016
and Huang et al. 2017, without their video: the motion is exact and nothing is hidden). Every other second
frame has been through a codec's transform and quantizer: the blocks it leaves on walls and skies change from
frame to frame, and white noise alone does not teach a network to pass over them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

RAMP_FROM, RAMP_UNTIL = 0.05, 0.3
LARGEST_SHIFT_PX = 8
LARGEST_WARP_PX = 3.0
LARGEST_NOISE = 0.02
LARGEST_GAIN = 0.05
LARGEST_QUANTIZER = 20.0 / 255.0
BLOCK_PX = 8


@dataclass(frozen=True)
class Motion:
    """How the second frame came from the first.

    Attributes:
        grid: (N, H, W, 2), where in the first picture each pixel of the second lies, x and y in [-1, 1]
            with corners aligned.
        visible: (N, 1, H, W), 1 where that place lies inside the first picture.
    """

    grid: Tensor
    visible: Tensor

    def apply(self, image: Tensor) -> Tensor:
        """Move (N, C, H, W); cubic interpolation, since linear would ask the network for blur."""
        moved: Tensor = F.grid_sample(
            image, self.grid, mode="bicubic", padding_mode="reflection", align_corners=True
        )
        return moved

    def part(self, share: slice) -> "Motion":
        """Those of some of the pictures."""
        return Motion(self.grid[share], self.visible[share])

    def to(self, device: torch.device) -> "Motion":
        """The same on another device."""
        return Motion(self.grid.to(device), self.visible.to(device))


def weight_factor(step: int, steps: int) -> float:
    """The temporal term's ramp: 0 until 5 % of the steps, full from 30 %.

    A network that draws nothing yet is stable by being grey.
    """
    start, full = RAMP_FROM * steps, RAMP_UNTIL * steps
    return min(1.0, max(0.0, (step - start) / max(1.0, full - start)))


def draw_motion(count: int, side: int, generator: torch.Generator) -> Motion:
    """Motions of ``count`` square pictures: a shift by whole pixels, and for every other one a smooth warp.

    The shift moves the picture against the network's stride; whole pixels leave it as sharp as it was.
    Which ones are warped, the odd or the even, is drawn too, so that a batch of one is not always the same.
    """
    shift = torch.randint(-LARGEST_SHIFT_PX, LARGEST_SHIFT_PX + 1, (count, 2, 1, 1), generator=generator)
    still = torch.rand(count, 1, 1, 1, generator=generator) < 0.25
    coarse = torch.randn(count, 2, 4, 4, generator=generator) * (LARGEST_WARP_PX / 2)
    warp = F.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=True)
    warp = warp.clamp(-LARGEST_WARP_PX, LARGEST_WARP_PX)
    warp[_every_other(generator)] = 0.0
    flow = torch.where(still, torch.zeros(()), shift + warp)
    axis = torch.arange(side, dtype=torch.float32)
    place = torch.stack([axis.expand(side, side), axis[:, None].expand(side, side)]) + flow
    grid = place / ((side - 1) / 2) - 1.0
    visible = (grid.abs() <= 1.0).all(dim=1, keepdim=True).float()
    return Motion(grid.permute(0, 2, 3, 1).contiguous(), visible)


def _every_other(generator: torch.Generator) -> slice:
    """The odd or the even places of a batch."""
    return slice(int(torch.randint(2, (1,), generator=generator)), None, 2)


def second_frame(
    image: Tensor,
    motion: Motion,
    generator: torch.Generator,
    count: int | None = None,
    share: slice = slice(None),
) -> Tensor:
    """The frame after ``image`` (N, 3, H, W), RGB in [0, 1], on the CPU: moved, exposed, noisy.

    Noise has a deviation of up to 0.02 (5 grey levels), exposure differs by up to 5 %; every other picture is
    ``coded`` with a quantizer of up to 20 grey levels.

    Args:
        count, share: ``image`` is this share of a batch of ``count`` pictures, all of which are drawn for.
    """
    count = len(image) if count is None else count
    gain = 1.0 + LARGEST_GAIN * (2.0 * torch.rand(count, 1, 1, 1, generator=generator) - 1.0)
    deviation = LARGEST_NOISE * torch.rand(count, 1, 1, 1, generator=generator)
    noise = torch.randn((count, *image.shape[1:]), generator=generator) * deviation
    quantizer = LARGEST_QUANTIZER * torch.rand(count, 1, 1, 1, generator=generator)
    quantizer[_every_other(generator)] = 0.0
    after = (motion.apply(image) * gain[share] + noise[share]).clamp(0.0, 1.0)
    return coded(after, quantizer[share])


def coded(image: Tensor, quantizer: Tensor) -> Tensor:
    """What a block codec leaves of a picture: its 8x8 DCT coefficients rounded to multiples of a step.

    The step of coefficient (u, v) is ``quantizer * (1 + (u + v) / 4)``, coarser for finer detail, roughly
    the slope of JPEG's example table (ITU-T T.81, K.1; its DC step is 16 grey levels).

    Args:
        image: (N, 3, H, W) in [0, 1], any size. quantizer: (N, 1, 1, 1), in [0, 1]; 0 leaves a picture alone.

    Returns:
        The same shape, in [0, 1].
    """
    height, width = image.shape[2:]
    padded = F.pad(image, (0, -width % BLOCK_PX, 0, -height % BLOCK_PX), mode="replicate")
    rows, columns = padded.shape[2] // BLOCK_PX, padded.shape[3] // BLOCK_PX
    blocks = padded.reshape(*padded.shape[:2], rows, BLOCK_PX, columns, BLOCK_PX).transpose(3, 4)
    number = torch.arange(BLOCK_PX, dtype=image.dtype)
    basis = torch.cos(math.pi / BLOCK_PX * (number + 0.5) * number[:, None]) * math.sqrt(2 / BLOCK_PX)
    basis[0] /= math.sqrt(2)
    step = quantizer[..., None, None] * (1 + (number + number[:, None]) / 4)
    rounded = (basis @ blocks @ basis.T / step.clamp_min(1e-9)).round() * step
    pixels = (basis.T @ rounded @ basis).transpose(3, 4).reshape(padded.shape)
    return torch.where(quantizer > 0, pixels[..., :height, :width].clamp(0.0, 1.0), image)


def temporal_distance(
    first: Tensor, second: Tensor, motion: Motion, pooled: Callable[[Tensor], Tensor] = lambda value: value
) -> Tensor:
    """Masked mean square of (moved first - second), relative to the first picture's own variance.

    ``sum m (W(f1) - f2)^2 / sum m / var(f1)``: 0 for a network that moves with its input, 2 for two
    unrelated pictures of one kind. The gradient passes through the variance too, so that scaling the
    results changes nothing: with a constant in its place a network lowers the term by going pale, and a
    Starry Night lost its yellows within 600 steps.

    Args:
        first, second: (N, 3, H, W), the network's results for the two frames.
        pooled: gives the mean of a scalar over all processes that hold a share of the batch each.

    Returns:
        A scalar.
    """
    squared = (motion.apply(first) - second).square() * motion.visible
    mean = squared.sum() / (pooled(motion.visible.sum()) * first.shape[1]).clamp_min(1.0)
    return mean / pooled(first.var(dim=(2, 3)).mean()).clamp_min(1e-4)
