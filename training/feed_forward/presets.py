"""The named recipes of ``brushstream train``: the program's own and those of the literature."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pipeline.common.errors import TrainingError
from training.feed_forward.recipe import TrainingRecipe
from training.losses.layer_weights import parse_layers


class _Recipe(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def batch_size(self) -> int: ...


Recipe = TypeVar("Recipe", bound=_Recipe)


@dataclass(frozen=True)
class Preset(Generic[Recipe]):
    """A recipe with where its numbers come from.

    Attributes:
        recipe: ``steps`` counts where ``epochs`` is None.
        epochs: how often the training pictures are seen; the steps follow from their number.
        sources: what prints the numbers.
        ours: what the sources leave open or do otherwise, and what stands here.
        starts_from_style: the steps are those that a bundled style of the same network needs.
    """

    name: str
    recipe: Recipe
    epochs: float | None = None
    sources: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()
    starts_from_style: bool = False

    def recipe_with(self, given: Mapping[str, Any], pictures: int, epochs: float | None = None) -> Recipe:
        """The recipe with every setting of ``given`` that is not None in place of its own.

        Args:
            given: settings of the recipe by name.
            pictures: number of training pictures, which an epoch has.
            epochs: in place of the preset's; ``steps`` in ``given`` counts before either.

        Raises:
            TrainingError: ``steps`` and ``epochs`` are both given, or the recipe refuses a setting.
        """
        wanted = {name: value for name, value in given.items() if value is not None}
        if epochs is not None and "steps" in wanted:
            raise TrainingError("--steps and --epochs say the same thing: give one of them")
        recipe = replace(self.recipe, **wanted)
        repeated = epochs if epochs is not None else self.epochs
        if "steps" in wanted or repeated is None:
            return recipe
        return replace(recipe, steps=steps_of(repeated, pictures, recipe.batch_size))


_PLAIN = TrainingRecipe(
    network="johnson-2016",
    temporal_weight=0.0,
    content_goal=None,
    encoder_padding="zeros",
    image_size=256,
    largest_scale=1.0,
    largest_shift_px=0,
    plain_share=0.0,
    learning_rate=1e-3,
    warmup_steps=0,
    decay="none",
    clip_norm=0.0,
    octaves=1,
    normalization="mean",
    pixel_range=255.0,
)
"""Training as it was in 2016: Adam at one rate, the photographs as they are, nothing else in the loss."""

_PHOTOS_ARE_CROPPED = (
    "photographs are scaled to 256 px on the short side and cropped, not squeezed to a square"
)

PRESETS: dict[str, Preset[TrainingRecipe]] = {
    preset.name: preset
    for preset in (
        Preset(
            "balanced",
            TrainingRecipe(
                content_layer="relu4_2",
                style_layers=("relu1_1", "relu2_1", "relu3_1", "relu4_1"),
                style_layer_weights=(0.2, 0.2, 0.25, 0.4),
                octaves=1,
                style_weight=8.0,
                tv_weight=0.1,
                temporal_weight=3.0,
                repetition_weight=1.0,
                style_size=640,
                image_size=256,
                largest_scale=2.6,
                batch_size=1,
                encoder_padding="reflect",
                optimizer="muon",
                learning_rate=2e-3,
                steps=2000,
            ),
            starts_from_style=True,
        ),
        Preset(
            "johnson-2016",
            replace(
                _PLAIN,
                content_layer="relu2_2",
                style_layers=("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
                style_layer_weights=(1.0, 1.0, 1.0, 1.0),
                content_weight=1.0,
                style_weight=5.0,
                tv_weight=1e-6,
                tv_form="squared-sum",
                style_size=256,
                batch_size=4,
                steps=40_000,
            ),
            sources=(
                "Johnson, Alahi & Fei-Fei, ECCV 2016, section 4.1: layers, batches of 4, 40,000 iterations "
                "(two epochs of 80,000 photographs) at 256x256, Adam 1e-3, total variation from 1e-6 to 1e-4",
                "their supplementary material, table 1: the network",
                "their released code, jcjohnson/fast-neural-style: weights 1 and 5, total variation 1e-6, "
                "the painting at 256 px, mean squared differences of Gram matrices",
            ),
            ours=(
                "the losses look through VGG-19's layers of the same names, not VGG-16's",
                "total variation sums squares over one picture; their code halves it and sums over the batch",
                _PHOTOS_ARE_CROPPED,
            ),
        ),
        Preset(
            "johnson-2016-vgg19",
            replace(
                _PLAIN,
                content_layer="conv4_2",
                style_layers=("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"),
                style_layer_weights=(0.2, 0.2, 0.2, 0.2, 0.2),
                content_weight=2.0,
                style_weight=40.0,
                tv_weight=200.0,
                tv_form="squared-mean",
                style_size=512,
                batch_size=8,
            ),
            epochs=2,
            sources=(
                "the widespread VGG-19 variant of Johnson's recipe: content conv4_2 at 2, styles conv1_1 to "
                "conv5_1 at 0.2 each and 40, total variation 200, Adam 1e-3, batch 8, two epochs, 256x256",
                "lengstrom/fast-style-transfer, hwalsuklee/tensorflow-fast-style-transfer: what a weight of "
                "that family weighs, mean squared differences of features, Gram matrices, pixels of 0..255",
            ),
            ours=("the painting at 512 px", _PHOTOS_ARE_CROPPED),
        ),
    )
}


def parsed_layers(text: str | None) -> dict[str, Any]:
    """``relu1_1,relu3_1`` (1/2 each) or ``relu1_1:0.2,relu3_1:2`` as settings of a recipe; {} for None.

    Raises:
        TrainingError: see ``losses.layer_weights.parse_layers``.
    """
    if text is None:
        return {}
    pairs = parse_layers(text)
    return {
        "style_layers": tuple(name for name, _ in pairs),
        "style_layer_weights": tuple(weight for _, weight in pairs),
    }


def steps_of(epochs: float, photos: int, batch_size: int) -> int:
    """Optimizer steps in which ``photos`` photographs are seen ``epochs`` times, rounded up."""
    return max(1, math.ceil(epochs * photos / batch_size))


def recipe_of(
    chosen: Preset[TrainingRecipe], photos: int, given: Mapping[str, Any], epochs: float | None = None
) -> TrainingRecipe:
    """``chosen.recipe_with``; where a style weight is given and no content goal, none is searched for."""
    if given.get("style_weight") is not None:
        chosen = replace(chosen, recipe=replace(chosen.recipe, content_goal=None))
    return chosen.recipe_with(given, photos, epochs)
