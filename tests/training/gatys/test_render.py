"""The loop on a random encoder: descent, determinism, resuming, sizes, blow-ups."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.common.errors import CheckpointError, TrainingError
from training.gatys import render, state
from training.gatys.recipe import RenderRecipe
from training.gatys.render import Inputs, RenderRun
from training.gatys.step import DivergedError, RenderProgress
from training.losses.encoder import VggEncoder
from training.losses.objective import Features, Objective

RECIPE = RenderRecipe(
    content_layers=(("relu2_1", 1.0),),
    style_layers=(("relu1_1", 0.5), ("relu2_1", 0.5)),
    style_weight=10.0,
    octaves=1,
    sizes=(40,),
    iterations=(6,),
)
LBFGS = replace(RECIPE, optimizer="lbfgs", learning_rate=1.0, init="noise")


@pytest.fixture(scope="module")
def encoder(random_vgg: Path) -> VggEncoder:
    return VggEncoder(("relu1_1", "relu2_1"), random_vgg)


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    generator = torch.Generator().manual_seed(1)
    content = torch.nn.functional.interpolate(torch.rand(1, 3, 6, 7, generator=generator), (36, 44))
    return Inputs(content, (torch.rand(1, 3, 40, 32, generator=generator),))


def stop_after(steps: int) -> Callable[[], bool]:
    left = iter(range(steps))
    return lambda: next(left) == steps - 1


@pytest.mark.parametrize("recipe", [RECIPE, LBFGS])
def test_a_render_descends_and_tells_every_step(
    recipe: RenderRecipe, encoder: VggEncoder, inputs: Inputs
) -> None:
    told: list[RenderProgress] = []
    done = render.render(
        replace(recipe, iterations=(12,)), inputs, encoder, RenderRun(on_progress=told.append)
    )
    assert done.finished
    assert done.image.shape == (1, 3, 33, 40)
    assert 0 <= done.image.min() < done.image.max() <= 1
    assert done.history[-1]["total"] < 0.7 * done.history[0]["total"]
    assert [row["step"] for row in done.history] == list(range(13))
    assert [p.step for p in told] == list(range(1, 13))
    assert told[-1].eta_s == 0
    assert told[0].terms.keys() == {"content", "style", "tv", "total"}


@pytest.mark.parametrize("recipe", [RECIPE, LBFGS])
def test_the_same_seed_gives_the_same_picture_bit_for_bit(
    recipe: RenderRecipe, encoder: VggEncoder, inputs: Inputs
) -> None:
    one, other = (render.render(recipe, inputs, encoder).image for _ in range(2))
    assert torch.equal(one, other)


def test_lbfgs_takes_the_same_steps_however_large_the_loss(encoder: VggEncoder, inputs: Inputs) -> None:
    """The products of slopes in its line search overflow float32 long before the loss does."""
    huge = replace(LBFGS, content_weight=2.0**60, style_weight=LBFGS.style_weight * 2.0**60)
    large = replace(LBFGS, content_weight=2.0**30, style_weight=LBFGS.style_weight * 2.0**30)
    one, other = (render.render(recipe, inputs, encoder) for recipe in (large, huge))
    assert other.history[-1]["total"] < 0.9 * other.history[0]["total"]
    assert torch.equal(one.image, other.image)


def test_another_seed_gives_another_picture(encoder: VggEncoder, inputs: Inputs) -> None:
    one, other = (render.render(replace(LBFGS, seed=seed), inputs, encoder).image for seed in (0, 1))
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("recipe", "steps"),
    [(RECIPE, 3), (LBFGS, 4), (replace(LBFGS, sizes=(34, 40), iterations=(3, 3)), 3)],
)
def test_a_stopped_render_goes_on_to_the_same_picture(
    recipe: RenderRecipe, steps: int, encoder: VggEncoder, inputs: Inputs, tmp_path: Path
) -> None:
    whole = render.render(recipe, inputs, encoder)
    resume_file = tmp_path / "r.safetensors"
    cut = render.render(recipe, inputs, encoder, RenderRun(resume_file, should_stop=stop_after(steps)))
    assert not cut.finished
    assert resume_file.exists()
    done = render.render(recipe, inputs, encoder, RenderRun(resume_file))
    assert torch.equal(done.image, whole.image)
    assert [r["total"] for r in done.history] == [r["total"] for r in whole.history]
    assert done.seconds > cut.history[-1]["seconds"]  # the clock goes on from what was saved
    assert not resume_file.exists()


def test_another_recipe_or_picture_does_not_resume(
    encoder: VggEncoder, inputs: Inputs, tmp_path: Path
) -> None:
    resume_file = tmp_path / "r.safetensors"
    render.render(RECIPE, inputs, encoder, RenderRun(resume_file, should_stop=stop_after(2)))
    with pytest.raises(CheckpointError, match=r"style_weight 10\.0 -> 20\.0.*delete this file"):
        render.render(replace(RECIPE, style_weight=20.0), inputs, encoder, RenderRun(resume_file))
    brighter = replace(inputs, content=inputs.content * 0.9)
    with pytest.raises(CheckpointError, match="pictures"):
        render.render(RECIPE, brighter, encoder, RenderRun(resume_file))


def test_a_damaged_state_is_refused(encoder: VggEncoder, inputs: Inputs, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    other = tmp_path / "o.safetensors"
    save_file({"pixels": torch.zeros(1)}, str(other))
    with pytest.raises(CheckpointError, match="no whole state of a render"):
        render.render(RECIPE, inputs, encoder, RenderRun(other))


def test_snapshots_and_checkpoints_come_when_asked(
    encoder: VggEncoder, inputs: Inputs, tmp_path: Path
) -> None:
    snapshots: dict[int, Tensor] = {}
    resume_file = tmp_path / "r.safetensors"
    written: list[bool] = []
    run = RenderRun(
        resume_file,
        checkpoint_interval=4,
        snapshots_at=range(2, 100, 2),
        on_snapshot=snapshots.__setitem__,
        on_progress=lambda progress: written.append(resume_file.exists()),
    )
    done = render.render(RECIPE, inputs, encoder, run)
    assert list(snapshots) == [2, 4, 6]
    assert torch.equal(snapshots[6], done.image)
    assert written == [False, False, False, False, True, True]


def test_coarse_to_fine_ends_at_the_last_size(encoder: VggEncoder, inputs: Inputs) -> None:
    recipe = replace(RECIPE, sizes=(34, 0), iterations=(2, 3))
    done = render.render(recipe, inputs, encoder)
    assert done.image.shape == inputs.content.shape
    assert [row["size_px"] for row in done.history] == [34, 34, 44, 44, 44, 44]


def test_starting_pictures(encoder: VggEncoder, inputs: Inputs) -> None:
    content = render.image_io.fit(inputs.content, 40)
    barely = replace(RECIPE, iterations=(1,), learning_rate=1e-6)

    def first(**changes: object) -> Tensor:
        start = torch.full((1, 3, 50, 50), 0.25)
        return render.render(replace(barely, **changes), replace(inputs, start=start), encoder).image  # type: ignore[arg-type]

    assert torch.allclose(first(), content, atol=1e-4)
    style = render.image_io.resized(inputs.styles[0], (33, 40))
    assert torch.allclose(first(init="style"), style, atol=1e-4)
    assert torch.allclose(first(init="file"), torch.full((1, 3, 33, 40), 0.25), atol=1e-4)
    noise = first(init="noise")
    assert noise.mean() == pytest.approx(0.5, abs=0.002)
    assert noise.std() == pytest.approx(render.NOISE_DEVIATION, rel=0.05)
    with pytest.raises(TrainingError, match="none was given"):
        render.render(replace(barely, init="file"), inputs, encoder)


def test_pixel_range_is_the_unit_of_the_learning_rate(encoder: VggEncoder, inputs: Inputs) -> None:
    unit = render.render(replace(RECIPE, learning_rate=0.02), inputs, encoder).image
    bytes_ = render.render(
        replace(RECIPE, learning_rate=0.02 * 255, pixel_range=255.0), inputs, encoder
    ).image
    assert (unit - bytes_).abs().mean() < 0.01


def test_style_weights_are_shares(encoder: VggEncoder, inputs: Inputs) -> None:
    two = replace(inputs, styles=(*inputs.styles, inputs.content), style_weights=(3.0, 0.0))
    assert torch.allclose(
        render.render(RECIPE, two, encoder).image, render.render(RECIPE, inputs, encoder).image, atol=1e-3
    )
    for wrong in ((1.0,), (0.0, 0.0), (-1.0, 2.0)):
        with pytest.raises(TrainingError, match="for each of 2 styles"):
            render.render(RECIPE, replace(two, style_weights=wrong), encoder)


def test_a_step_out_of_all_bounds_keeps_the_picture_before_it(encoder: VggEncoder, inputs: Inputs) -> None:
    recipe = replace(LBFGS, learning_rate=1e36, init="content")
    with pytest.raises(DivergedError, match=r"after 0 steps: the (content|style) term.*") as caught:
        render.render(recipe, inputs, encoder)
    assert caught.value.picture is not None
    assert torch.equal(caught.value.picture, render.image_io.fit(inputs.content, 40))


def test_a_term_that_blows_up_is_named_and_the_last_good_picture_kept(
    encoder: VggEncoder, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = render.render(replace(RECIPE, iterations=(2,)), inputs, encoder).image
    real, calls = Objective._style_term, iter(range(100))

    def failing(self: Objective, features: Features) -> Tensor:
        return real(self, features) * (float("nan") if next(calls) == 3 else 1.0)

    monkeypatch.setattr(Objective, "_style_term", failing)
    with pytest.raises(DivergedError, match=r"after 3 steps: the style term \(nan before") as caught:
        render.render(RECIPE, inputs, encoder)
    assert "content" not in str(caught.value)
    assert caught.value.step == 3
    assert caught.value.picture is not None
    assert torch.equal(caught.value.picture, good)


def test_a_gradient_that_blows_up_is_named(
    encoder: VggEncoder, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def steep(self: Objective, features: Features, target: Features) -> Tensor:
        return (features["relu2_1", 0].sum() * 0).sqrt()  # 0 with an infinite slope

    monkeypatch.setattr(Objective, "_content_term", steep)
    with pytest.raises(DivergedError, match="the gradient of content is not a finite number"):
        render.render(RECIPE, inputs, encoder)


def test_bfloat16_features_come_close(random_vgg: Path, encoder: VggEncoder, inputs: Inputs) -> None:
    half = VggEncoder(("relu1_1", "relu2_1"), random_vgg).to(torch.bfloat16)
    done = render.render(replace(RECIPE, precision="bf16"), inputs, half)
    assert done.image.dtype == torch.float32
    assert (done.image - render.render(RECIPE, inputs, encoder).image).abs().mean() < 0.02


def test_memory_grows_with_the_picture_and_its_depth() -> None:
    shallow = render.memory_needed(RECIPE, 8000, 8000)
    assert render.memory_needed(RECIPE, 8000, 4000) == pytest.approx(shallow / 2)
    assert render.memory_needed(RenderRecipe(), 8000, 8000) > shallow
    assert render.memory_needed(
        replace(RenderRecipe(), precision="bf16"), 8000, 8000
    ) < 0.6 * render.memory_needed(RenderRecipe(), 8000, 8000)


def test_a_digest_sees_every_number() -> None:
    zeros = torch.zeros(2, 3)
    one = zeros.clone()
    one[1, 2] = 1e-30
    assert len({state.digest([t]) for t in (zeros, one, zeros.T)}) == 3
