"""The objective of a Gatys render: targets and weights of one content picture and one or more styles."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from training.gatys.recipe import Recipe
from training.losses import functional, moments
from training.losses.encoder import Encoder


class Statistic(NamedTuple):
    """How a style is measured and compared; ``target`` measures the painting, once."""

    measure: Callable[[Tensor], Any]
    target: Callable[[Tensor], Any]
    distance: Callable[[Any, Any], Tensor]


def statistic(recipe: Recipe) -> Statistic:
    """The statistic the recipe names.

    The Wasserstein-2 distance is the same for ``gatys`` and ``johnson``: no paper of theirs has it, so
    it stands undivided there, and over the target's second moment under ``relative``.
    """
    if recipe.statistic == "wasserstein":
        relative = recipe.normalization == "relative"
        distance = moments.relative_wasserstein_distance if relative else moments.wasserstein_distance
        return Statistic(moments.gaussian, moments.gaussian_target, distance)
    measure = functional.gram_matrix if recipe.statistic == "gram" else moments.covariance_matrix
    return Statistic(measure, measure, functional.GRAM_DISTANCES[recipe.normalization])


class Objective(nn.Module):
    """Unweighted terms ``content``, ``style`` and ``tv`` of a picture, and their weighted sum ``total``."""

    def __init__(
        self,
        recipe: Recipe,
        encoder: Encoder,
        content: Tensor,
        styles: Sequence[Tensor],
        style_shares: Sequence[float],
    ) -> None:
        """Measure the targets.

        Args:
            encoder: opened with ``recipe.layers``.
            content: (1, 3, H, W), RGB in [0, 1], at the size of the render.
            styles: likewise, each of its own size. style_shares: their weights, summing to 1.
        """
        super().__init__()
        self.recipe = recipe
        self.encoder = encoder
        self.statistic = statistic(recipe)
        self.style_shares = tuple(style_shares)
        with torch.no_grad():
            self._content = encoder(content, self._content_names()) if recipe.content_weight else {}
            self._styles = [self._measure(style, self.statistic.target) for style in styles]

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Terms of ``image`` (1, 3, H, W), RGB in [0, 1], float32; a term without weight costs nothing."""
        recipe = self.recipe
        content, style = image.new_zeros(()), image.new_zeros(())
        levels = functional.image_pyramid(image, recipe.octaves) if recipe.style_weight else [image]
        for octave, level in enumerate(levels if recipe.layers else []):
            features = self.encoder(level, self._names(octave))
            if octave == 0 and recipe.content_weight:
                content = self._content_term(features)
            if recipe.style_weight:
                style = style + self._style_term(features, octave) / len(levels)
        terms = {"content": content, "style": style, "tv": self._tv_term(image)}
        weighted = [self.weights[name] * term for name, term in terms.items()]
        return {**terms, "total": torch.stack(weighted).sum()}

    @property
    def weights(self) -> dict[str, float]:
        """Alpha, beta and gamma by the term they weigh."""
        recipe = self.recipe
        return {"content": recipe.content_weight, "style": recipe.style_weight, "tv": recipe.tv_weight}

    def _measure(self, style: Tensor, measure: Callable[[Tensor], Any]) -> list[dict[str, Any]]:
        if not self.recipe.style_weight:
            return []
        levels = functional.image_pyramid(style, self.recipe.octaves)
        return [
            {name: measure(features) for name, features in self.encoder(level, self._style_names()).items()}
            for level in levels
        ]

    def _content_term(self, features: dict[str, Tensor]) -> Tensor:
        distance = functional.CONTENT_DISTANCES[self.recipe.normalization]
        terms = [w * distance(features[name], self._content[name]) for name, w in self.recipe.content_layers]
        return torch.stack(terms).sum()

    def _style_term(self, features: dict[str, Tensor], octave: int) -> Tensor:
        terms = []
        for name, weight in self.recipe.style_layers:
            seen = self.statistic.measure(features[name])
            for share, targets in zip(self.style_shares, self._styles, strict=True):
                terms.append(weight * share * self.statistic.distance(seen, targets[octave][name]))
        return torch.stack(terms).sum()

    def _tv_term(self, image: Tensor) -> Tensor:
        if not self.recipe.tv_weight:
            return image.new_zeros(())
        return functional.named_total_variation(image, self.recipe.tv_form)

    def _names(self, octave: int) -> tuple[str, ...]:
        style = self._style_names() if self.recipe.style_weight else ()
        content = self._content_names() if octave == 0 and self.recipe.content_weight else ()
        return tuple(dict.fromkeys((*content, *style)))

    def _style_names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.recipe.style_layers)

    def _content_names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.recipe.content_layers)
