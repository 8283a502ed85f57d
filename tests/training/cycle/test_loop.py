"""The loop on a random encoder, small enough to run in seconds."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.common.errors import CheckpointError, TrainingError
from tests.training.cycle.conftest import RECIPE
from training import checkpoint as checkpoints
from training.cycle import loop
from training.cycle.recipe import DIRECTIONS, CycleProgress, CycleRun
from training.cycle.report import Preview, describe, sheet_rows
from training.cycle.step import TERMS


def test_both_directions_are_written(run: CycleRun) -> None:
    seen: list[CycleProgress] = []
    shown: list[tuple[int, list[Preview]]] = []
    loop.train(
        replace(RECIPE, identity_weight=1.0),
        replace(run, terms_a="CC0"),
        seen.append,
        lambda *p: shown.append(p),
    )
    assert [p.step for p in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[0].terms.keys() == {"discriminator_a", "discriminator_b"}
    assert {*TERMS, "total"} < seen[-1].terms.keys()
    assert "1 broken pictures skipped" in describe(seen[-1])
    assert [step for step, _ in shown] == [3, 6]
    assert {tuple(row.shape[1:]) for row in sheet_rows(shown[0][1])} == {(3, 32, 32)}
    assert len(sheet_rows(shown[0][1])) == 8
    for direction in DIRECTIONS:
        written = checkpoints.load(run.checkpoint_of(direction))
        assert (written.step, written.recipe["direction"]) == (6, direction)
        assert written.training_data["a"]["terms"] == "CC0"
        written.build_network()
    assert not run.resume_file.exists()


@pytest.mark.slow
def test_an_interrupted_run_gives_the_same_losses_and_weights(run: CycleRun, tmp_path: Path) -> None:
    whole = loop.train(RECIPE, run)
    cut = replace(run, output=tmp_path / "cut")
    loop.train(RECIPE, replace(cut, stop_after=4))
    assert cut.resume_file.exists()
    assert not cut.checkpoint_of("a2b").exists()
    resumed = loop.train(RECIPE, cut)
    for direction in DIRECTIONS:
        assert whole[direction].history == resumed[direction].history
        assert resumed[direction].optimizer == whole[direction].optimizer == {}
        weights = resumed[direction].network
        assert all(torch.equal(value, weights[name]) for name, value in whole[direction].network.items())


def test_against_flicker_nothing_is_asked_at_first(run: CycleRun) -> None:
    seen: list[CycleProgress] = []
    recipe = replace(RECIPE, guide_weight=0.0, discriminator_steps=0)
    loop.train(recipe, replace(run, stop_after=2), seen.append)
    assert ["temporal" in progress.terms for progress in seen] == [False, True]


def test_guides_follow_the_discriminators_only_while_these_learn_alone(run: CycleRun) -> None:
    def guides_and_judges(steps: int) -> list[dict[str, Tensor]]:
        loop.train(replace(RECIPE, average=0.0, discriminator_steps=2), replace(run, stop_after=steps))
        tensors = checkpoints.load(run.resume_file).network
        return [
            {name.removeprefix(part): value for name, value in tensors.items() if name.startswith(part)}
            for part in ("guides.", "discriminators.")
        ]

    def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
        return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)

    guides, judges = guides_and_judges(2)
    assert same(guides, judges)
    later, judges = guides_and_judges(4)
    assert same(guides, later)
    assert not same(later, judges)


def test_ctrl_c_leaves_a_state_to_go_on_from(run: CycleRun) -> None:
    def interrupt(progress: CycleProgress) -> None:
        if progress.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.train(RECIPE, run, interrupt)
    assert checkpoints.load(run.resume_file).step == 2
    with pytest.raises(CheckpointError, match=r"another recipe \(cycle_weight 10.0 -> 3.0\)"):
        loop.train(replace(RECIPE, cycle_weight=3.0), run)


def test_a_network_that_adds_its_input_starts_by_changing_nothing(run: CycleRun, tmp_path: Path) -> None:
    recipe = replace(RECIPE, network="hourglass", learning_rate=0.0, average=0.0, steps=1)
    loop.train(recipe, run)
    changing = replace(recipe, network="hourglass-change")
    warm = replace(run, output=tmp_path / "warm", init_from=run.checkpoint_of("a2b"))
    made = loop.train(changing, warm)["a2b"]
    image = torch.rand(1, 3, 32, 32)
    assert torch.equal(made.build_network()(image * 4 / 4), image * 4 / 4) or torch.allclose(
        made.build_network()(image), image, atol=1e-6
    )
    first = checkpoints.load(run.checkpoint_of("a2b")).network
    assert torch.equal(made.network["stem.weight"], first["stem.weight"])


def test_weights_of_another_network_are_refused(run: CycleRun, tmp_path: Path) -> None:
    loop.train(replace(RECIPE, steps=1), run)
    with pytest.raises(CheckpointError, match=r"--init-from .*: a hourglass-40 network"):
        loop.train(
            replace(RECIPE, network="hourglass"),
            replace(run, output=tmp_path / "other", init_from=run.checkpoint_of("b2a")),
        )


def test_divergence_stops_with_the_reason(run: CycleRun) -> None:
    with pytest.raises(TrainingError, match=r"diverged before step \d+: .*Lower --lr"):
        loop.train(replace(RECIPE, learning_rate=1e9, steps=12), run)
    assert not run.checkpoint_of("a2b").exists()
