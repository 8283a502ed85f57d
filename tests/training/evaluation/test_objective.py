"""The optimisation a network is compared with: same loss as training, kept, resumed, and the ratio."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.common.errors import CheckpointError
from training.evaluation import objective
from training.evaluation.objective import Judge, equivalent_iterations, objective_ratio
from training.feed_forward.loop import TrainingRecipe
from training.gatys.job import open_encoder
from training.losses.encoder import VggEncoder
from training.losses.objective import Objective

SIDE = 64
RECIPE = TrainingRecipe(content_weight=1.5, style_weight=7.0, tv_weight=0.3, style_size=96, octaves=2)
TRAINED = RECIPE.to_dict()


@pytest.fixture
def pictures() -> tuple[Tensor, Tensor, Tensor]:
    """Photograph, painting and a picture to judge."""
    generator = torch.Generator().manual_seed(0)
    photo, painting, painted = (
        torch.nn.functional.interpolate(torch.rand(1, 3, 12, 12, generator=generator), size, mode="bilinear")
        for size in ((SIDE, SIDE), (72, 96), (SIDE, SIDE))
    )
    return photo, painting, painted


def judge(random_vgg: Path, pictures: tuple[Tensor, Tensor, Tensor], iterations: int = 4) -> Judge:
    recipe = objective.optimisation(TRAINED, SIDE, iterations, "fp32")
    return Judge(recipe, open_encoder(recipe, random_vgg, "cpu"), pictures[1], pictures[0])


def test_the_objective_is_the_one_of_training(
    random_vgg: Path, pictures: tuple[Tensor, Tensor, Tensor]
) -> None:
    photo, painting, painted = pictures
    encoder = VggEncoder(RECIPE.spec.layers, random_vgg)
    with torch.no_grad():
        terms = Objective(RECIPE.spec, encoder, [painting]).terms(painted, photo)
    weighted = 1.5 * terms["content"] + 7.0 * terms["style"] + 0.3 * terms["tv"]
    expected = {**terms, "total": weighted}
    found = judge(random_vgg, pictures).terms(painted)
    assert found == pytest.approx({name: float(value) for name, value in expected.items()}, rel=1e-4)


@pytest.mark.slow
def test_an_optimisation_is_kept_and_not_made_again(
    random_vgg: Path, pictures: tuple[Tensor, Tensor, Tensor], tmp_path: Path
) -> None:
    steps: list[int] = []
    done = judge(random_vgg, pictures).optimised(tmp_path / "kept", steps.append)
    assert steps == [1, 2, 3, 4]
    assert len(done.losses) == 5
    assert done.losses[-1] < done.losses[0]
    assert done.losses[0] == pytest.approx(judge(random_vgg, pictures).terms(pictures[0])["total"], rel=1e-5)
    assert done.image.shape == (1, 3, SIDE, SIDE)
    again = judge(random_vgg, pictures).optimised(tmp_path / "kept", steps.append)
    assert again.losses == done.losses
    assert len(steps) == 4
    longer = judge(random_vgg, pictures, iterations=5).optimised(tmp_path / "kept")
    assert len(longer.losses) == 6
    other = Judge(
        replace(judge(random_vgg, pictures).recipe, style_weight=8.0),
        judge(random_vgg, pictures).encoder,
        pictures[1],
        pictures[0],
    )
    assert other.optimised(tmp_path / "kept").losses[0] != done.losses[0]
    assert len(list((tmp_path / "kept").glob("*.json"))) == 3


@pytest.mark.slow
def test_an_interrupted_optimisation_goes_on_to_the_same_losses(
    random_vgg: Path, pictures: tuple[Tensor, Tensor, Tensor], tmp_path: Path
) -> None:
    whole = judge(random_vgg, pictures, 30).optimised(tmp_path / "whole")
    seen: list[int] = []

    def stop(step: int) -> None:
        seen.append(step)
        if step == 28:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(random_vgg, pictures, 30).optimised(tmp_path / "broken", stop)
    rest = judge(random_vgg, pictures, 30).optimised(tmp_path / "broken", seen.append)
    assert seen[28:] == [26, 27, 28, 29, 30]
    assert rest.losses == pytest.approx(whole.losses)
    assert not list((tmp_path / "broken").glob("*.resume*"))


def test_a_damaged_file_is_named(
    random_vgg: Path, pictures: tuple[Tensor, Tensor, Tensor], tmp_path: Path
) -> None:
    judge(random_vgg, pictures).optimised(tmp_path)
    (kept,) = tmp_path.glob("*.json")
    kept.write_text("{")
    with pytest.raises(CheckpointError, match=r"damaged .*delete it"):
        judge(random_vgg, pictures).optimised(tmp_path)


def test_recipes_of_other_versions() -> None:
    recipe = objective.optimisation(
        {**TRAINED, "of another version": 20, "temporal_weight": 3.0}, 512, 300, "bf16"
    )
    assert (recipe.style_weight, recipe.iterations, recipe.sizes) == (7.0, (300,), (0,))
    assert recipe.style_scale == pytest.approx(96 / 512)
    lean = {key: TRAINED[key] for key in objective.NEEDED}
    assert objective.optimisation(lean, 512, 300, "fp32").tv_weight == 0.0
    with pytest.raises(CheckpointError, match="does not say style_weight, style_size"):
        objective.optimisation(
            {key: TRAINED[key] for key in objective.NEEDED if "style_" not in key or key == "style_layers"},
            512,
            1,
            "fp32",
        )


def test_ratio_and_equivalent_iterations() -> None:
    losses = [5.0, 3.0, 1.0, 1.2]
    assert objective_ratio(1.0, losses) == 0.0
    assert objective_ratio(5.0, losses) == 1.0
    assert objective_ratio(2.0, losses) == 0.25
    assert objective_ratio(0.6, losses) == pytest.approx(-0.1)
    with pytest.raises(ValueError, match="no ratio"):
        objective_ratio(1.0, [1.0, 1.0])
    assert [equivalent_iterations(loss, losses) for loss in (6.0, 3.0, 2.9, 1.0, 0.9)] == [0, 1, 2, 2, None]
