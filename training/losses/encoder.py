"""The frozen VGG-19 that losses look through, its layers called by name."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.common.errors import LayerMissingError
from training.losses.vgg_weights import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    layer_indices,
    layers_without_weights,
    load_weights,
    require_layers,
)


class VggEncoder(nn.Module):
    """VGG-19 (Simonyan & Zisserman 2015) cut after the deepest layer asked for, never trained.

    The call takes an image (N, 3, H, W), RGB in [0, 1], normalises it by ImageNet's mean and
    deviation, and returns the features by layer name, each (N, C, H, W) in the encoder's own type.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        layers: Iterable[str],
        weights_file: Path | None = None,
        average_pooling: bool = False,
        reflect: bool = False,
    ) -> None:
        """Load the weights.

        Args:
            layers: names such as ``relu3_1``.
            weights_file: see ``vgg_weights.load_weights``; None takes the set that is installed.
            average_pooling: average instead of max pooling, as Gatys et al. 2016 prefer for synthesis.
            reflect: pad every convolution by reflection. With VGG-19's own zeros the edge of a picture has
                features of its own, and a network trained on them learns to paint a frame there.

        Raises:
            LayerMissingError: a name is unknown, or the file ends before that layer.
            InputError, EncoderWeightsError: see ``vgg_weights.load_weights``.
        """
        super().__init__()
        self.layers = tuple(dict.fromkeys(layers))
        indices = layer_indices()
        unknown = [name for name in self.layers if name not in indices]
        if unknown or not self.layers:
            raise LayerMissingError(
                f"VGG-19 has no layer {', '.join(unknown) or '(none was named)'}; "
                f"its layers are {', '.join(indices)}"
            )
        depth = max(indices[name] for name in self.layers) + 1
        self.body = layers_without_weights(depth)
        state = load_weights(weights_file)
        require_layers(self.body, state, self.layers, weights_file)
        self.body.load_state_dict({key: state[key] for key in self.body.state_dict()}, assign=True)
        _relu_in_place_unless_seen(self.body, {indices[name] for name in self.layers})
        if average_pooling:
            _use_average_pooling(self.body)
        if reflect:
            _pad_by_reflection(self.body)
        self._name_at = {indices[name]: name for name in self.layers}
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    @property
    def dtype(self) -> torch.dtype:
        """The type the features come in; ``encoder.to(torch.bfloat16)`` changes it."""
        return self.mean.dtype

    def forward(self, image: Tensor, layers: Iterable[str] | None = None) -> dict[str, Tensor]:
        """Features of ``image`` at ``layers`` (all of ``self.layers`` unless told), by name."""
        wanted = self.layers if layers is None else tuple(layers)
        x = ((image.to(self.dtype)) - self.mean) / self.std
        x = x.contiguous(memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        for index, module in enumerate(self.body):
            x = module(x)
            name = self._name_at.get(index)
            if name in wanted:
                found[name] = x
            if len(found) == len(wanted):
                return found
        raise LayerMissingError(f"layers {set(wanted) - set(found)} were not opened with this encoder")


def _relu_in_place_unless_seen(body: nn.Sequential, seen: set[int]) -> None:
    """Spare a copy of every map, but never overwrite a convolution's output that was asked for."""
    for index, module in enumerate(body):
        if isinstance(module, nn.ReLU):
            module.inplace = index - 1 not in seen


def _use_average_pooling(body: nn.Sequential) -> None:
    for index, module in enumerate(body):
        if isinstance(module, nn.MaxPool2d):
            body[index] = nn.AvgPool2d(2, 2)


def _pad_by_reflection(body: nn.Sequential) -> None:
    for module in body:
        if isinstance(module, nn.Conv2d):
            module.padding_mode = "reflect"
