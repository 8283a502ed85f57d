"""Loss modules: they hold targets and weights and call ``training.losses.functional``."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.losses import functional
from training.losses.encoder import Encoder


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms; they mean what ``LossForm`` makes of the terms.

    ``temporal`` is that of ``temporal.temporal_distance``, which ``PerceptualLoss`` knows nothing of.

    With the normalised terms (``functional.content_distance``, ``gram_distance``) they are not the numbers
    of pytorch/examples (1e5 : 1e10), whose terms are not normalised.
    """

    content: float = 1.0
    style: float = 10.0
    tv: float = 0.0
    temporal: float = 0.0

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """The weighted sum of ``terms``, scalars by name; a term that is not there counts nothing."""
        return torch.stack([getattr(self, name) * value for name, value in terms.items()]).sum()


@dataclass(frozen=True)
class LossForm:
    """How the terms are measured.

    Attributes:
        normalization: key into ``functional.CONTENT_DISTANCES`` and ``GRAM_DISTANCES``.
        style_layer_weights: one for each style layer, in order; empty for equal shares of 1.
        tv_form: one of ``functional.TV_FORMS``.
        pixel_range: total variation is measured on pixels from 0 to this.
    """

    normalization: str = "relative"
    style_layer_weights: tuple[float, ...] = ()
    tv_form: str = "l1-mean"
    pixel_range: float = 1.0


class StyleTarget(nn.Module):
    """Gram matrices of one painting at several layers and octaves, and the distance to them."""

    def __init__(
        self,
        encoder: Encoder,
        painting: Tensor,
        layers: tuple[str, ...],
        octaves: int,
        form: LossForm | None = None,
    ) -> None:
        """Measure ``painting`` (1, 3, H, W), RGB in [0, 1], at the scale strokes are wanted in."""
        super().__init__()
        form = form or LossForm()
        self.layers = layers
        self.octaves = octaves
        self.layer_weights = form.style_layer_weights or (1 / len(layers),) * len(layers)
        self._distance = functional.GRAM_DISTANCES[form.normalization]
        with torch.no_grad():
            for octave, level in enumerate(functional.image_pyramid(painting, octaves)):
                for name, features in encoder(level, layers).items():
                    self.register_buffer(f"{name}_octave{octave}", functional.gram_matrix(features))

    def distance(self, features: dict[str, Tensor], octave: int) -> Tensor:
        """Weighted sum over the layers of the Gram distance at one octave; scalar."""
        terms = []
        for name, weight in zip(self.layers, self.layer_weights, strict=True):
            target: Tensor = getattr(self, f"{name}_octave{octave}")
            terms.append(weight * self._distance(functional.gram_matrix(features[name]), target))
        return torch.stack(terms).sum()


class PerceptualLoss(nn.Module):
    """Content and style seen through the encoder, and total variation (Johnson et al. 2016, eq. 5).

    Departures where the form is ``relative``: relative terms (see ``functional``), and a Gaussian pyramid
    over shallow layers where the paper goes deeper into the encoder.
    """

    def __init__(
        self,
        encoder: Encoder,
        style: StyleTarget,
        content_layer: str,
        form: LossForm | None = None,
        pooled: Callable[[Tensor], Tensor] = lambda value: value,
    ) -> None:
        """Hold what the terms need.

        Args:
            pooled: gives the mean of a scalar over all processes that hold a share of the batch each.
        """
        super().__init__()
        self.encoder = encoder
        self.style = style
        self.content_layer = content_layer
        self.form = form or LossForm()
        self._pooled = pooled

    def forward(self, stylized: Tensor, content: Tensor) -> dict[str, Tensor]:
        """The unweighted terms by name: ``content``, ``style``, ``tv``; scalars.

        Args:
            stylized, content: (N, 3, H, W), RGB, float32; ``content`` in [0, 1].
        """
        with torch.no_grad():
            target = self.encoder(content, (self.content_layer,))[self.content_layer]
        style_terms = []
        for octave, level in enumerate(functional.image_pyramid(stylized, self.style.octaves)):
            wanted = tuple(dict.fromkeys(self.style.layers + ((self.content_layer,) if octave == 0 else ())))
            features = self.encoder(level, wanted)
            if octave == 0:
                content_term = self._content_term(features[self.content_layer], target)
            style_terms.append(self.style.distance(features, octave))
        return {
            "content": content_term,
            "style": torch.stack(style_terms).mean(),
            "tv": functional.named_total_variation(stylized * self.form.pixel_range, self.form.tv_form),
        }

    def _content_term(self, features: Tensor, target: Tensor) -> Tensor:
        if self.form.normalization == "relative":
            return functional.content_distance(features, target, self._pooled)
        return functional.CONTENT_DISTANCES[self.form.normalization](features, target)
