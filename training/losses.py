"""Loss modules: they hold targets and weights and call ``training.functional``."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training import functional
from training.encoder import Encoder


@dataclass(frozen=True)
class LossWeights:
    """Weights of the normalised terms (``functional.content_distance``, ``gram_distance``).

    They are not the numbers of pytorch/examples (1e5 : 1e10), whose terms are not normalised.
    """

    content: float = 1.0
    style: float = 10.0
    tv: float = 0.0


class StyleTarget(nn.Module):
    """Gram matrices of one painting at several layers and octaves, and the distance to them."""

    def __init__(self, encoder: Encoder, painting: Tensor, layers: tuple[str, ...], octaves: int) -> None:
        """Measure ``painting`` (1, 3, H, W), RGB in [0, 1], at the scale strokes are wanted in."""
        super().__init__()
        self.layers = layers
        self.octaves = octaves
        with torch.no_grad():
            for octave, level in enumerate(functional.image_pyramid(painting, octaves)):
                for name, features in encoder(level, layers).items():
                    self.register_buffer(f"{name}_octave{octave}", functional.gram_matrix(features))

    def distance(self, features: dict[str, Tensor], octave: int) -> Tensor:
        """Mean over the layers of the relative Gram distance at one octave; scalar."""
        terms = [
            functional.gram_distance(
                functional.gram_matrix(features[name]), getattr(self, f"{name}_octave{octave}")
            )
            for name in self.layers
        ]
        return torch.stack(terms).mean()


class PerceptualLoss(nn.Module):
    """Content and style seen through the encoder, and total variation (Johnson et al. 2016, eq. 5).

    Departures: relative terms (see ``functional``), and a Gaussian pyramid over shallow layers where
    the paper goes deeper into the encoder.
    """

    def __init__(
        self, encoder: Encoder, style: StyleTarget, content_layer: str, weights: LossWeights
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.style = style
        self.content_layer = content_layer
        self.weights = weights

    def forward(self, stylized: Tensor, content: Tensor) -> dict[str, Tensor]:
        """Unweighted terms by name (``content``, ``style``, ``tv``) and their weighted sum ``total``.

        Args:
            stylized, content: (N, 3, H, W), RGB, float32; ``content`` in [0, 1].
        """
        with torch.no_grad():
            target = self.encoder(content, (self.content_layer,))[self.content_layer]
        style_terms = []
        for octave, level in enumerate(functional.image_pyramid(stylized, self.style.octaves)):
            wanted = self.style.layers + ((self.content_layer,) if octave == 0 else ())
            features = self.encoder(level, wanted)
            if octave == 0:
                content_term = functional.content_distance(features[self.content_layer], target)
            style_terms.append(self.style.distance(features, octave))
        terms = {
            "content": content_term,
            "style": torch.stack(style_terms).mean(),
            "tv": functional.total_variation(stylized),
        }
        weights = self.weights
        total = weights.content * terms["content"] + weights.style * terms["style"]
        return {**terms, "total": total + weights.tv * terms["tv"]}
