"""The named recipes of ``brushstream train-cycle``: the program's own and the literature's."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from training.cycle.recipe import CycleRecipe
from training.feed_forward.presets import Preset

_LIVE = CycleRecipe(
    network="hourglass",
    discriminator_width=32,
    discriminator_features=("relu3_1", "relu4_1"),
    cycle_weight=5.0,
    identity_weight=0.0,
    content_weight=0.2,
    temporal_weight=0.5,
    augmentation=("translation", "cutout"),
    image_size=128,
    smallest_scale=1.0,
    largest_scale=1.5,
    batch_size=1,
    steps=3000,
    learning_rate=5e-4,
    discriminator_rate=4e-4,
    average=0.995,
)
_RETOUCH = replace(
    _LIVE,
    network="hourglass-change",
    discriminator_features=("relu2_1", "relu3_1", "relu4_1", "relu5_1"),
    discriminator_steps=1000,
    guide_weight=1.5,
    shift_weight=0.2,
    cycle_weight=3.0,
    identity_weight=1.0,
    content_weight=0.1,
    smoothness_weight=4.0,
    image_size=144,
    smallest_scale=1.1,
    largest_scale=1.33,
    steps=2150,
    discriminator_rate=8e-4,
)

PRESETS: dict[str, Preset[CycleRecipe]] = {
    preset.name: preset
    for preset in (
        Preset("live", _LIVE, starts_from_style=True),
        Preset("retouch", _RETOUCH, starts_from_style=True),
        Preset(
            "cyclegan-2017",
            CycleRecipe(network="resnet-9", initialisation="normal"),
            epochs=200,
            sources=(
                "Zhu, Park, Isola & Efros, ICCV 2017, section 4: least squares, lambda 10, histories of 50 "
                "pictures, Adam 2e-4, batches of one, 100 epochs and 100 more with the rate falling to zero",
                "section 5.2: identity loss at half of lambda; section 7.1: 286 to 256 px, crops, mirrored, "
                "N(0, 0.02), half of the discriminators' objective; section 7.2: nine blocks at 256 px, six "
                "at 128, 70x70 PatchGAN",
                "their released code, pytorch-CycleGAN-and-pix2pix: beta1 0.5, and an epoch sees the larger "
                "folder once",
            ),
            ours=("pictures are scaled to 286 px on the short side and cropped, not squeezed to a square",),
        ),
    )
}


def recipe_of(
    chosen: Preset[CycleRecipe], pictures: int, given: Mapping[str, Any], epochs: float | None = None
) -> CycleRecipe:
    """``chosen.recipe_with``, ``pictures`` being those of the larger folder.

    A ResNet generator gets six blocks where pictures are 128 px or smaller, as the paper has it.
    """
    small = (given.get("image_size") or chosen.recipe.image_size) <= 128
    if small and chosen.recipe.network == "resnet-9":
        chosen = replace(chosen, recipe=replace(chosen.recipe, network="resnet-6"))
    return chosen.recipe_with(given, pictures, epochs)
