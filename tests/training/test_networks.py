import pytest
import torch
from torch import nn

from training import networks
from training.errors import TrainingError
from training.networks.layers import init_icnr


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_a_network_keeps_the_shape_of_any_multiple(name: str) -> None:
    network = networks.build(name)
    multiple = networks.size_multiple(network)
    image = torch.rand(2, 3, 6 * multiple, 9 * multiple)
    assert network(image).shape == image.shape


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("detail-64", 327_811), ("flat-64", 410_096), ("tiny-32", 112_912), ("hourglass-96", 810_864)],
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
    with pytest.raises(TrainingError, match="no network 'vgg'; choose one of detail-48"):
        networks.build("vgg")


def test_icnr_starts_without_a_grid() -> None:
    conv = nn.Conv2d(4, 12, 3, padding=1)
    init_icnr(conv, 2)
    picture = nn.functional.pixel_shuffle(conv(torch.rand(1, 4, 8, 8)), 2)
    blocks = picture.unfold(2, 2, 2).unfold(3, 2, 2)
    assert torch.allclose(blocks, blocks[..., :1, :1].expand_as(blocks))


def test_a_flat_frame_leaves_no_border() -> None:
    """Zero padding would draw a frame around it; reflection cannot."""
    torch.manual_seed(0)
    with torch.no_grad():
        picture = networks.build("detail-64")(torch.full((1, 3, 64, 64), 0.4))
    assert picture.std(dim=(2, 3)).max() < 0.05
    rows = picture.mean(dim=(1, 3))[0]
    assert (rows[:4] - rows[28:32]).abs().max() < 1e-4
