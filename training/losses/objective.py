"""The one objective of training, of renders and of evaluation: content, style and total variation."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from training.losses import functional, moments
from training.losses.encoder import VggEncoder
from training.losses.layer_weights import PlacedLayer, octaves_of

Features = dict[tuple[str, int], Tensor]
"""By layer and octave."""


@dataclass(frozen=True)
class LossSpec:
    """What an ``Objective`` compares and what each term weighs. A term left empty is 0 and costs nothing.

    With relative terms the weights are not the numbers of pytorch/examples (1e5 : 1e10), whose terms are
    not normalised.

    Attributes:
        content, style: layers, each on an octave (``layer_weights.placed``); their terms are summed.
        normalization: key into ``functional.CONTENT_DISTANCES`` and ``GRAM_DISTANCES``.
        statistic: what a style is measured by: ``gram``, ``covariance`` or ``wasserstein``.
        tv_form: one of ``functional.TV_FORMS``; None leaves total variation out.
        pixel_range: total variation is measured on pixels from 0 to this.
    """

    content: tuple[PlacedLayer, ...]
    style: tuple[PlacedLayer, ...]
    content_weight: float = 1.0
    style_weight: float = 10.0
    tv_weight: float = 0.0
    normalization: str = "relative"
    statistic: str = "gram"
    tv_form: str | None = "l1-mean"
    pixel_range: float = 1.0

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer looked at, once each: what the encoder must be opened with."""
        return tuple(dict.fromkeys(layer.name for layer in (*self.content, *self.style)))

    @property
    def octaves(self) -> int:
        """Levels of the pyramid that the objective needs."""
        return octaves_of((*self.content, *self.style))

    @property
    def weights(self) -> dict[str, float]:
        """Alpha, beta and gamma by the term they weigh."""
        return {"content": self.content_weight, "style": self.style_weight, "tv": self.tv_weight}


def weighted_sum(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The total of ``terms``, scalars by name, each of which must have a weight."""
    return torch.stack([weights[name] * value for name, value in terms.items()]).sum()


class Statistic(NamedTuple):
    """How a style is measured and compared; ``target`` measures the painting, once."""

    measure: Callable[[Tensor], Any]
    target: Callable[[Tensor], Any]
    distance: Callable[[Any, Any], Tensor]


def statistic(name: str, normalization: str) -> Statistic:
    """The statistic of that name.

    The Wasserstein-2 distance is the same for ``gatys`` and ``johnson``: no paper of theirs has it, so
    it stands undivided there, and over the target's second moment under ``relative``.
    """
    if name == "wasserstein":
        relative = normalization == "relative"
        distance = moments.relative_wasserstein_distance if relative else moments.wasserstein_distance
        return Statistic(moments.gaussian, moments.gaussian_target, distance)
    measure = functional.gram_matrix if name == "gram" else moments.covariance_matrix
    return Statistic(measure, measure, functional.GRAM_DISTANCES[normalization])


class Objective:
    """Content and style seen through the encoder, and total variation (Johnson et al. 2016, eq. 5).

    Departures where the normalization is ``relative``: relative terms (see ``functional``). Layers on
    coarser octaves of a Gaussian pyramid see farther than the paper's on the full size alone.
    """

    def __init__(
        self,
        spec: LossSpec,
        encoder: VggEncoder,
        styles: Sequence[Tensor],
        style_shares: Sequence[float] = (1.0,),
        content: Tensor | None = None,
        pooled: Callable[[Tensor], Tensor] = lambda value: value,
        kept: int = 0,
    ) -> None:
        """Measure the targets.

        Args:
            encoder: opened with ``spec.layers``.
            styles: paintings (1, 3, H, W), RGB in [0, 1], each of its own size, at the scale strokes are
                wanted in.
            style_shares: their weights, summing to 1.
            content: (1, 3, H, W), where it is the same at every call.
            pooled: gives the mean of a scalar over all processes that hold a share of the batch each.
            kept: of how many contents the features are kept, for when the same ones are shown again.
        """
        self.spec = spec
        self._encoder = encoder
        self._statistic = statistic(spec.statistic, spec.normalization)
        self._style_shares = tuple(style_shares)
        self._pooled = pooled
        self._kept: dict[bytes, Features] = {}
        self._room = kept
        with torch.no_grad():
            self._content = None if content is None else self._look(content, spec.content)
            self._styles = [self._style_target(style) for style in styles]

    def __call__(self, image: Tensor, content: Tensor | None = None) -> dict[str, Tensor]:
        """``terms`` and their weighted sum ``total``."""
        terms = self.terms(image, content)
        return {**terms, "total": weighted_sum(terms, self.spec.weights)}

    def terms(self, image: Tensor, content: Tensor | None = None) -> dict[str, Tensor]:
        """The unweighted terms by name: ``content``, ``style``, ``tv``; scalars.

        Args:
            image: (N, 3, H, W), RGB, float32.
            content: the same shape, in [0, 1]; else the one given at the start.
        """
        features = self._look(image, (*self.spec.content, *self.spec.style))
        nothing = image.new_zeros(())
        return {
            "content": self._content_term(features, self._target(content)) if self.spec.content else nothing,
            "style": self._style_term(features) if self.spec.style else nothing,
            "tv": self._tv_term(image) if self.spec.tv_form else nothing,
        }

    def _look(self, image: Tensor, layers: Sequence[PlacedLayer]) -> Features:
        """Features of ``image`` at ``layers``; an octave without any takes no pass."""
        found: Features = {}
        for octave, level in enumerate(functional.image_pyramid(image, octaves_of(layers))):
            names = dict.fromkeys(layer.name for layer in layers if layer.octave == octave)
            if names:
                seen = self._encoder(level, tuple(names))
                found |= {(name, octave): features for name, features in seen.items()}
        return found

    def _style_target(self, style: Tensor) -> dict[tuple[str, int], Any]:
        features = self._look(style, self.spec.style)
        return {place: self._statistic.target(value) for place, value in features.items()}

    @torch.no_grad()
    def _target(self, content: Tensor | None) -> Features:
        if content is not None:
            return self._known(content) if self._room else self._look(content, self.spec.content)
        assert self._content is not None, "the content was neither given at the start nor now"
        return self._content

    def _known(self, content: Tensor) -> Features:
        picture = content.numpy(force=True).tobytes()
        key = hashlib.blake2b(picture, digest_size=16).digest()
        if key not in self._kept:
            if len(self._kept) == self._room:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = self._look(content, self.spec.content)
        return self._kept[key]

    def _content_term(self, features: Features, target: Features) -> Tensor:
        terms = [
            layer.weight * self._content_distance(features[layer[:2]], target[layer[:2]])
            for layer in self.spec.content
        ]
        return torch.stack(terms).sum()

    def _content_distance(self, features: Tensor, target: Tensor) -> Tensor:
        if self.spec.normalization == "relative":
            return functional.content_distance(features, target, self._pooled)
        return functional.CONTENT_DISTANCES[self.spec.normalization](features, target)

    def _style_term(self, features: Features) -> Tensor:
        terms = []
        for layer in self.spec.style:
            seen = self._statistic.measure(features[layer[:2]])
            for share, targets in zip(self._style_shares, self._styles, strict=True):
                terms.append(layer.weight * share * self._statistic.distance(seen, targets[layer[:2]]))
        return torch.stack(terms).sum()

    def _tv_term(self, image: Tensor) -> Tensor:
        assert self.spec.tv_form is not None
        return functional.total_variation(image * self.spec.pixel_range, self.spec.tv_form)
