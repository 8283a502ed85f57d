from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.common.errors import EncoderWeightsError, InputError, LayerMissingError, UnsafeCheckpointError
from training.losses.encoder import VggEncoder
from training.losses.vgg_weights import IMAGENET_MEAN, IMAGENET_STD, layer_indices


def test_layer_names_stand_where_torchvision_has_them() -> None:
    indices = layer_indices()
    expected = {"conv1_1": 0, "relu1_1": 1, "pool1": 4, "relu2_1": 6, "relu3_1": 11, "relu3_4": 17}
    expected |= {"conv4_2": 21, "relu4_2": 22, "relu5_1": 29, "relu5_4": 35, "pool5": 36}
    assert {name: indices[name] for name in expected} == expected
    assert len(indices) == 37


def test_features_have_the_sizes_and_channels_of_vgg19(random_vgg: Path) -> None:
    encoder = VggEncoder(("relu1_1", "relu2_1", "relu3_4"), random_vgg)
    shapes = {name: tuple(f.shape) for name, f in encoder(torch.rand(2, 3, 32, 48)).items()}
    assert shapes == {"relu1_1": (2, 64, 32, 48), "relu2_1": (2, 128, 16, 24), "relu3_4": (2, 256, 8, 12)}


def test_first_layer_equals_the_convolution_written_out(random_vgg: Path) -> None:
    image = torch.rand(1, 3, 8, 8)
    weights = load_file(str(random_vgg))
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    w, b = weights["features.0.weight"], weights["features.0.bias"]
    expected = torch.conv2d((image - mean) / std, w, b, padding=1)
    features = VggEncoder(("conv1_1", "relu1_1"), random_vgg)(image)
    assert torch.allclose(features["relu1_1"], expected.relu(), atol=1e-5)
    # The ReLU must not have overwritten the layer before it.
    assert torch.allclose(features["conv1_1"], expected, atol=1e-5)


def test_nothing_is_trained_but_gradients_reach_the_image(random_vgg: Path) -> None:
    encoder = VggEncoder(("relu2_1",), random_vgg)
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    encoder(image)["relu2_1"].sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in encoder.parameters())


def test_average_pooling_averages(random_vgg: Path) -> None:
    encoder = VggEncoder(("relu1_2", "pool1"), random_vgg, average_pooling=True)
    features = encoder(torch.rand(1, 3, 8, 8))
    assert torch.allclose(features["pool1"], torch.nn.functional.avg_pool2d(features["relu1_2"], 2))


def test_a_missing_layer_is_named_with_what_to_do(random_vgg: Path) -> None:
    with pytest.raises(LayerMissingError, match=r"relu4_2: not in .*end at relu3_4.*leave out --vgg-weights"):
        VggEncoder(("relu1_1", "relu4_2"), random_vgg)


def test_an_unknown_layer_is_named_with_the_known_ones(random_vgg: Path) -> None:
    with pytest.raises(LayerMissingError, match=r"no layer relu9_9; its layers are conv1_1, relu1_1"):
        VggEncoder(("relu9_9",), random_vgg)


def test_weights_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        VggEncoder(("relu1_1",), tmp_path / "absent.safetensors")
    other = tmp_path / "other.safetensors"
    save_file({"head.weight": torch.ones(2)}, str(other))
    with pytest.raises(EncoderWeightsError, match=r"keys like features\.0\.weight"):
        VggEncoder(("relu1_1",), other)
    pickled = tmp_path / "vgg19.pth"
    torch.save({"features.0.weight": torch.ones(2)}, pickled)
    with pytest.raises(UnsafeCheckpointError, match="pickle"):
        VggEncoder(("relu1_1",), pickled)


def test_reflection_gives_the_edge_no_features_of_its_own(random_vgg: Path) -> None:
    flat = torch.full((1, 3, 32, 32), 0.4)
    spread = {}
    for reflect in (False, True):
        features = VggEncoder(("relu2_1",), random_vgg, reflect=reflect)(flat)["relu2_1"]
        spread[reflect] = float(features.std(dim=(2, 3)).max())
    assert spread[False] > 1e-3
    assert spread[True] < 1e-6
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    inner = [
        VggEncoder(("relu2_1",), random_vgg, reflect=r)(image)["relu2_1"][..., 6:10, 6:10]
        for r in (False, True)
    ]
    torch.testing.assert_close(*inner)
