"""Pure loss mathematics: no state, no modules, no devices chosen here.

An *image* is a float tensor (N, 3, H, W), RGB, in [0, 1]. *Features* are (N, C, H, W) activations
of the encoder. Every distance returns one scalar, averaged over the batch, so that weights do not
change their meaning with the batch size.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

_BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)  # the 5-tap generating kernel of Burt & Adelson 1983, a = 3/8


def _require_rank_4(tensor: Tensor, name: str) -> None:
    if tensor.ndim != 4:
        raise ValueError(f"{name} must have shape (N, C, H, W), got {tuple(tensor.shape)}")


def gram_matrix(features: Tensor) -> Tensor:
    """Channel correlations of a feature map: the style statistic of Gatys et al.

    Args:
        features: (N, C, H, W), float32, float64 or bfloat16; activations after the ReLU, any range.
            float16 is refused: an all-ones map of 256x256 already sums past its largest number,
            65504. bfloat16 has float32's exponent, and its products are summed in float32.

    Returns:
        (N, C, C) in float32 (float64 for float64 input), symmetric and positive semi-definite up to
        rounding, divided by C*H*W so that one style weight serves every image size (Johnson et al.
        2016, eq. 3). Gatys et al. 2016, eq. 3, leave the sum undivided and divide the squared
        distance by 4 C^2 (HW)^2 instead (eq. 4), so weights are not interchangeable between the two.

    Raises:
        ValueError: ``features`` has another rank.
        TypeError: ``features`` is float16.
    """
    _require_rank_4(features, "features")
    if features.dtype == torch.float16:
        raise TypeError("gram_matrix needs float32, float64 or bfloat16 features, got float16")
    n, c, h, w = features.shape
    # (N, HW, C) is how channels_last features lie in memory: the view costs nothing.
    flat = features.permute(0, 2, 3, 1).reshape(n, h * w, c)
    products = torch.bmm(flat.transpose(1, 2), flat)
    return (products.float() if products.dtype == torch.bfloat16 else products) / (c * h * w)


def gram_distance(gram: Tensor, target: Tensor) -> Tensor:
    """Squared Frobenius distance of Gram matrices relative to the target's own squared norm.

    0 where they agree, 1 where ``gram`` is zero. The division makes one style weight comparable from
    painting to painting and from layer to layer; Johnson et al. 2016, eq. 4, do not divide.

    Args:
        gram: (N, C, C). target: (C, C) or (1, C, C) or (N, C, C), float32.

    Returns:
        A scalar, the mean over N.
    """
    target = target.reshape(-1, *gram.shape[1:])
    squared = (gram - target).square().sum(dim=(1, 2))
    return (squared / target.square().sum(dim=(1, 2)).clamp_min(torch.finfo(target.dtype).tiny)).mean()


def content_distance(
    features: Tensor, target: Tensor, pooled: Callable[[Tensor], Tensor] = lambda value: value
) -> Tensor:
    """Mean squared feature difference relative to the target's own mean square.

    Johnson et al. 2016, eq. 2, divided by the mean square of the content's features, which makes the
    content weight the same for every layer and every photograph's contrast.

    Args:
        features, target: (N, C, H, W) of equal shape.
        pooled: gives the mean of a scalar over all processes that hold a share of the batch each.

    Returns:
        A float32 (or float64) scalar: 0 where they agree, 1 where ``features`` are zero.

    Raises:
        ValueError: the shapes differ.
    """
    wide = target if target.dtype == torch.float64 else target.float()
    return johnson_content_distance(features, wide) / pooled(wide.square().mean()).clamp_min(1e-12)


def gatys_content_distance(features: Tensor, target: Tensor) -> Tensor:
    """Half the sum of squared feature differences (Gatys et al. 2016, eq. 1), the mean over N.

    With ``features = relu(z)`` its gradient with respect to ``z`` is F - P where F > 0 and 0 elsewhere
    (eq. 2). It grows with the size of the picture and the scale of the encoder's weights.

    Args:
        features, target: (N, C, H, W) of equal shape, any range.

    Returns:
        A float32 (or float64) scalar.

    Raises:
        ValueError: the shapes differ.
    """
    return _squared_differences(features, target).sum(dim=(1, 2, 3)).mean() / 2


def johnson_content_distance(features: Tensor, target: Tensor) -> Tensor:
    """Squared Euclidean distance over C*H*W (Johnson et al. 2016, eq. 2), the mean over N.

    Arguments, result and errors as in ``gatys_content_distance``.
    """
    return _squared_differences(features, target).mean()


def _squared_differences(features: Tensor, target: Tensor) -> Tensor:
    if features.shape != target.shape:
        raise ValueError(f"features {tuple(features.shape)} and target {tuple(target.shape)} must agree")
    if features.dtype != torch.float64:
        features, target = features.float(), target.float()
    return (features - target).square()


def johnson_style_distance(gram: Tensor, target: Tensor) -> Tensor:
    """Squared Frobenius distance of Gram matrices (Johnson et al. 2016, eq. 4), the mean over N.

    Args:
        gram: (N, C, C), as ``gram_matrix`` gives it, divided by C*H*W. target: (C, C), (1, C, C) or
            (N, C, C).
    """
    return (gram - target.reshape(-1, *gram.shape[1:])).square().sum(dim=(1, 2)).mean()


def gatys_style_distance(gram: Tensor, target: Tensor) -> Tensor:
    """E of one layer, ``sum (G - A)^2 / (4 N^2 M^2)`` (Gatys et al. 2016, eq. 4), the mean over the batch.

    The paper's G and A are sums over M = H*W positions of N = C channels, so with both divided by C*H*W,
    as ``gram_matrix`` gives them, E is a quarter of the squared distance. Departure: each matrix is
    divided by the size of its own picture, so painting and photograph need not have the same; where they
    do, this is eq. 4 to the letter.

    Arguments as in ``johnson_style_distance``.
    """
    return johnson_style_distance(gram, target) / 4


def mean_style_distance(gram: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of the C*C entries of Gram matrices, the mean over N.

    What the code released with Johnson et al. 2016 computes, and its descendants after it, so the style
    weights of their recipes go with it: eq. 4 of the paper sums instead, which is C^2 times as much.

    Arguments as in ``johnson_style_distance``.
    """
    return johnson_style_distance(gram, target) / gram.shape[-1] ** 2


