"""The networks, one a file, built by name.

All map an image (N, 3, H, W), RGB in [0, 1], to a stylized image of the same shape, linear and not
clamped unless the last layer is a ``TanhConv``; height and width are multiples of the network's
``size_multiple``, and at least ``shortest_side``.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pipeline.common.errors import TrainingError
from training.networks.hourglass import HourglassNetwork
from training.networks.johnson import JohnsonNetwork
from training.networks.johnson_2016 import Johnson2016Network
from training.networks.resnet_generator import ResnetGenerator

DEFAULT_NETWORK = "hourglass"
OF_MANY_STYLES = ("hourglass", "hourglass-40", "hourglass-80")
"""Those that can hold a row for each of several styles."""

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "hourglass": HourglassNetwork,
    "hourglass-40": partial(HourglassNetwork, 40),
    "hourglass-80": partial(HourglassNetwork, 80),
    "hourglass-change": partial(HourglassNetwork, adds_input=True),
    "johnson": JohnsonNetwork,
    "johnson-2016": Johnson2016Network,
    "johnson-2016-resize": partial(Johnson2016Network, "resize"),
    "resnet-6": partial(ResnetGenerator, blocks=6, affine=False),
    "resnet-9": partial(ResnetGenerator, blocks=9, affine=False),
}


def build(name: str, rows: int = 0) -> nn.Module:
    """A freshly initialised network, float32, on the CPU.

    Args:
        rows: styles in the one network; 0 for a network of one style, whose norms are no tables.

    Raises:
        TrainingError: no network has that name, or it cannot hold several styles.
    """
    if name not in NETWORKS:
        raise TrainingError(f"there is no network {name!r}; choose one of {', '.join(NETWORKS)}")
    if rows and name not in OF_MANY_STYLES:
        raise TrainingError(f"network {name} holds one style; for several: {', '.join(OF_MANY_STYLES)}")
    return NETWORKS[name](rows=rows) if rows else NETWORKS[name]()


def size_multiple(network: nn.Module) -> int:
    """Height and width fed to ``network`` must be multiples of this."""
    return int(network.size_multiple)  # type: ignore[arg-type]


def shortest_side(network: nn.Module) -> int:
    """Height and width fed to ``network`` must be at least this."""
    return int(getattr(network, "shortest_px", 3 * size_multiple(network)))


def value_range(network: nn.Module) -> tuple[float, float]:
    """Black and white in the numbers that the network's ``draw`` takes and gives."""
    black, white = getattr(network, "value_range", (-2.0, 2.0))
    return float(black), float(white)


def adds_input(network: nn.Module) -> bool:
    """Whether what the network's last layer paints is a change, added to the picture."""
    return bool(getattr(network, "adds_input", False))


def count_parameters(network: nn.Module) -> int:
    """Number of trained weights."""
    return sum(p.numel() for p in network.parameters())


@torch.no_grad()
def macs_per_pixel(network: nn.Module, side: int = 128) -> float:
    """Multiply-accumulates for one output pixel, counted on a square frame of ``side`` pixels."""
    was_training = network.training
    network.eval()  # moments of a grey frame must not enter a batch norm
    with FlopCounterMode(display=False) as counted:
        network(torch.zeros(1, 3, side, side, device=next(network.parameters()).device))
    network.train(was_training)
    return float(counted.get_total_flops()) / 2 / side**2
