"""The frozen VGG-19 that losses look through, its layers called by name."""

from collections.abc import Iterable
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torchvision.models import VGG19_Weights
from torchvision.models.vgg import cfgs, make_layers

from pipeline.common.errors import CheckpointError, InputError, LayerMissingError, TrainingError

CONVOLUTIONS_PER_BLOCK = (2, 2, 4, 4, 4)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def layer_indices() -> dict[str, int]:
    """Name -> index in ``torchvision.models.vgg19().features``: conv1_1, relu1_1, ... relu5_4, pool5."""
    indices: dict[str, int] = {}
    position = 0
    for block, count in enumerate(CONVOLUTIONS_PER_BLOCK, start=1):
        for number in range(1, count + 1):
            indices[f"conv{block}_{number}"] = position
            indices[f"relu{block}_{number}"] = position + 1
            position += 2
        indices[f"pool{block}"] = position
        position += 1
    return indices


def layers_in(weights_file: Path | None) -> tuple[str, ...]:
    """Names of the layers a weights file reaches; all of VGG-19 for torchvision's download (None).

    Raises:
        InputError, CheckpointError: as ``Encoder``.
    """
    indices = layer_indices()
    if weights_file is None:
        return tuple(indices)
    state = _weights_from_file(weights_file)
    convolutions = [index for name, index in indices.items() if name.startswith("conv")]
    end = next((index for index in convolutions if f"{index}.weight" not in state), len(indices))
    return tuple(name for name, index in indices.items() if index < end)


class Encoder(nn.Module):
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
            weights_file: safetensors with torchvision's keys (``features.0.weight`` or ``0.weight``),
                possibly truncated after some layer; None takes torchvision's download.
            average_pooling: average instead of max pooling, as Gatys et al. 2016 prefer for synthesis.
            reflect: pad every convolution by reflection. With VGG-19's own zeros the edge of a picture has
                features of its own, and a network trained on them learns to paint a frame there.

        Raises:
            LayerMissingError: a name is unknown, or the file ends before that layer.
            CheckpointError: the file is not safetensors with these keys.
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
        with torch.device("meta"):  # no memory for layers that the weights replace at once
            self.body: nn.Sequential = make_layers(cfgs["E"], batch_norm=False)[:depth]
        state = _weights_from_file(weights_file) if weights_file else _weights_from_torchvision()
        _require_weights(self.body, state, self.layers, weights_file)
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


def _weights_from_torchvision() -> dict[str, Tensor]:
    try:
        state = VGG19_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    except URLError as error:
        raise TrainingError(
            f"torchvision's VGG-19 weights could not be downloaded ({error.reason}); go online "
            "once, or give --vgg-weights FILE.safetensors"
        ) from error
    return _feature_keys(dict(state))


def _weights_from_file(path: Path) -> dict[str, Tensor]:
    from training.checkpoint import read_safetensors

    if not path.exists():
        raise InputError(
            f"--vgg-weights {path}: there is no such file; leave the option out to use torchvision's download"
        )
    state = _feature_keys(read_safetensors(path)[0])
    if not state:
        raise CheckpointError(
            f"--vgg-weights {path}: expected keys like features.0.weight, as torchvision's vgg19 has them"
        )
    return state


def _feature_keys(state: dict[str, Tensor]) -> dict[str, Tensor]:
    stripped = {key.removeprefix("features."): value for key, value in state.items()}
    return {key: value.float() for key, value in stripped.items() if key.split(".")[0].isdigit()}


def _require_weights(
    body: nn.Sequential, state: dict[str, Tensor], layers: tuple[str, ...], source: Path | None
) -> None:
    missing = sorted({int(key.split(".")[0]) for key in body.state_dict() if key not in state})
    if not missing:
        return
    indices = layer_indices()
    beyond = [name for name in layers if indices[name] >= missing[0]]
    deepest = [name for name, index in indices.items() if index < missing[0] and name.startswith("relu")]
    raise LayerMissingError(
        f"{', '.join(beyond)}: not in {source or 'the weights'}, which end at "
        f"{deepest[-1] if deepest else 'no layer'}; leave out --vgg-weights to use torchvision's full "
        "download, or choose shallower layers"
    )
