"""Pure loss mathematics: no state, no modules, no devices chosen here.

An *image* is a float tensor (N, 3, H, W), RGB, in [0, 1]. *Features* are (N, C, H, W) activations
of the encoder. Every distance returns one scalar, averaged over the batch, so that weights do not
change their meaning with the batch size.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)  # 5-tap binomial kernel of Burt & Adelson 1983, sum 16


def _require_rank_4(tensor: Tensor, name: str) -> None:
    if tensor.ndim != 4:
        raise ValueError(
            f"{name} must have shape (N, C, H, W), got {tuple(tensor.shape)}; add the missing axes"
        )


def gram_matrix(features: Tensor) -> Tensor:
    """Channel correlations of a feature map: the style statistic of Gatys et al.

    Args:
        features: (N, C, H, W), float32, float64 or bfloat16; activations after the ReLU, any range.
            float16 is refused: an all-ones map of 256x256 already sums past its largest number,
            65504. bfloat16 keeps float32's exponent, and its products are summed in float32.

    Returns:
        (N, C, C) in float32 (float64 for float64 input), symmetric and positive semi-definite,
        divided by C*H*W so that one style weight serves every image size (Johnson et al. 2016,
        eq. 3). Gatys et al. 2016, eq. 3, leave the sum undivided and divide the squared distance
        by 4 C^2 (HW)^2 instead (eq. 4), so weights are not interchangeable between the two.

    Raises:
        ValueError: ``features`` has another rank.
        TypeError: ``features`` is float16.
    """
    _require_rank_4(features, "features")
    if features.dtype == torch.float16:
        raise TypeError("gram_matrix needs float32, float64 or bfloat16 features, got float16")
    n, c, h, w = features.shape
    # channels_last storage makes this view free: (N, HW, C) is how the features lie in memory.
    flat = features.permute(0, 2, 3, 1).reshape(n, h * w, c)
    if flat.dtype == torch.bfloat16:
        # Scaling before the product keeps the bfloat16 result's rounding relative to the entry.
        return torch.bmm(flat.transpose(1, 2) / (c * h * w) ** 0.5, flat / (c * h * w) ** 0.5).float()
    return torch.bmm(flat.transpose(1, 2), flat) / (c * h * w)
