"""The training loop on a random encoder, small enough to run in seconds."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.common.errors import CheckpointError, LayerMissingError, TrainingError
from training import checkpoint as checkpoints
from training import networks
from training.feed_forward import loop
from training.feed_forward.recipe import TrainingProgress, TrainingRecipe, TrainingRun

RECIPE = TrainingRecipe(
    network="hourglass-40", style_size=96, image_size=64, batch_size=2, steps=6, octaves=1, precision="fp32",
    warmup_steps=2, learning_rate=1e-2,
)  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, painting: Path, photos: Path, random_vgg: Path) -> TrainingRun:
    return TrainingRun(
        painting, photos, tmp_path / "out.safetensors", random_vgg,
        report_interval=1, held_out_interval=3, checkpoint_interval=2, artwork={"title": "Stripes"},
    )  # fmt: skip


def same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@pytest.mark.slow
def test_training_lowers_the_loss_and_writes_a_checkpoint(run: TrainingRun) -> None:
    seen: list[TrainingProgress] = []
    recipe = replace(RECIPE, steps=30)
    loop.train(recipe, replace(run, held_out_interval=30), seen.append)
    first, last = seen[0].terms["total"], sum(p.terms["total"] for p in seen[-5:]) / 5
    assert last < 0.7 * first
    written = checkpoints.load(run.output)
    assert (written.step, written.network_name, written.artwork) == (30, "hourglass-40", {"title": "Stripes"})
    assert written.recipe["style_weight"] == recipe.style_weight
    assert not written.optimizer
    assert not run.resume_file.exists()


def test_progress_counts_down_and_judges_held_out_photos(run: TrainingRun) -> None:
    seen: list[TrainingProgress] = []
    loop.train(RECIPE, run, seen.append)
    assert [p.step for p in seen] == [1, 2, 3, 4, 5, 6]
    assert [p.held_out is not None for p in seen] == [False, False, True, False, False, True]
    assert seen[-1].eta_s == 0
    assert seen[0].eta_s == pytest.approx(5 * seen[0].seconds_per_step)


@pytest.mark.slow
def test_an_interrupted_run_gives_the_same_weights(run: TrainingRun, tmp_path: Path) -> None:
    whole = loop.train(RECIPE, run)
    cut = replace(run, output=tmp_path / "cut.safetensors")
    loop.train(RECIPE, replace(cut, stop_after=3))
    assert cut.resume_file.exists()
    assert not cut.output.exists()
    resumed = loop.train(RECIPE, cut)
    assert same_weights(whole.network, resumed.network)
    assert [row["step"] for row in resumed.history] == [1, 2, 3, 4, 5, 6]
    assert [row["total"] for row in resumed.history] == [row["total"] for row in whole.history]


@pytest.mark.slow
def test_ctrl_c_leaves_a_state_to_go_on_from(run: TrainingRun, tmp_path: Path) -> None:
    whole = loop.train(RECIPE, run)
    cut = replace(run, output=tmp_path / "cut.safetensors")

    def interrupt(progress: TrainingProgress) -> None:
        if progress.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.train(RECIPE, cut, interrupt)
    assert same_weights(whole.network, loop.train(RECIPE, cut).network)


@pytest.mark.slow
def test_the_seed_decides(run: TrainingRun, tmp_path: Path) -> None:
    short = replace(RECIPE, steps=2)
    runs = [replace(run, output=tmp_path / f"{n}.safetensors") for n in range(3)]
    one, same = (loop.train(short, r).network for r in runs[:2])
    other = loop.train(replace(short, seed=1), runs[2]).network
    assert same_weights(one, same)
    assert not same_weights(one, other)


def test_resuming_under_another_recipe_is_refused_by_name(run: TrainingRun) -> None:
    loop.train(RECIPE, replace(run, stop_after=2))
    with pytest.raises(CheckpointError, match=r"another recipe \(style_weight 10.0 -> 3.0\)"):
        loop.train(replace(RECIPE, style_weight=3.0), run)


def test_divergence_stops_with_the_reason(run: TrainingRun) -> None:
    with pytest.raises(TrainingError, match=r"diverged before step \d+: .*Lower --lr"):
        loop.train(replace(RECIPE, learning_rate=1e6, warmup_steps=1, steps=40), run)
    assert not run.output.exists()


def test_a_layer_the_weights_lack_is_named_before_any_work(run: TrainingRun) -> None:
    with pytest.raises(LayerMissingError, match="relu4_1"):
        loop.train(replace(RECIPE, style_layers=("relu1_1", "relu4_1")), run)


def test_a_warm_start_begins_from_the_other_weights(run: TrainingRun, tmp_path: Path) -> None:
    first = loop.train(replace(RECIPE, steps=1), run)
    warm = replace(run, output=tmp_path / "warm.safetensors", init_from=run.output)
    second = loop.train(replace(RECIPE, steps=1, learning_rate=0.0), warm)
    assert same_weights(first.network, second.network)
    assert second.recipe["init_from"] == "out"
    assert second.recipe["style_weight"] == RECIPE.style_weight
    with pytest.raises(CheckpointError, match="a hourglass-40 network; hourglass-80 was asked for"):
        loop.train(replace(RECIPE, network="hourglass-80"), warm)


@pytest.mark.slow
def test_a_warm_start_can_be_resumed(run: TrainingRun, tmp_path: Path) -> None:
    loop.train(replace(RECIPE, steps=1), run)
    warm = replace(run, output=tmp_path / "warm.safetensors", init_from=run.output)
    loop.train(RECIPE, replace(warm, stop_after=2))
    assert loop.train(RECIPE, warm).step == 6


FULL_RECIPE = replace(
    RECIPE, steps=20, encoder_padding="reflect", temporal_weight=2.0, content_goal=0.01, optimizer="muon"
)
"""Muon, search, reflection and motions: of 20 steps the search takes 3 to 12, the ramp 4 to 8."""


@pytest.mark.slow
def test_an_interrupted_search_with_motions_gives_the_same_weights(run: TrainingRun, tmp_path: Path) -> None:
    run = replace(run, held_out_interval=1000)
    whole = loop.train(FULL_RECIPE, run)
    cut = replace(run, output=tmp_path / "cut.safetensors")
    for stop in (5, 9):
        loop.train(FULL_RECIPE, replace(cut, stop_after=stop))
    resumed = loop.train(FULL_RECIPE, cut)
    assert same_weights(whole.network, resumed.network)
    assert whole.recipe == resumed.recipe
    assert whole.recipe["style_weight"] < FULL_RECIPE.style_weight * 0.95
    assert ["temporal" in row for row in resumed.history] == [False] * 2 + [True] * 18
    assert resumed.history == whole.history


@pytest.mark.slow
def test_the_temporal_term_makes_a_network_follow_its_input(run: TrainingRun, tmp_path: Path) -> None:
    recipe = replace(FULL_RECIPE, steps=60, content_goal=None, temporal_weight=30.0)
    run = replace(run, held_out_interval=1000)
    with_term = loop.train(recipe, run)
    without = loop.train(
        replace(recipe, temporal_weight=0.0), replace(run, output=tmp_path / "plain.safetensors")
    )
    assert flicker(with_term.network) < 0.7 * flicker(without.network)


def flicker(weights: dict[str, torch.Tensor]) -> float:
    """What sensor noise on a still makes of the result, relative to the result's own contrast."""
    network = networks.build("hourglass-40")
    network.load_state_dict(weights)
    generator = torch.Generator().manual_seed(0)
    still = torch.nn.functional.interpolate(torch.rand(2, 3, 12, 12, generator=generator), scale_factor=8)
    with torch.no_grad():
        one, other = (network(still + 0.02 * torch.randn(still.shape, generator=generator)) for _ in "12")
    return float((one - other).square().mean() / one.var())


