"""One trained network and the style file exported from it, for every test that wants one of ours.

A conftest imports them by name where they are wanted.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from export import to_onnx
from export.parity import ParityReport
from pipeline.style import StyleCard
from training import checkpoint as checkpoints
from training import networks
from training.checkpoint import Checkpoint


def random_network(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    network = networks.build(name).eval()
    for parameter in network.parameters():  # norms start at 1 and 0, which would hide a mix-up
        parameter.data += 0.05 * torch.randn_like(parameter)
    for module in network.modules():  # and running moments at 0 and 1
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network


@pytest.fixture(scope="session")
def checkpoint_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("net") / "net.safetensors"
    network = random_network("hourglass-80")
    checkpoints.save(
        path, Checkpoint("hourglass-80", network.state_dict(), {"style_size": 512}, 7, {"artist": "Nobody"})
    )
    return path


@dataclass(frozen=True)
class Exported:
    """A style file, and what was told while it was made."""

    path: Path
    card: StyleCard
    reports: list[ParityReport]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, checkpoint_file: Path) -> Exported:
    reports: list[ParityReport] = []
    path = tmp_path_factory.mktemp("exported") / "nobody.onnx"
    return Exported(path, to_onnx.style_file_from_checkpoint(checkpoint_file, path, reports.append), reports)
