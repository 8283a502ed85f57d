"""Two processes with half a batch each give the losses of one process with all of it."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from pipeline.common.errors import TrainingError
from training import checkpoint as checkpoints
from training.feed_forward import distributed, loop
from training.feed_forward.distributed import Ranks
from training.feed_forward.recipe import TrainingRecipe, TrainingRun

RECIPE = TrainingRecipe(
    network="hourglass-40", style_size=96, image_size=48, batch_size=4, steps=5, octaves=1,
    precision="fp32", warmup_steps=1, learning_rate=5e-4, temporal_weight=3.0, content_goal=0.4,
    plain_share=0.3,
)  # fmt: skip

WORKER = """
import json, sys
from pathlib import Path
from training.feed_forward import loop
from training.feed_forward.recipe import TrainingRecipe, TrainingRun
told = json.loads(sys.argv[1])
layers = {key: tuple(told["recipe"][key]) for key in ("style_layers", "style_layer_weights")}
paths = {key: Path(value) for key, value in told["paths"].items()}
run = TrainingRun(**paths, report_interval=1, held_out_interval=3)
loop.train(TrainingRecipe(**{**told["recipe"], **layers}), run, lambda p: print("step", p.step, flush=True))
"""


def train_in_processes(
    count: int, recipe: TrainingRecipe, run: TrainingRun
) -> subprocess.CompletedProcess[str]:
    paths = {key: str(getattr(run, key)) for key in ("painting", "photos", "output", "vgg_weights")}
    told = json.dumps({"recipe": asdict(recipe), "paths": paths})
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    return subprocess.run(
        [*command, "--no-python", sys.executable, "-c", WORKER, told],
        capture_output=True, text=True, timeout=280, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.fixture(autouse=True)
def small_held_out() -> None:
    """Not here: the run in this process judges at 256 px, as the ranks in theirs do."""


@pytest.fixture
def run(tmp_path: Path, painting: Path, photos: Path, random_vgg: Path) -> TrainingRun:
    return TrainingRun(
        painting, photos, tmp_path / "two.safetensors", random_vgg, report_interval=1, held_out_interval=3
    )


@pytest.mark.slow
def test_two_processes_with_half_batches_give_the_losses_of_one(run: TrainingRun, tmp_path: Path) -> None:
    ended = train_in_processes(2, RECIPE, run)
    assert ended.returncode == 0, ended.stderr
    assert [line for line in ended.stdout.splitlines() if line.startswith("step")] == [
        f"step {number}" for number in range(1, 6)
    ]
    alone = loop.train(RECIPE, replace(run, output=tmp_path / "one.safetensors"))
    together = checkpoints.load(run.output)
    assert len(together.history) == len(alone.history) == 5
    assert "temporal" in alone.history[-1]
    for row, expected in zip(together.history, alone.history, strict=True):
        assert row.keys() == expected.keys()
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-3, abs=1e-6), name
    assert together.recipe["style_weight"] == pytest.approx(alone.recipe["style_weight"], rel=1e-3)


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_is_refused(run: TrainingRun) -> None:
    ended = train_in_processes(2, replace(RECIPE, batch_size=3), run)
    assert ended.returncode != 0
    assert "--batch-size 3 cannot be shared equally by 2 processes; give a multiple of 2" in ended.stderr
    assert not run.output.exists()


def test_the_shares_are_the_batch() -> None:
    cpu = torch.device("cpu")
    numbers = list(range(12))
    shares = [numbers[Ranks(cpu, rank, 3).share(12)] for rank in range(3)]
    assert [number for share in shares for number in share] == numbers
    assert {len(share) for share in shares} == {4}


def test_one_process_alone_is_left_as_it_is() -> None:
    with distributed.joined("cpu") as ranks:
        assert (ranks.rank, ranks.count, ranks.device) == (0, 1, torch.device("cpu"))
        assert ranks.is_first
        network = torch.nn.Linear(1, 1)
        assert ranks.together(network) is network
        assert ranks.pooled(torch.tensor(3.0)) == 3.0


def test_devices_that_processes_cannot_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", str(torch.cuda.device_count()))
    with (
        pytest.raises(TrainingError, match="each process takes a GPU of its own"),
        distributed.joined("cuda:1"),
    ):
        pass
    with pytest.raises(TrainingError, match="started more than"), distributed.joined("cuda"):
        pass