def test_bfloat16_trains(run: TrainingRun) -> None:
    result = loop.train(replace(RECIPE, precision="bf16", steps=2), run)
    assert all(math.isfinite(row["total"]) for row in result.history)


def test_an_interrupted_fp16_run_goes_on_at_its_loss_scale(run: TrainingRun) -> None:
    """At this weight the first steps overflow, and each halves the scale."""
    recipe = replace(RECIPE, precision="fp16", style_weight=1e6, batch_size=1)
    for stop in (1, 2):
        loop.train(recipe, replace(run, stop_after=stop, held_out_interval=1000))
    assert checkpoints.load(run.resume_file).optimizer["scaler.scale"] == 2.0**14


def test_previews_come_clamped(run: TrainingRun) -> None:
    shown: list[tuple[int, torch.Tensor]] = []
    loop.train(
        RECIPE,
        replace(run, preview_interval=3),
        None,
        lambda step, _content, image: shown.append((step, image)),
    )
    assert [step for step, _ in shown] == [3, 6]
    assert 0 <= shown[0][1].min() <= shown[0][1].max() <= 1


def test_learning_rate_warms_up_and_decays() -> None:
    factors = [loop.learning_rate_factor(step, 10, 110) for step in range(111)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[10] == pytest.approx(1.0)
    assert factors[60] == pytest.approx(0.51)
    assert factors[110] == pytest.approx(0.02)
    assert factors[10:] == sorted(factors[10:], reverse=True)


def test_shifts_cover_four_by_four_and_repeat() -> None:
    shifts = {loop.shift(step, 0) for step in range(400)}
    assert shifts == {(down, across) for down in range(4) for across in range(4)}
    assert loop.shift(7, 0) == loop.shift(7, 0)
