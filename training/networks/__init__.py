"""The networks, one a file, built by name.

All map an image (N, 3, H, W), RGB in [0, 1], to a stylized image of the same shape, linear and not
clamped; height and width are multiples of the network's ``size_multiple``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from training.errors import TrainingError
from training.networks.detail import DetailNetwork
from training.networks.flat import FlatNetwork
from training.networks.hourglass import HourglassNetwork
from training.networks.johnson import JohnsonNetwork

DEFAULT_NETWORK = "detail-64"

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "detail-32": partial(DetailNetwork, 32),
    "detail-48": partial(DetailNetwork, 48),
    "detail-64": partial(DetailNetwork, 64),
    "detail-96": partial(DetailNetwork, 96),
    "flat-64": partial(FlatNetwork, 64, 5),
    "tiny-32": partial(FlatNetwork, 32, 5),
    "hourglass-96": partial(HourglassNetwork, 96),
    "johnson": JohnsonNetwork,
}


def build(name: str) -> nn.Module:
    """A freshly initialised network, float32, on the CPU.

    Raises:
        TrainingError: no network has that name.
    """
    if name not in NETWORKS:
        raise TrainingError(f"there is no network {name!r}; choose one of {', '.join(NETWORKS)}")
    return NETWORKS[name]()


def size_multiple(network: nn.Module) -> int:
    """Height and width fed to ``network`` must be multiples of this."""
    return int(network.size_multiple)  # type: ignore[arg-type]


def count_parameters(network: nn.Module) -> int:
    """Number of trained weights."""
    return sum(p.numel() for p in network.parameters())


@torch.no_grad()
def macs_per_pixel(network: nn.Module, side: int = 128) -> float:
    """Multiply-accumulates of the convolutions for one output pixel, counted on a square frame."""
    total = 0

    def count(module: nn.Module, _args: Any, output: torch.Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        kernel = module.kernel_size[0] * module.kernel_size[1]
        nonlocal total
        total += output.shape[2] * output.shape[3] * module.out_channels * module.in_channels * kernel

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d)]
    network(torch.zeros(1, 3, side, side, device=next(network.parameters()).device))
    for hook in hooks:
        hook.remove()
    return total / (side * side)
