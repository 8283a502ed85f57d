"""Figures of single layers against a second computation with plain torch, which shares nothing with them."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from pipeline.api import open_style
from training.evaluation import single_layers
from training.evaluation.material import image_of, photos_to_judge
from training.feed_forward.data import read_painting
from training.losses.encoder import VggEncoder

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
POOLED_AFTER = (2, 7, 16, 25)
"""Keys of the convolutions that end a block of VGG-19."""
NAMES = {0: "relu1_1", 5: "relu2_1", 10: "relu3_1", 19: "relu4_1", 21: "relu4_2", 28: "relu5_1"}


def plain_features(weights: dict[str, Tensor], image: Tensor) -> dict[str, Tensor]:
    """VGG-19 written out: (3, H, W) -> (C, positions) by layer, double precision."""
    x = ((image - MEAN) / DEVIATION).double()
    found = {}
    for key in sorted(int(name.split(".")[1]) for name in weights if name.endswith("weight")):
        kernel, bias = (weights[f"features.{key}.{part}"].double() for part in ("weight", "bias"))
        x = F.conv2d(x[None], kernel, bias, padding=1)[0].clamp_min(0)
        if key in NAMES:
            found[NAMES[key]] = x.flatten(1)
        if key in POOLED_AFTER:
            x = F.max_pool2d(x[None], 2)[0]
    return found


def plain_gram(seen: Tensor, target: Tensor) -> float:
    a, b = (torch.einsum("ip,jp->ij", x, x) / x.numel() for x in (seen, target))
    return float(((a - b) ** 2).sum() / (b**2).sum())


def plain_wasserstein(seen: Tensor, target: Tensor) -> float:
    """tr (C C_t)^(1/2) from the eigenvalues of the product, which has no symmetric root in it."""
    a, b = (torch.cov(x, correction=0) for x in (seen, target))
    shift = (seen.mean(dim=1) - target.mean(dim=1)).square().sum()
    product = torch.linalg.eigvals(a @ b).real.clamp_min(0).sqrt().sum()
    return float(((shift + a.trace() + b.trace() - 2 * product) / b.trace()).sqrt())


@pytest.fixture(scope="module")
def pictures() -> dict[str, Tensor]:
    """A photograph, what was painted of it, and a painting of another size."""
    generator = torch.Generator().manual_seed(5)
    photo, noise = (torch.rand(1, 3, 64, 64, generator=generator) for _ in range(2))
    coarse = torch.rand(1, 3, 12, 10, generator=generator)
    painting = F.interpolate(coarse, (96, 80), mode="bilinear")
    return {"photo": photo, "painted": 0.6 * photo + 0.4 * noise.flip(2), "painting": painting}


def both_computations(weights_file: Path, pictures: dict[str, Tensor]) -> tuple[dict[str, float], ...]:
    """The module's figures, and the same written out."""
    encoder = VggEncoder(single_layers.LAYERS, weights_file)
    found = single_layers.content_at_layer(encoder, pictures["photo"], pictures["painted"])
    found |= single_layers.LayerDistances(encoder, pictures["painting"])(pictures["painted"])
    weights = {f"features.{key.removeprefix('features.')}": v for key, v in load_file(weights_file).items()}
    weights = {key: value for key, value in weights.items() if int(key.split(".")[1]) <= 28}
    photo, painted, painting = (
        plain_features(weights, pictures[k][0]) for k in ("photo", "painted", "painting")
    )
    deep, before = painted["relu4_2"], photo["relu4_2"]
    expected = {"content_relu4_2": float(((deep - before) ** 2).mean() / (before**2).mean())}
    for layer in ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"):
        expected[f"gram_{layer}"] = plain_gram(painted[layer], painting[layer])
    expected["wasserstein_relu4_2"] = plain_wasserstein(deep, painting["relu4_2"])
    return found, expected


def test_a_second_computation_agrees(full_vgg: Path, pictures: dict[str, Tensor]) -> None:
    found, expected = both_computations(full_vgg, pictures)
    assert found == pytest.approx(expected, rel=0.01)
    assert min(found.values()) > 1e-5


@pytest.mark.parametrize(
    ("network", "painting"),
    [
        ("starry-night", "starry-night"),
        ("published/great-wave-published.onnx", "great-wave"),
        ("published/the-scream-published.onnx", "the-scream"),
    ],
)
def test_a_second_computation_agrees_on_pictures_of_networks(
    shared_data: Path, network: str, painting: str
) -> None:
    """Bundled, and published ones where somebody imported them into the folder of shared data."""
    file = shared_data / network if network.endswith(".onnx") else None
    if file and not file.exists():
        pytest.skip(f"{file} is not there: import the published network into that folder")
    (photo,) = photos_to_judge(shared_data / "photos", limit=1, side_px=96)
    frame = photo.frame
    with open_style(file or network, engine="onnxruntime", precision="fp32") as style:
        painted = style(frame)
    pictures = {
        "photo": image_of(frame, "cpu"),
        "painted": image_of(painted, "cpu"),
        "painting": read_painting(shared_data / "styles" / f"{painting}.jpg", 120),
    }
    found, expected = both_computations(shared_data / "weights" / "vgg19.safetensors", pictures)
    assert found == pytest.approx(expected, rel=0.1)


def test_a_painting_is_no_distance_from_itself(full_vgg: Path, pictures: dict[str, Tensor]) -> None:
    distances = single_layers.LayerDistances(VggEncoder(single_layers.LAYERS, full_vgg), pictures["painting"])
    found = distances(pictures["painting"])
    assert list(found.values()) == pytest.approx([0.0] * 6, abs=1e-4)


def test_only_layers_that_were_opened_give_figures(random_vgg: Path, pictures: dict[str, Tensor]) -> None:
    encoder = VggEncoder(["relu1_1", "relu3_1"], random_vgg)
    assert single_layers.content_at_layer(encoder, pictures["photo"], pictures["painted"]) == {}
    found = single_layers.LayerDistances(encoder, pictures["painting"])(pictures["painted"])
    assert set(found) == {"gram_relu1_1", "gram_relu3_1"}
    named = [name for layer in single_layers.LAYERS for name in single_layers.figure_names(layer)]
    assert len(named) == len(set(named)) == 7
