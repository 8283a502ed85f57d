"""The presets have the numbers of their recipes; wrong settings are named."""

import json
from dataclasses import replace

import pytest

from pipeline.common.errors import TrainingError
from training.cli.options import named
from training.gatys.recipe import CHOICES, PRESETS, RenderRecipe, changed
from training.losses.layer_weights import parse_layers

CONV = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")


def test_gatys_2016_is_the_paper() -> None:
    recipe = PRESETS["gatys-2016"]
    assert recipe.content_layers == (("relu4_2", 1.0),)
    names = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    assert recipe.style_layers == tuple((name, 0.2) for name in names)
    assert (recipe.pooling, recipe.optimizer, recipe.init) == ("average", "lbfgs", "noise")
    assert (recipe.normalization, recipe.statistic, recipe.octaves) == ("gatys", "gram", 1)
    assert recipe.content_weight / recipe.style_weight == 1e-3
    assert recipe.tv_weight == 0


def test_adam_content_start() -> None:
    recipe = PRESETS["adam-content-start"]
    assert recipe.content_layers == (("conv4_2", 1.0),)
    assert recipe.style_layers == tuple((name, 0.2) for name in CONV)
    assert (recipe.content_weight, recipe.style_weight) == (1.0, 1e3)
    assert (recipe.optimizer, recipe.learning_rate, recipe.pixel_range) == ("adam", 0.01, 1.0)
    assert (recipe.iterations, recipe.init, recipe.octaves) == ((1000,), "content", 1)
    assert recipe.tv_form == "l1-sum"
    for gamma in (0, 10, 100):
        assert changed(recipe, tv_weight=gamma).tv_weight == gamma


def test_multi_content() -> None:
    recipe = PRESETS["multi-content"]
    assert recipe.content_layers == tuple(zip(CONV, (0.5, 1, 1.5, 3, 4), strict=True))
    assert (recipe.content_weight, recipe.style_weight) == (0.01, 1.0)
    assert (recipe.optimizer, recipe.learning_rate, recipe.pixel_range) == ("adam", 2.0, 255.0)


def test_shallow_pyramid_is_the_default_and_the_designs() -> None:
    recipe = PRESETS["shallow-pyramid"]
    assert recipe == RenderRecipe()
    assert recipe.content_layers == (("relu3_3", 1.0),)
    names = ("relu1_1", "relu2_1", "relu3_1", "relu3_4")
    assert recipe.style_layers == tuple((name, 0.25) for name in names)
    assert (recipe.octaves, recipe.normalization) == (3, "relative")
    assert (recipe.content_weight, recipe.style_weight) == (1.0, 100.0)
    assert (recipe.optimizer, recipe.init, recipe.iterations) == ("adam", "content", (100,))


def test_presets_carry_their_names_and_only_the_default_does_with_shallow_layers() -> None:
    assert [recipe.name for recipe in PRESETS.values()] == list(PRESETS)
    deep = {name for name, recipe in PRESETS.items() if any(int(layer[4]) > 3 for layer in recipe.layers)}
    assert deep == set(PRESETS) - {"shallow-pyramid"}


def test_an_unknown_preset_is_answered_with_the_known() -> None:
    with pytest.raises(TrainingError, match=r"--preset gatys-2015: .*choose shallow-pyramid, gatys"):
        named(PRESETS, "gatys-2015")


@pytest.mark.parametrize("setting", CHOICES)
def test_a_setting_out_of_its_choices_is_answered_with_them(setting: str) -> None:
    with pytest.raises(TrainingError, match=f"'nonsense': choose {CHOICES[setting][0]}"):
        changed(RenderRecipe(), **{setting: "nonsense"})


def test_recipes_nothing_could_follow() -> None:
    with pytest.raises(TrainingError, match="one above 0 for each"):
        changed(RenderRecipe(), sizes=(128, 256), iterations=(1, 2, 3))
    with pytest.raises(TrainingError, match="one above 0 for each"):
        changed(RenderRecipe(), iterations=(0,))
    with pytest.raises(TrainingError, match="all were expected above 0"):
        changed(RenderRecipe(), learning_rate=0.0)
    with pytest.raises(TrainingError, match="are all 0"):
        changed(RenderRecipe(), content_weight=0.0, style_weight=0.0)
    for weight in (-1.0, float("nan"), 1e39):
        with pytest.raises(TrainingError, match="from 0 to 1e30"):
            changed(RenderRecipe(), style_weight=weight)
    with pytest.raises(TrainingError, match="no setting colour"):
        changed(RenderRecipe(), colour="blue")


def test_one_number_of_iterations_serves_every_size() -> None:
    assert changed(RenderRecipe(), sizes=(128, 256)).iterations == (100, 100)
    assert changed(RenderRecipe(), sizes=(128, 256), iterations=(7,)).iterations == (7, 7)
    assert changed(RenderRecipe(), octaves=None) == RenderRecipe()


def test_terms_without_weight_ask_for_no_layer() -> None:
    assert replace(RenderRecipe(), content_weight=0.0).layers == ("relu1_1", "relu2_1", "relu3_1", "relu3_4")
    assert replace(RenderRecipe(), style_weight=0.0).layers == ("relu3_3",)


def test_layers_are_parsed_with_weights_or_without() -> None:
    assert parse_layers("relu1_1, relu3_1") == (("relu1_1", 0.5), ("relu3_1", 0.5))
    assert parse_layers("relu1_1:0.5,relu3_1:2") == (("relu1_1", 0.5), ("relu3_1", 2.0))
    for wrong in ("", "relu1_1:0.5,relu3_1", "relu1_1:x", "relu1_1:-1", "relu1_1:nan"):
        with pytest.raises(TrainingError, match="were expected"):
            parse_layers(wrong)


def test_a_recipe_is_plain_json() -> None:
    recipe = changed(RenderRecipe(), sizes=(128, 256))
    assert json.loads(json.dumps(recipe.to_dict())) == recipe.to_dict()
