"""The literature's numbers, and what the program's own preset is made for."""

import pytest

from pipeline.common.errors import TrainingError
from training import networks
from training.cycle.discriminators import receptive_field_px
from training.cycle.presets import PRESETS, recipe_of
from training.cycle.recipe import CycleRecipe


def test_the_numbers_of_the_paper() -> None:
    preset = PRESETS["cyclegan-2017"]
    recipe = recipe_of(preset, 1000, {})
    assert (recipe.adversarial, recipe.cycle_weight, recipe.identity_weight) == ("least-squares", 10.0, 5.0)
    assert (recipe.learning_rate, recipe.discriminator_rate, recipe.beta1) == (2e-4, 2e-4, 0.5)
    assert (recipe.batch_size, recipe.history, recipe.steps) == (1, 50, 200_000)
    assert (recipe.network, recipe.image_size, recipe.initialisation) == ("resnet-9", 256, "normal")
    assert recipe.smallest_scale * recipe.image_size == recipe.largest_scale * recipe.image_size == 286
    assert (recipe.discriminator_width, receptive_field_px(recipe.discriminator_layers)) == (64, 70)
    nothing_else = (
        recipe.temporal_weight, recipe.content_weight, recipe.guide_weight, recipe.shift_weight,
        recipe.smoothness_weight,
        recipe.average, recipe.augmentation,
        recipe.discriminator_features, recipe.encoder_layers,
    )  # fmt: skip
    assert nothing_else == (0, 0, 0, 0, 0, 0, (), (), ())


def test_six_blocks_at_128_px() -> None:
    preset = PRESETS["cyclegan-2017"]
    assert recipe_of(preset, 10, {"image_size": 128}).network == "resnet-6"
    assert recipe_of(preset, 10, {"image_size": 128, "network": "resnet-9"}).network == "resnet-9"


@pytest.mark.parametrize(("blocks", "millions"), [(9, 11.378), (6, 7.837)])
def test_the_generators_have_the_papers_size(blocks: int, millions: float) -> None:
    """As the authors' code prints them: 11.378 M and 7.837 M."""
    assert networks.count_parameters(networks.build(f"resnet-{blocks}")) / 1e6 == pytest.approx(
        millions, abs=1e-3
    )


def test_both_rates_fall_linearly_after_half_of_the_steps() -> None:
    recipe = CycleRecipe(steps=200)
    factors = [recipe.rate_factor(step) for step in (0, 100, 150, 199, 200)]
    assert factors == pytest.approx([1, 1, 0.5, 0.01, 0])


@pytest.mark.parametrize("name", ["live", "retouch"])
def test_the_programs_own_presets_run_as_fast_as_a_style(name: str) -> None:
    assert PRESETS[name].recipe.network.removesuffix("-change") == networks.DEFAULT_NETWORK


def test_epochs_and_steps_are_one_or_the_other() -> None:
    with pytest.raises(TrainingError, match="say the same thing"):
        recipe_of(PRESETS["live"], 100, {"steps": 5}, epochs=2)
    assert recipe_of(PRESETS["live"], 100, {"batch_size": 4}, epochs=2).steps == 50


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"image_size": 130}, "--image-size 130: hourglass takes multiples of 8 from 24 on; give 128"),
        ({"image_size": 16}, "multiples of 8 from 24 on; give 24"),
        ({"adversarial": "hinge"}, "adversarial 'hinge': choose least-squares, log"),
        ({"augmentation": ("noise",)}, "augmentation noise: choose of color, translation, cutout"),
        ({"guide_weight": 1.0, "discriminator_steps": 0}, "guides; give --discriminator-steps 1000"),
        ({"shift_weight": 1.0, "discriminator_features": ()}, "as --discriminator-features"),
        ({"discriminator_features": ("conv4_1",)}, "conv4_1: choose of relu1_1, relu1_2"),
        ({"network": "unet"}, "no network 'unet'"),
    ],
)
def test_what_no_training_could_follow_is_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        recipe_of(PRESETS["live"], 10, setting)
