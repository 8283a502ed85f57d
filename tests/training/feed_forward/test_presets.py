"""The presets have the numbers of their recipes; what a user gives wins over them."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.common.errors import LayerMissingError, TrainingError
from training import networks
from training.cli.options import named
from training.feed_forward import loop
from training.feed_forward.presets import PRESETS, recipe_of, steps_of
from training.feed_forward.recipe import TrainingRecipe, TrainingRun

LITERATURE = ("johnson-2016", "johnson-2016-vgg19")


def test_johnson_2016_is_the_paper() -> None:
    """Johnson, Alahi & Fei-Fei, ECCV 2016, section 4.1 (training details)."""
    chosen = PRESETS["johnson-2016"]
    recipe = chosen.recipe
    assert recipe.content_layer == "relu2_2"
    assert recipe.style_layers == ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    assert (recipe.batch_size, recipe.steps, recipe.image_size) == (4, 40_000, 256)
    assert recipe.learning_rate == 1e-3
    assert 1e-6 <= recipe.tv_weight <= 1e-4
    assert steps_of(2, 80_000, recipe.batch_size) == recipe.steps  # "roughly two epochs" of 80k photographs
    assert chosen.epochs is None
    assert (recipe.network, recipe.octaves) == ("johnson-2016", 1)


def test_johnson_2016_has_the_weights_of_the_released_code() -> None:
    """jcjohnson/fast-neural-style, the defaults of its train.lua; StyleLoss.lua takes the mean of squares."""
    recipe = PRESETS["johnson-2016"].recipe
    assert (recipe.content_weight, recipe.style_weight, recipe.tv_weight) == (1.0, 5.0, 1e-6)
    assert recipe.style_layer_weights == (1.0,) * 4
    assert (recipe.normalization, recipe.tv_form, recipe.pixel_range) == ("mean", "squared-sum", 255.0)
    assert recipe.style_size == 256


def test_the_vgg19_variant() -> None:
    """Content conv4_2 at 2, styles conv1_1 to conv5_1 at 0.2 and 40, TV 200, batch 8, two epochs, 256x256."""
    chosen = PRESETS["johnson-2016-vgg19"]
    recipe = chosen.recipe
    assert (recipe.content_layer, recipe.content_weight) == ("conv4_2", 2.0)
    assert recipe.style_layers == ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
    assert recipe.style_layer_weights == (0.2,) * 5
    assert (recipe.style_weight, recipe.tv_weight) == (40.0, 200.0)
    assert (recipe.learning_rate, recipe.batch_size, recipe.image_size) == (1e-3, 8, 256)
    assert chosen.epochs == 2
    assert (recipe.normalization, recipe.tv_form, recipe.pixel_range) == ("mean", "squared-mean", 255.0)


@pytest.mark.parametrize("name", LITERATURE)
def test_nothing_of_later_years_is_in_the_recipes_of_the_literature(name: str) -> None:
    recipe = PRESETS[name].recipe
    assert (recipe.temporal_weight, recipe.content_goal, recipe.encoder_padding) == (0.0, None, "zeros")
    assert (recipe.warmup_steps, recipe.decay, recipe.clip_norm) == (0, "none", 0.0)
    assert (recipe.plain_share, recipe.largest_scale, recipe.largest_shift_px) == (0.0, 1.0, 0)
    assert {loop.learning_rate_of(recipe, step) for step in (0, 1, recipe.steps)} == {1e-3}


@pytest.mark.parametrize("name", LITERATURE)
def test_every_preset_names_its_sources_and_a_network_that_there_is(name: str) -> None:
    chosen = PRESETS[name]
    assert chosen.sources
    assert chosen.ours
    assert chosen.recipe.network in networks.NETWORKS
    assert len(chosen.recipe.style_layer_weights) == len(chosen.recipe.style_layers)


def test_balanced_looks_deep_on_one_octave() -> None:
    recipe = PRESETS["balanced"].recipe
    assert [layer[:2] for layer in recipe.spec.content] == [("relu4_2", 0)]
    weights = {layer.name: layer.weight for layer in recipe.spec.style}
    assert weights == {"relu1_1": 0.2, "relu2_1": 0.2, "relu3_1": 0.25, "relu4_1": 0.4}
    assert (recipe.network, recipe.spec.octaves, recipe.optimizer) == ("hourglass", 1, "muon")
    assert (recipe.style_weight, recipe.content_goal) == (8.0, None)


def test_presets_are_found_by_name() -> None:
    assert [chosen.name for chosen in PRESETS.values()] == list(PRESETS)
    with pytest.raises(TrainingError, match=r"--preset johnson-2015: .*balanced, johnson-2016"):
        named(PRESETS, "johnson-2015")


def test_what_is_given_wins_and_the_rest_comes_from_the_preset() -> None:
    chosen = PRESETS["johnson-2016-vgg19"]
    given = {"style_weight": 7.0, "network": None, "batch_size": 4}
    recipe = recipe_of(chosen, 1000, given)
    assert recipe == replace(chosen.recipe, style_weight=7.0, batch_size=4, steps=500)


def test_a_style_weight_ends_the_search_unless_a_goal_is_given_too() -> None:
    chosen = PRESETS["balanced"]
    assert recipe_of(chosen, 1000, {"style_weight": 4.0}).content_goal is None
    both = recipe_of(chosen, 1000, {"style_weight": 4.0, "content_goal": 0.4})
    assert (both.style_weight, both.content_goal) == (4.0, 0.4)


@pytest.mark.parametrize("setting", ["encoder_padding", "optimizer", "decay", "tv_form"])
def test_a_word_a_recipe_does_not_know_is_refused_by_name(setting: str) -> None:
    with pytest.raises(TrainingError, match=rf"{setting.replace('_', ' ')} 'none such': choose \w+"):
        TrainingRecipe(**{setting: "none such"})


def test_epochs_become_steps() -> None:
    chosen = PRESETS["johnson-2016-vgg19"]
    assert recipe_of(chosen, 82_783, {}).steps == 20_696  # COCO 2014
    assert recipe_of(chosen, 3, {}).steps == 1
    assert recipe_of(chosen, 800, {}, epochs=0.5).steps == 50
    assert recipe_of(chosen, 800, {"steps": 9}).steps == 9
    assert recipe_of(PRESETS["johnson-2016"], 800, {}).steps == 40_000
    assert recipe_of(PRESETS["johnson-2016"], 800, {}, epochs=1).steps == 200
    with pytest.raises(TrainingError, match="--steps and --epochs"):
        recipe_of(chosen, 800, {"steps": 9}, epochs=1)


def small(name: str) -> TrainingRecipe:
    changes = {"image_size": 64, "style_size": 96, "batch_size": 2, "precision": "fp32"}
    return replace(recipe_of(PRESETS[name], 4, changes), steps=2)


@pytest.mark.parametrize("name", LITERATURE)
def test_layers_the_weights_lack_are_named_before_any_work(
    name: str, tmp_path: Path, painting: Path, photos: Path, random_vgg: Path
) -> None:
    missing = {"johnson-2016": "relu4_3", "johnson-2016-vgg19": "conv4_1, conv4_2, conv5_1"}[name]
    run = TrainingRun(painting, photos, tmp_path / "out.safetensors", random_vgg)
    with pytest.raises(LayerMissingError, match=rf"{missing}: not in .*end at relu3_4"):
        loop.train(small(name), run)
    assert not run.output.exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", LITERATURE)
def test_a_preset_trains(name: str, tmp_path: Path, painting: Path, photos: Path, full_vgg: Path) -> None:
    run = TrainingRun(painting, photos, tmp_path / "out.safetensors", full_vgg, report_interval=1)
    recipe = small(name)
    done = loop.train(recipe, run)
    for row in done.history:
        weighted = recipe.content_weight * row["content"] + recipe.style_weight * row["style"]
        assert row["total"] == pytest.approx(weighted + recipe.tv_weight * row["tv"], rel=1e-4)
    # Validation must see the network as export will: with running moments, and without touching them.
    assert done.network["first.norm.num_batches_tracked"] == 2
