"""One network for several paintings."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.common.errors import CheckpointError, InputError, TrainingError
from training import checkpoint as checkpoints
from training import networks
from training.feed_forward import loop, many_styles, report
from training.feed_forward.recipe import TrainingRecipe, TrainingRun
from training.networks import rows

RECIPE = TrainingRecipe(
    network="hourglass-40", style_size=96, image_size=64, batch_size=2, steps=4, octaves=1, precision="fp32",
    warmup_steps=1, learning_rate=1e-2, temporal_weight=1.0,
)  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, painting: Path, photos: Path, random_vgg: Path) -> TrainingRun:
    other = painting.with_name("other.jpg")
    other.write_bytes(painting.read_bytes())
    return TrainingRun(
        painting, photos, tmp_path / "out.safetensors", random_vgg, report_interval=1, held_out_interval=4,
        further_paintings=(other,), photograph_row=True, styles=report.styles_of([painting, other], True),
    )  # fmt: skip


def test_every_deck_deals_each_row_once() -> None:
    dealt = [row for step in range(15) for row in many_styles.rows_of_step(step, 2, 5, seed=3)]
    decks = [dealt[first : first + 5] for first in range(0, 30, 5)]
    assert all(sorted(deck) == [0, 1, 2, 3, 4] for deck in decks)
    assert len({tuple(deck) for deck in decks}) > 1


def test_the_photograph_is_judged_by_its_pixels() -> None:
    torch.manual_seed(0)
    photo = torch.rand(2, 3, 32, 32)
    grey = photo.mean(dim=(2, 3), keepdim=True).expand_as(photo)
    judge = many_styles.SamePicture()
    assert float(judge.terms(photo, photo)["content"]) == 0.0
    assert float(judge.terms(grey, photo)["content"]) == pytest.approx(1.3, abs=0.02)


@pytest.mark.slow
def test_rows_are_trained_apart_and_a_resumed_run_gives_the_same(run: TrainingRun, tmp_path: Path) -> None:
    previews: list[tuple[int, ...]] = []
    whole = loop.train(
        RECIPE, replace(run, preview_interval=4), None, lambda *shown: previews.append(tuple(shown[2].shape))
    )
    table = whole.network["down_norm.weight"]
    assert table.shape == (3, 40)
    assert not torch.equal(table[0], table[1])
    assert not torch.equal(table[0], table[2])
    assert previews == [(3 * 4, 3, 64, 64)] or previews[0][0] % 3 == 0
    assert "held_out_content" in whole.history[-1]
    cut = replace(run, output=tmp_path / "cut.safetensors")
    loop.train(RECIPE, replace(cut, stop_after=2))
    with pytest.raises(CheckpointError, match="styles"):
        loop.train(RECIPE, replace(cut, styles=cut.styles[:1] + cut.styles[2:] + cut.styles[1:2]))
    resumed = loop.train(RECIPE, cut)
    assert all(torch.equal(whole.network[name], resumed.network[name]) for name in whole.network)
    assert [style["name"] for style in checkpoints.load(cut.output).styles] == [
        run.painting.stem,
        "other",
        "photograph",
    ]


@pytest.mark.slow
def test_only_the_norms_are_trained_where_that_is_asked(run: TrainingRun, tmp_path: Path) -> None:
    base = loop.train(replace(RECIPE, steps=1), run)
    one = replace(
        run,
        output=tmp_path / "one.safetensors",
        further_paintings=(),
        photograph_row=False,
        styles=(),
        init_from=run.output,
    )
    learned = loop.train(replace(RECIPE, steps=2, trained="norms"), one).network
    assert learned["down_norm.weight"].shape == (40,)
    mean = base.network["down_norm.weight"].mean(dim=0)
    assert not torch.allclose(learned["down_norm.weight"], mean, atol=1e-4)
    assert torch.equal(learned["down.weight"], base.network["down.weight"])


def test_a_row_alone_paints_what_the_row_paints() -> None:
    torch.manual_seed(0)
    network = networks.build("hourglass-40", 3).eval()
    for name, weight in network.named_parameters():
        weight.data = torch.randn_like(weight) if rows.is_table(name) else weight.data
    shares, image = torch.tensor([0.5, 0.0, 0.5]), torch.rand(2, 3, 64, 64)
    alone = networks.build("hourglass-40").eval()
    alone.load_state_dict(rows.mixed(network.state_dict(), shares))
    with torch.no_grad():
        assert torch.allclose(alone(image), network(image, shares), atol=1e-4)
        assert torch.allclose(network(image), network(image, torch.eye(3)[[0, 0]]), atol=1e-5)
        spread = networks.build("hourglass-40", 2).eval()
        spread.load_state_dict(rows.spread(alone.state_dict(), 2))
        assert torch.allclose(spread(image), alone(image), atol=1e-4)


def test_what_cannot_hold_rows_says_so(painting: Path) -> None:
    with pytest.raises(TrainingError, match="network johnson holds one style; for several: hourglass"):
        networks.build("johnson", 3)
    with pytest.raises(InputError, match="two paintings are called"):
        report.styles_of([painting, painting], False)
