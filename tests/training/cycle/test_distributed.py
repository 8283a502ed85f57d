"""Two processes with half a batch each give the losses of one process with all of it."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.training.cycle.conftest import RECIPE
from training import checkpoint as checkpoints
from training.cycle import loop
from training.cycle.recipe import CycleRun

WORKER = """
import json, sys
from pathlib import Path
from training.cycle import loop
from training.cycle.recipe import CycleRecipe, CycleRun
told = json.loads(sys.argv[1])
lists = {key: tuple(value) for key, value in told["recipe"].items() if isinstance(value, list)}
paths = {key: Path(value) for key, value in told["paths"].items()}
run = CycleRun(**paths, report_interval=1, preview_interval=0)
loop.train(CycleRecipe(**{**told["recipe"], **lists}), run)
"""


@pytest.mark.slow
def test_two_processes_with_half_batches_give_the_losses_of_one(run: CycleRun, tmp_path: Path) -> None:
    recipe = replace(RECIPE, identity_weight=1.0, learning_rate=1e-4, discriminator_rate=1e-4)
    paths = {key: str(getattr(run, key)) for key in ("folder_a", "folder_b", "output", "vgg_weights")}
    told = json.dumps({"recipe": asdict(recipe), "paths": paths})
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    ended = subprocess.run(
        [*command, "--no-python", sys.executable, "-c", WORKER, told],
        capture_output=True, text=True, timeout=280, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    alone = loop.train(recipe, replace(run, output=tmp_path / "one"))["a2b"]
    together = checkpoints.load(run.checkpoint_of("a2b"))
    assert len(together.history) == len(alone.history) == recipe.steps
    for row, expected in zip(together.history, alone.history, strict=True):
        assert row.keys() == expected.keys()
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-3, abs=1e-5), name
