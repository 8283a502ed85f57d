import pytest
import torch
from torch import nn

from pipeline.common.errors import TrainingError
from training import networks


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_a_network_keeps_the_shape_of_any_multiple(name: str) -> None:
    network = networks.build(name)
    multiple, shortest = networks.size_multiple(network), networks.shortest_side(network)
    assert shortest % multiple == 0
    image = torch.rand(2, 3, shortest, shortest + 5 * multiple)
    assert network(image).shape == image.shape


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("hourglass-80", 634_531), ("hourglass", 417_203), ("hourglass-40", 177_611)],
)
def test_parameter_counts(name: str, parameters: int) -> None:
    assert networks.count_parameters(networks.build(name)) == parameters


def test_the_reference_network_has_the_published_size() -> None:
    network = networks.build("johnson")
    assert networks.count_parameters(network) == 1_679_235  # pytorch/examples' TransformerNet
    assert networks.macs_per_pixel(network) * 640 * 480 == pytest.approx(47.2e9, rel=0.01)


def test_macs_of_one_convolution_are_counted_by_hand() -> None:
    class One(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 5, 3, stride=2, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x)

    assert networks.macs_per_pixel(One()) == 3 * 5 * 9 / 4


def test_an_unknown_network_is_answered_with_the_known_ones() -> None:
    with pytest.raises(TrainingError, match="no network 'vgg'; choose one of hourglass"):
        networks.build("vgg")


@pytest.mark.parametrize("name", ["hourglass", "hourglass-40"])
def test_a_flat_frame_leaves_no_border(name: str) -> None:
    """Zero padding would draw a frame around it; reflection cannot."""
    torch.manual_seed(0)
    with torch.no_grad():
        picture = networks.build(name)(torch.full((1, 3, 64, 64), 0.4))
    assert picture.std(dim=(2, 3)).max() < 0.05
    rows = picture.mean(dim=(1, 3))[0]
    assert (rows[:4] - rows[28:32]).abs().max() < 1e-4


def activations(network: nn.Module, image: torch.Tensor) -> list[tuple[int, ...]]:
    """(C, H, W) of what each layer of the supplement's table 1 gives."""
    shapes: list[tuple[int, ...]] = []
    layers = [getattr(network, name) for name in ("first", "down1", "down2")]
    layers += [*network.blocks, network.up1, network.up2, network.head]  # type: ignore[union-attr, list-item]
    for layer in layers:
        layer.register_forward_hook(lambda _m, _a, output: shapes.append(tuple(output.shape[1:])))
    network(image)
    return shapes


@pytest.mark.parametrize("name", ["johnson-2016", "johnson-2016-resize"])
def test_johnson_2016_has_the_activations_of_the_supplement(name: str) -> None:
    """Johnson et al. 2016, supplementary material, table 1: 3 x 256 x 256, reflected to 336."""
    blocks = [(128, side, side) for side in (80, 76, 72, 68, 64)]
    expected = [(32, 336, 336), (64, 168, 168), (128, 84, 84), *blocks]
    expected += [(64, 128, 128), (32, 256, 256), (3, 256, 256)]
    assert activations(networks.build(name), torch.zeros(2, 3, 256, 256)) == expected


def test_johnson_2016_has_the_layers_of_the_supplement() -> None:
    network = networks.build("johnson-2016")
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    kernels = [m.kernel_size[0] for m in convolutions]
    assert kernels == [9, 3, 3, *[3] * 10, 3, 3, 9]
    assert [m.stride[0] for m in convolutions] == [1, 2, 2, *[1] * 10, 2, 2, 1]
    assert [type(m) for m in convolutions[-3:-1]] == [nn.ConvTranspose2d] * 2
    assert sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) == len(convolutions) - 1
    assert not any(isinstance(m, nn.InstanceNorm2d) for m in network.modules())


def test_the_tanh_keeps_the_picture_within_its_range() -> None:
    network = networks.build("johnson-2016")
    network.head.conv.weight.data *= 1000  # type: ignore[union-attr, operator]
    picture = network(torch.rand(2, 3, 48, 48))
    assert 0.0 <= picture.min() < 0.01
    assert 0.99 < picture.max() <= 1.0


def test_counting_leaves_batch_norms_as_they_were() -> None:
    network = networks.build("johnson-2016")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    by_hand = 336**2 * 32 * 3 * 81 + 168**2 * 64 * 32 * 9 + 84**2 * 128 * 64 * 9 + 256**2 * 3 * 32 * 81
    valid = [side * side for side in range(82, 62, -2)]  # each of the ten takes 2 px
    by_hand += sum(valid) * 128 * 128 * 9 + 64**2 * 64 * 128 * 9 + 128**2 * 32 * 64 * 9
    assert networks.macs_per_pixel(network, 256) == by_hand / 256**2
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network.training
