"""Fixtures of what a training takes: VGG-19 with random weights, photographs and a painting, all made here.

A conftest imports them by name where they are wanted.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models.vgg import cfgs, make_layers


@pytest.fixture(scope="session")
def random_vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights file truncated after conv3_4, as `--vgg-weights` takes it."""
    torch.manual_seed(0)
    body = make_layers(cfgs["E"], batch_norm=False)[:18]
    path = tmp_path_factory.mktemp("vgg") / "vgg.safetensors"
    save_file({f"features.{key}": value for key, value in body.state_dict().items()}, str(path))
    return path


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    """A 96x128 picture of coloured stripes."""
    rows, columns = np.mgrid[0:96, 0:128]
    stripes = 127 + 120 * np.sin((rows + 2 * columns)[..., None] / np.array([3.0, 5.0, 7.0]))
    path = tmp_path / "stripes.png"
    cv2.imwrite(str(path), stripes.astype(np.uint8))
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A nested folder with twelve noisy 80x100 photographs and a broken one."""
    folder = tmp_path / "photos"
    (folder / "nested").mkdir(parents=True)
    rng = np.random.default_rng(1)
    for number in range(12):
        picture = cv2.resize(rng.integers(0, 256, (10, 13, 3), np.uint8), (100, 80))
        cv2.imwrite(str(folder / ("nested" if number % 2 else "") / f"photo-{number}.jpg"), picture)
    (folder / "broken.jpg").write_bytes(b"not a picture")
    return folder


@pytest.fixture(scope="session")
def full_vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights down to conv5_1, random: every layer the recipes of the literature name."""
    torch.manual_seed(0)
    body = make_layers(cfgs["E"], batch_norm=False)[:29]
    path = tmp_path_factory.mktemp("vgg") / "full.safetensors"
    save_file({f"features.{key}": value for key, value in body.state_dict().items()}, str(path))
    return path
