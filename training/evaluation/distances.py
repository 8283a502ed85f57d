"""How near to the painting, how near to the photograph: distances that no recipe trains on."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses import functional, moments
from training.losses.color import luma
from training.losses.encoder import VggEncoder

STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_2")
GRAM_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu3_4")
CONTENT_LAYER = "relu3_3"
LAYERS = (*STYLE_LAYERS, *GRAM_LAYERS, CONTENT_LAYER)
"""What the encoder of this module must be opened with."""
OCTAVES = 3
POSITIONS = 1024
SSIM_WINDOW_PX, SSIM_DEVIATION_PX = 11, 1.5
SSIM_C3 = 0.03**2 / 2  # Wang et al. 2004: C3 = C2 / 2, C2 = (K2 L)^2, K2 = 0.03, luma in [0, 1]


class StyleDistance:
    """Distance of a picture's feature statistics to a painting's, at layers the recipes do not train on.

    Features at relu1_2, relu2_2 and relu3_2 on three octaves of a Gaussian pyramid are taken for normal
    distributions; ``wasserstein`` is the mean of their nine relative Wasserstein-2 distances.
    """

    def __init__(self, encoder: VggEncoder, painting: Tensor) -> None:
        """Measure ``painting`` (1, 3, H, W), RGB in [0, 1], at the scale strokes are wanted in."""
        self._encoder = encoder
        with torch.no_grad():
            levels = _pyramid(encoder, painting, STYLE_LAYERS)
        self._targets = [_targets(features) for features in levels]
        self.own = self._between_crops(painting)

    def __call__(self, image: Tensor) -> float:
        """The distance of ``image`` (1, 3, H, W), RGB in [0, 1]; 0 where all moments agree."""
        with torch.no_grad():
            levels = _pyramid(self._encoder, image, STYLE_LAYERS)
        return _mean_distance(levels, self._targets)

    def normalized(self, distance: float, untouched: float) -> float | None:
        """0 = crops of the painting against each other, 1 = untouched photographs at ``untouched``.

        Below 0 a picture is nearer to the painting than the painting's parts are to each other. None
        where those parts differ as much as photographs do: then the scale means nothing.
        """
        if untouched <= self.own:
            return None
        return (distance - self.own) / (untouched - self.own)

    def _between_crops(self, painting: Tensor) -> float:
        """The mean distance over all ordered pairs of crops."""
        with torch.no_grad():
            seen = [_pyramid(self._encoder, crop, STYLE_LAYERS) for crop in crops(painting)]
        targets = [[_targets(features) for features in levels] for levels in seen]
        pairs = [(a, b) for a in range(len(seen)) for b in range(len(seen)) if a != b]
        return float(np.mean([_mean_distance(seen[a], targets[b]) for a, b in pairs]))


def crops(painting: Tensor) -> list[Tensor]:
    """Four crops of three quarters of its height and width, one from each corner.

    Smaller ones hold too little of a painting with a plain sky: quarters of The Great Wave differ from
    each other as much as photographs differ from it.
    """
    height, width = (length * 3 // 4 for length in painting.shape[2:])
    bottom, right = painting.shape[2] - height, painting.shape[3] - width
    places = [(0, 0), (0, right), (bottom, 0), (bottom, right)]
    return [painting[:, :, top : top + height, left : left + width] for top, left in places]


Targets = dict[str, moments.GaussianTarget]


def _targets(features: dict[str, Tensor]) -> Targets:
    return {name: moments.gaussian_target(value.double()) for name, value in features.items()}


def _pyramid(encoder: VggEncoder, image: Tensor, layers: Sequence[str]) -> list[dict[str, Tensor]]:
    return [encoder(level, layers) for level in functional.image_pyramid(image, OCTAVES)]


def _mean_distance(levels: Sequence[dict[str, Tensor]], targets: Sequence[Targets]) -> float:
    found = [
        relative_wasserstein(moments.gaussian(level[name].double()), target[name])
        for level, target in zip(levels, targets, strict=True)
        for name in target
    ]
    return float(np.mean(found))


def relative_wasserstein(seen: moments.Gaussian, target: moments.GaussianTarget) -> float:
    """Wasserstein-2 distance of two Gaussians over the target's deviation ``sqrt(tr C_t)``.

    ``sqrt((|m - m_t|^2 + tr(C + C_t - 2 (R C R)^(1/2))) / tr C_t)``, R the root of C_t (Dowson & Landau
    1982). A shift of every feature by as much as they spread counts 1. Exact: no eigenvalue is raised.

    Args:
        seen, target: of N = 1, float64.
    """
    squared = moments.wasserstein_distance(seen, target, eigenvalue_floor=0.0).clamp_min(0.0)
    spread = target.covariance.diagonal(dim1=1, dim2=2).sum()
    return float((squared / spread.clamp_min(1e-12)).sqrt())


class GramDistance:
    """Relative Gram distance on three octaves, for any style, whatever it was trained by."""

    def __init__(self, encoder: VggEncoder, painting: Tensor) -> None:
        """Measure ``painting`` (1, 3, H, W), RGB in [0, 1]."""
        self._encoder = encoder
        self._targets = self._grams(painting)

    def __call__(self, image: Tensor) -> float:
        """0 where all Gram matrices agree, 1 for a picture without features; mean of twelve."""
        pairs = zip(self._grams(image), self._targets, strict=True)
        found = [functional.gram_distance(seen[k], target[k]) for seen, target in pairs for k in GRAM_LAYERS]
        return float(torch.stack(found).mean())

    @torch.no_grad()
    def _grams(self, image: Tensor) -> list[dict[str, Tensor]]:
        levels = _pyramid(self._encoder, image, GRAM_LAYERS)
        return [{name: functional.gram_matrix(value) for name, value in level.items()} for level in levels]


def content_figures(encoder: VggEncoder, photo: Tensor, painted: Tensor) -> dict[str, float]:
    """What is left of the photograph: ``content``, ``self_similarity`` and ``luma_structure``.

    ``content`` is the relative squared difference of relu3_3 (0 = kept); the other two are described at
    their functions (1 = kept).

    Args:
        photo, painted: (1, 3, H, W), RGB in [0, 1], of one size.
    """
    before, after = features_of(encoder, CONTENT_LAYER, photo, painted)
    return {
        "content": float(functional.content_distance(after, before)),
        "self_similarity": self_similarity(after, before),
        "luma_structure": luma_structure(painted, photo),
    }


@torch.no_grad()
def features_of(encoder: VggEncoder, layer: str, *images: Tensor) -> list[Tensor]:
    """What ``encoder`` sees of each image (1, 3, H, W), RGB in [0, 1], at one layer."""
    return [encoder(image, (layer,))[layer] for image in images]


def self_similarity(features: Tensor, target: Tensor) -> float:
    """Share of the pattern of likeness between places that is kept: 1 all of it, 0 nothing.

    D is the cosine distance of the features at two of up to 1024 places on a regular grid. Each column is
    divided by its sum; half the sum of absolute differences to the target's column, a number in [0, 1],
    is averaged over the columns and taken from 1 (Kolkin, Salavon & Shakhnarovich 2019,
    who divide by the number of places squared instead, so that their loss depends on it, and stack
    several layers).

    Args:
        features, target: (1, C, H, W) of one shape.
    """
    columns = [_likeness(x) for x in (features, target)]
    lost = (columns[0] - columns[1]).abs().sum(dim=0).mean() / 2
    return 1.0 - float(lost)


def _likeness(features: Tensor) -> Tensor:
    """Cosine distances between places, (places, places), each column summing to 1."""
    step = max(1, int(np.ceil((features.shape[2] * features.shape[3] / POSITIONS) ** 0.5)))
    places = features[0, :, ::step, ::step].flatten(1).double()
    unit = F.normalize(places, dim=0)
    distance = (1.0 - unit.T @ unit).clamp_min(0.0)
    return distance / distance.sum(dim=0, keepdim=True).clamp_min(1e-12)


def luma_structure(image: Tensor, target: Tensor) -> float:
    """The structure term of SSIM on luma: local correlation, 1 where all edges stand as they stood.

    ``(s_xy + C3) / (s_x s_y + C3)`` in an 11x11 Gaussian window of deviation 1.5 (Wang et al. 2004,
    eq. 10), the mean over the picture. Brightness and contrast do not count.

    Args:
        image, target: (1, 3, H, W), RGB in [0, 1], of one size of at least 11 px.
    """
    x, y = luma(image).double(), luma(target).double()
    mean_x, mean_y = _local_mean(x), _local_mean(y)
    deviations = [(_local_mean(v * v) - m * m).clamp_min(0).sqrt() for v, m in ((x, mean_x), (y, mean_y))]
    covariance = _local_mean(x * y) - mean_x * mean_y
    return float(((covariance + SSIM_C3) / (deviations[0] * deviations[1] + SSIM_C3)).mean())


def _local_mean(values: Tensor) -> Tensor:
    offsets = torch.arange(SSIM_WINDOW_PX, dtype=values.dtype, device=values.device) - SSIM_WINDOW_PX // 2
    window = torch.exp(-offsets.square() / (2 * SSIM_DEVIATION_PX**2))
    window = window / window.sum()
    return F.conv2d(F.conv2d(values, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1))
