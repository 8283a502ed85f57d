"""Two folders of small pictures, one reddish and one bluish, made here."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.cycle.recipe import CycleRecipe, CycleRun

RECIPE = CycleRecipe(
    network="hourglass-40", discriminator_width=4, discriminator_features=("relu3_1",), discriminator_steps=1,
    guide_weight=1.0, shift_weight=0.5, content_weight=0.5, content_layer="relu2_1", smoothness_weight=1.0,
    temporal_weight=1.0, augmentation=("color", "translation", "cutout"), history=3,
    image_size=32, batch_size=2, steps=6, precision="fp32", average=0.9, learning_rate=1e-3,
)  # fmt: skip


def pictures(folder: Path, count: int, tint: tuple[float, float, float], seed: int) -> Path:
    """A nested folder of noisy 40x48 pictures."""
    (folder / "nested").mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(count):
        noise = cv2.resize(rng.integers(0, 256, (5, 6, 3), np.uint8), (48, 40)) * np.array(tint)
        place = folder / ("nested" if number % 2 else "") / f"{seed}-{number}.png"
        cv2.imwrite(str(place), noise.astype(np.uint8))
    return folder


@pytest.fixture
def red(tmp_path: Path) -> Path:
    """Fourteen pictures and a file that is none."""
    folder = pictures(tmp_path / "red", 14, (0.3, 0.4, 1.0), 1)
    (folder / "broken.jpg").write_bytes(b"not a picture")
    return folder


@pytest.fixture
def blue(tmp_path: Path) -> Path:
    """Eleven pictures."""
    return pictures(tmp_path / "blue", 11, (1.0, 0.4, 0.3), 2)


@pytest.fixture
def run(tmp_path: Path, red: Path, blue: Path, random_vgg: Path) -> CycleRun:
    return CycleRun(red, blue, tmp_path / "out", random_vgg, report_interval=1, preview_interval=3)
