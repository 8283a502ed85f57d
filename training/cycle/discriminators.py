"""Discriminators: a PatchGAN on the pixels, and small heads on what the frozen VGG-19 sees."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from training.losses.encoder import VggEncoder

_SLOPE = 0.2
_CHANNELS = {"relu1": 64, "relu2": 128, "relu3": 256, "relu4": 512, "relu5": 512}


@dataclass(frozen=True)
class Seen:
    """Pictures as a discriminator takes them.

    Attributes:
        image: (N, 3, H, W), RGB in [0, 1].
        features: of VGG-19 by layer, for the heads and for the content term; empty without either.
    """

    image: Tensor
    features: Mapping[str, Tensor] = field(default_factory=dict)

    def detached(self) -> "Seen":
        """The same without gradients."""
        return Seen(self.image.detach(), {name: value.detach() for name, value in self.features.items()})


def look(image: Tensor, encoder: VggEncoder | None) -> Seen:
    """``image`` with its features at the layers that ``encoder`` was opened with; no encoder, no features."""
    return Seen(image, encoder(image) if encoder else {})


class PatchDiscriminator(nn.Module):
    """The PatchGAN of Isola et al. 2017: every score judges a patch, 70x70 px with three strided layers.

    C64-C128-C256-C512 (Zhu et al. 2017, section 7.2): 4x4 convolutions, stride 2 but for the last two,
    instance norm after all but the first, leaky ReLUs of slope 0.2, and a convolution to one channel.
    """

    def __init__(self, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        body: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(_SLOPE)]
        given = width
        for number in range(1, layers + 1):
            channels, stride = width * min(2**number, 8), 2 if number < layers else 1
            body += [nn.Conv2d(given, channels, 4, stride, 1), nn.InstanceNorm2d(channels)]
            body.append(nn.LeakyReLU(_SLOPE))
            given = channels
        self.body = nn.Sequential(*body, nn.Conv2d(given, 1, 4, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W), RGB in [0, 1] -> scores (N, 1, h, w)."""
        scores: Tensor = self.body(image * 2.0 - 1.0)
        return scores


class FeatureHead(nn.Module):
    """Scores of places in a map of frozen features, as Sauer et al. 2021 discriminate.

    A network that knows the world's pictures already needs few steps and few pictures to tell two folders
    apart; a discriminator that starts from nothing learned 150 portraits by heart instead.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 1),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(width, width, 4, 2, 1),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(width, 1, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> scores (N, 1, H // 2, W // 2)."""
        scale = features.float().square().mean(dim=(1, 2, 3), keepdim=True).sqrt().clamp_min(1e-6)
        scores: Tensor = self.body(features / scale)
        return scores


class Discriminator(nn.Module):
    """A PatchGAN and a head for each of ``feature_layers``; one map of scores from each."""

    def __init__(self, width: int, layers: int, feature_layers: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.patches = PatchDiscriminator(width, layers)
        self.feature_layers = feature_layers
        self.heads = nn.ModuleList(FeatureHead(_CHANNELS[name[:5]], 2 * width) for name in feature_layers)

    def forward(self, seen: Seen) -> list[Tensor]:
        """Scores of the pictures, the PatchGAN's first."""
        return [self.patches(seen.image), *self.of_features(seen)]

    def of_features(self, seen: Seen) -> list[Tensor]:
        """Scores of the heads alone."""
        heads = zip(self.heads, self.feature_layers, strict=True)
        return [head(seen.features[name]) for head, name in heads]


def receptive_field_px(layers: int) -> int:
    """Side of the patch that one score of a ``PatchDiscriminator`` judges: 70 with three layers."""
    side = 1
    for stride in (1, 1, *(2 for _ in range(layers))):
        side = side * stride + 4 - stride
    return side


def initialise_normal(network: nn.Module, generator: torch.Generator, deviation: float = 0.02) -> None:
    """Weights of convolutions from N(0, 0.02), biases zero (Zhu et al. 2017, section 7.1)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, deviation, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