CONTENT_DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gatys": gatys_content_distance,
    "johnson": johnson_content_distance,
    "mean": johnson_content_distance,
    "relative": content_distance,
}
"""By normalization: what a content weight weighs."""

GRAM_DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gatys": gatys_style_distance,
    "johnson": johnson_style_distance,
    "mean": mean_style_distance,
    "relative": gram_distance,
}
"""By normalization: what a style weight weighs."""

TV_FORMS = ("l1-sum", "squared-sum", "l1-mean", "squared-mean")


def total_variation(image: Tensor, form: str = "l1-mean") -> Tensor:
    """Difference of neighbouring pixels, down plus across: absolute (``l1``) or squared.

    ``sum |y[i+1,j]-y[i,j]| + |y[i,j+1]-y[i,j]|`` over all channels, then the mean over N, is the form of
    the literature; a ``mean`` divides each of the two sums by its number of differences, so that the
    weight does not depend on the size. A checkerboard of 0 and 1 has a mean of 2.

    Args:
        image: (N, C, H, W), H and W of at least 2, any range. form: one of ``TV_FORMS``.

    Returns:
        A scalar.

    Raises:
        ValueError: another rank or form.
    """
    _require_rank_4(image, "image")
    if form not in TV_FORMS:
        raise ValueError(f"a form of {', '.join(TV_FORMS)} was expected, got {form!r}")
    down = image[:, :, 1:, :] - image[:, :, :-1, :]
    across = image[:, :, :, 1:] - image[:, :, :, :-1]
    sizes = [d.abs() if form.startswith("l1") else d.square() for d in (down, across)]
    if form.endswith("mean"):
        return sizes[0].mean() + sizes[1].mean()
    return (sizes[0].sum() + sizes[1].sum()) / len(image)


def blur(image: Tensor) -> Tensor:
    """Separable 5-tap binomial low-pass with reflected borders; shape and mean grey are kept.

    Args:
        image: (N, C, H, W), H and W of at least 3.
    """
    _require_rank_4(image, "image")
    taps = image.new_tensor(_BINOMIAL) / sum(_BINOMIAL)
    channels = image.shape[1]
    column = taps.view(1, 1, 5, 1).expand(channels, 1, 5, 1)
    row = taps.view(1, 1, 1, 5).expand(channels, 1, 1, 5)
    padded = F.pad(image, (2, 2, 2, 2), mode="reflect")
    return F.conv2d(F.conv2d(padded, column, groups=channels), row, groups=channels)


def image_pyramid(image: Tensor, octaves: int) -> list[Tensor]:
    """Gaussian pyramid (Burt & Adelson 1983), finest first.

    Gram matrices of shallow layers on several octaves stand in for deep layers (Snelgrove 2017).

    Args:
        image: (N, C, H, W). octaves: number of levels, at least 1; each halves height and width,
            rounding up.

    Raises:
        ValueError: ``octaves`` below 1, or the coarsest level would be under 8 pixels.
    """
    if octaves < 1:
        raise ValueError(f"octaves must be at least 1, got {octaves}")
    if min(image.shape[2:]) < 8 << (octaves - 1):
        raise ValueError(
            f"an image of {image.shape[3]}x{image.shape[2]} is too small for {octaves} octaves; "
            f"{8 << (octaves - 1)} pixels on the short side are needed"
        )
    levels = [image]
    for _ in range(octaves - 1):
        levels.append(blur(levels[-1])[:, :, ::2, ::2])
    return levels


def amplitude_spectrum(image: Tensor) -> Tensor:
    """How strong each spatial frequency is: log amplitude of the Fourier transform, scaled to [0, 1].

    Args:
        image: (N, C, H, W), in [0, 1] or so; the mean over channels is taken.

    Returns:
        (N, 1, H, W), frequency zero at (H // 2, W // 2), 1 at the strongest, 0 from 1e-5 of it down. The
        mean is taken off first, so that the picture's brightness does not outshine its texture.
    """
    _require_rank_4(image, "image")
    gray = image.double().mean(dim=1, keepdim=True)
    amplitude = torch.fft.fft2(gray - gray.mean(dim=(2, 3), keepdim=True)).abs()
    rounding = 1e-9 * image.shape[2] * image.shape[3]  # a flat picture has no spectrum but this
    relative = amplitude / amplitude.amax(dim=(2, 3), keepdim=True).clamp_min(rounding)
    centred: Tensor = torch.fft.fftshift(1 + relative.clamp_min(1e-5).log10() / 5, dim=(2, 3))
    return centred.to(image.dtype)
