"""How near to photograph and painting single layers of VGG-19 see a picture, each layer by itself.

A mean over layers hides one in another: a network can have the colour and the fine texture of a painting
(relu1_1, relu2_1) and none of its motifs (relu4_1, relu5_1). Pictures are seen at full size, on no pyramid.
"""

import torch
from torch import Tensor

from training.evaluation.distances import features_of, relative_wasserstein
from training.losses import functional, moments
from training.losses.encoder import VggEncoder

CONTENT_LAYER = "relu4_2"
GRAM_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
WASSERSTEIN_LAYER = "relu4_2"
LAYERS = tuple(sorted({CONTENT_LAYER, *GRAM_LAYERS, WASSERSTEIN_LAYER}))
"""What the encoder of this module is opened with, as far as its weights reach."""


def figure_names(layer: str) -> list[str]:
    """The figures that ``layer`` gives, such as ``gram_relu4_1``."""
    kinds = {"content": (CONTENT_LAYER,), "gram": GRAM_LAYERS, "wasserstein": (WASSERSTEIN_LAYER,)}
    return [f"{kind}_{layer}" for kind, layers in kinds.items() if layer in layers]


def content_at_layer(encoder: VggEncoder, photo: Tensor, painted: Tensor) -> dict[str, float]:
    """``content_relu4_2``: relative squared feature difference; 0 is the photograph.

    Nothing where the encoder was not opened with that layer.

    Args:
        photo, painted: (1, 3, H, W), RGB in [0, 1], of one size.
    """
    if CONTENT_LAYER not in encoder.layers:
        return {}
    before, after = features_of(encoder, CONTENT_LAYER, photo, painted)
    return {f"content_{CONTENT_LAYER}": float(functional.content_distance(after, before))}


class LayerDistances:
    """Distances to a painting: relative Gram at five layers, Wasserstein-2 at relu4_2, each by itself.

    A layer that the encoder was not opened with is left out.
    """

    def __init__(self, encoder: VggEncoder, painting: Tensor) -> None:
        """Measure ``painting`` (1, 3, H, W), RGB in [0, 1], at the scale strokes are wanted in."""
        self._encoder = encoder
        self._layers = tuple(name for name in LAYERS if name in encoder.layers)
        seen = self._features(painting)
        self._grams = {k: functional.gram_matrix(seen[k]) for k in GRAM_LAYERS if k in seen}
        self._gaussians = {
            k: moments.gaussian_target(seen[k].double()) for k in (WASSERSTEIN_LAYER,) if k in seen
        }

    def __call__(self, image: Tensor) -> dict[str, float]:
        """``gram_relu1_1`` ... ``gram_relu5_1`` and ``wasserstein_relu4_2``; 0 is the painting.

        Args:
            image: (1, 3, H, W), RGB in [0, 1], any size.
        """
        seen = self._features(image)
        grams = {
            f"gram_{name}": float(functional.gram_distance(functional.gram_matrix(seen[name]), target))
            for name, target in self._grams.items()
        }
        spreads = {
            f"wasserstein_{name}": relative_wasserstein(moments.gaussian(seen[name].double()), target)
            for name, target in self._gaussians.items()
        }
        return grams | spreads

    @torch.no_grad()
    def _features(self, image: Tensor) -> dict[str, Tensor]:
        return self._encoder(image, self._layers) if self._layers else {}
