"""Artefacts that are put into pictures are found; pictures without them pass."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from training.feed_forward.artefacts import GRID_LIMIT, blob_share, grid_strength, warnings_for


def scene(seed: int = 0) -> Tensor:
    """Smooth noise with texture in it, (4, 3, 128, 128)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = F.interpolate(torch.rand(4, 3, 9, 9, generator=generator), size=(128, 128), mode="bilinear")
    return (coarse + 0.03 * torch.randn(4, 3, 128, 128, generator=generator)).clamp(0, 1)


@pytest.mark.parametrize("period", [2, 4])
@pytest.mark.parametrize("dimension", [2, 3])
def test_a_faint_grid_is_found_in_either_direction(period: int, dimension: int) -> None:
    image = scene()
    assert grid_strength(image, period) < 3
    slices = [slice(None)] * 4
    slices[dimension] = slice(0, None, period)
    image[tuple(slices)] += 0.05
    assert grid_strength(image, period) > 2 * GRID_LIMIT
    (warning,) = warnings_for(scene(), image)
    assert warning.startswith("a grid: every")


def test_any_affine_change_of_brightness_has_no_blobs() -> None:
    image = scene()
    assert blob_share(image, 1.0 - 0.5 * image) == 0.0
    assert blob_share(image, torch.full_like(image, 0.3)) == 0.0


def test_a_patch_that_the_photograph_does_not_have_is_a_blob() -> None:
    image = scene() * 0.2
    painted = image.clone()
    painted[:, :, 32:64, 32:64] = 1.0
    assert blob_share(image, painted) == pytest.approx(4 / 64, abs=0.005)
    (warning,) = warnings_for(image, painted)
    assert warning.startswith("blobs: 6.")


def test_a_plain_painting_of_the_scene_has_no_warning() -> None:
    assert warnings_for(scene(), F.avg_pool2d(scene(), 5, 1, 2)) == ()
