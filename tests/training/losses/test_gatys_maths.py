"""The published forms of the losses: closed forms, gradients, and VGG-19 written out in NumPy."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.losses import functional as fn
from training.losses.encoder import VggEncoder
from training.losses.vgg_weights import (
    CONVOLUTIONS_PER_BLOCK,
    IMAGENET_MEAN,
    IMAGENET_STD,
    layer_indices,
)

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
Array = NDArray[np.float64]


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_content_gradient_is_f_minus_p_where_f_is_positive_and_zero_elsewhere() -> None:
    before_relu = draw(1, 5, 7, 6).requires_grad_()
    target = draw(1, 5, 7, 6, seed=1).relu()
    features = before_relu.relu()
    fn.gatys_content_distance(features, target).backward()
    expected = torch.where(features > 0, features - target, torch.zeros_like(features))
    assert before_relu.grad is not None
    assert torch.equal(before_relu.grad, expected.detach())
    assert (expected == 0).any()


def test_content_forms_of_papers_differ_by_their_divisors() -> None:
    features, target = draw(2, 3, 4, 5), draw(2, 3, 4, 5, seed=1)
    squares = (features - target).square().sum() / 2  # mean over the batch of two
    assert fn.gatys_content_distance(features, target) == pytest.approx(float(squares) / 2)
    assert fn.johnson_content_distance(features, target) == pytest.approx(float(squares) / (3 * 4 * 5))
    for distance in (fn.gatys_content_distance, fn.johnson_content_distance):
        with pytest.raises(ValueError, match="must agree"):
            distance(features, target[:1])


def test_gatys_style_distance_is_equation_4_written_out() -> None:
    features, target = draw(1, 4, 3, 5).numpy()[0], draw(1, 4, 3, 5, seed=1).numpy()[0]
    n, m = 4, 15
    gram, wanted = (np.einsum("ik,jk->ij", f.reshape(n, m), f.reshape(n, m)) for f in (features, target))
    expected = ((gram - wanted) ** 2).sum() / (4 * n**2 * m**2)
    grams = [fn.gram_matrix(torch.from_numpy(f).unsqueeze(0)) for f in (features, target)]
    assert fn.gatys_style_distance(*grams) == pytest.approx(expected, rel=1e-12)
    assert fn.johnson_style_distance(*grams) == pytest.approx(4 * expected, rel=1e-12)


def test_total_variation_sums_and_squares() -> None:
    image = torch.zeros(2, 1, 3, 4)
    image[:, 0, 1, 1] = 0.5  # four neighbours, each 0.5 away
    assert fn.total_variation(image, "l1-sum") == pytest.approx(2.0)
    assert fn.total_variation(image, "squared-sum") == pytest.approx(1.0)
    assert fn.total_variation(image, "squared-mean") == pytest.approx(0.5 / 8 + 0.5 / 9)
    with pytest.raises(ValueError, match="a form of"):
        fn.total_variation(image, "cubed-mean")


def test_spectrum_of_a_wave_is_two_points_and_of_a_flat_picture_nothing() -> None:
    columns = torch.arange(32, dtype=torch.float64)
    wave = torch.sin(2 * torch.pi * 4 * columns / 32).expand(1, 3, 32, 32) + 7
    spectrum = fn.amplitude_spectrum(wave)
    assert spectrum.shape == (1, 1, 32, 32)
    strong = {(int(y), int(x)) for y, x in (spectrum[0, 0] > 0.5).nonzero()}
    assert strong == {(16, 16 - 4), (16, 16 + 4)}
    assert fn.amplitude_spectrum(torch.full((1, 3, 8, 8), 0.3)).max() == 0


def test_grams_at_all_five_style_layers_agree_with_numpy(full_vgg: Path) -> None:
    encoder = VggEncoder(STYLE_LAYERS, full_vgg)
    image = torch.rand(1, 3, 48, 32, generator=torch.Generator().manual_seed(0))
    weights = {key: value.double().numpy() for key, value in encoder.body.state_dict().items()}
    features = numpy_vgg19(image[0].double().numpy(), weights)
    for name, found in encoder(image).items():
        flat = features[name].reshape(len(features[name]), -1)
        expected = np.einsum("ik,jk->ij", flat, flat) / flat.size
        error = np.abs(fn.gram_matrix(found)[0].numpy() - expected).max() / np.abs(expected).max()
        assert error < 1e-5, name


def numpy_vgg19(image: Array, weights: dict[str, Array]) -> dict[str, Array]:
    """Features of (3, H, W) at ``STYLE_LAYERS`` by padding, windows and one product a convolution."""
    x = (image - np.reshape(IMAGENET_MEAN, (3, 1, 1))) / np.reshape(IMAGENET_STD, (3, 1, 1))
    found, indices = {}, layer_indices()
    for block, count in enumerate(CONVOLUTIONS_PER_BLOCK, start=1):
        for number in range(1, count + 1):
            index = indices[f"conv{block}_{number}"]
            windows = np.lib.stride_tricks.sliding_window_view(
                np.pad(x, ((0, 0), (1, 1), (1, 1))), (3, 3), axis=(1, 2)
            )
            x = np.tensordot(weights[f"{index}.weight"], windows, ((1, 2, 3), (0, 3, 4)))
            x = np.maximum(x + weights[f"{index}.bias"][:, None, None], 0)
            if number == 1:
                found[f"relu{block}_1"] = x
            if block == 5:
                return found
        channels, height, width = x.shape
        x = x.reshape(channels, height // 2, 2, width // 2, 2).max(axis=(2, 4))
    return found
