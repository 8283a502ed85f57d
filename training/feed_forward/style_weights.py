"""The trained weights inside a style file: what export folded into its convolutions is unfolded again."""

import itertools
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]
from numpy.typing import NDArray
from torch import Tensor

from pipeline.common.errors import CheckpointError, TrainingError
from training import networks
from training.checkpoint import Checkpoint

_CARD_KEY = "brushstream.card"
_BODY = "body."


def checkpoint_from_style_file(path: Path) -> Checkpoint:
    """A checkpoint with the weights of ``path``, to start another training from.

    Value ranges, the order of the colours and the two-step upsampling were folded into the first and the
    last convolutions; all of it is linear and comes apart again up to float32 rounding.

    Raises:
        CheckpointError: no style file, or one whose network is not of ours (an imported one).
    """
    model = _read(path)
    card = {entry.key: entry.value for entry in model.metadata_props}.get(_CARD_KEY)
    if card is None:
        raise CheckpointError(f"{path}: an ONNX file, but no style file of brushstream (it has no card)")
    name = str(json.loads(card).get("network"))
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    body = {key.removeprefix(_BODY): value for key, value in stored.items() if key.startswith(_BODY)}
    try:
        network = networks.build(name)
        unfolded = _unfolded(body, *networks.value_range(network))
        weights = {key: _as_tensor(value) for key, value in unfolded.items()}
        network.load_state_dict(weights)
    except (TrainingError, RuntimeError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path}: the weights of its network {name!r} cannot be taken up again; start from a "
            ".safetensors checkpoint, or from a style trained by this version"
        ) from error
    return Checkpoint(name, weights)


def _read(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise CheckpointError(f"{path}: a style file (.onnx) was expected, there is no such file")
    try:
        return onnx.load_model_from_string(path.read_bytes())
    except DecodeError as error:
        raise CheckpointError(f"{path}: not a whole ONNX file ({error})") from error


def _as_tensor(array: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def _unfolded(
    body: dict[str, NDArray[np.generic]], black: float, white: float
) -> dict[str, NDArray[np.float64]]:
    weights: dict[str, NDArray[np.float64]] = {}
    for key, value in body.items():
        array = value.astype(np.float64)
        if ".deconv." in key:
            array = array if key.endswith("bias") else _kernel_of_transposed(array)
            weights[key.replace(".deconv.", ".conv.")] = array
        elif key.startswith("head.conv."):
            weights[key] = array[::4] if key.endswith("bias") else _kernel_of_phases(array)
        else:
            weights[key] = array
    scale = (white - black) / 255.0
    _unfold_input(weights, next(iter(weights)).rpartition(".")[0], scale, black)
    _unfold_output(weights, "head.conv" if "head.conv.weight" in weights else "head", scale, black)
    return weights


def _kernel_of_transposed(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """(in, out, 4, 4) -> (out, in, 3, 3): along one axis the taps are w2, w1 + w2, w0 + w1, w0."""
    taps = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    back = np.linalg.pinv(taps)  # (3, 4)
    kernel: NDArray[np.float64] = np.einsum("ka,lb,ioab->oikl", back, back, weight)
    return kernel


def _kernel_of_phases(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4 out, in, 3, 3) -> (out, in, 3, 3): what ``_phase_kernels`` of export spread over four phases."""
    spread = np.zeros((2, 3, 3))  # phase, small tap, tap over the doubled picture
    for phase, tap in itertools.product(range(2), range(3)):
        spread[phase, 1 + (phase + tap - 1) // 2, tap] = 1.0
    back = np.linalg.pinv(spread.reshape(6, 3)).reshape(3, 2, 3)
    phases = weight.reshape(len(weight) // 4, 2, 2, *weight.shape[1:])
    kernel: NDArray[np.float64] = np.einsum("kax,lby,oabixy->oikl", back, back, phases)
    return kernel


def _unfold_input(weights: dict[str, NDArray[np.float64]], layer: str, scale: float, black: float) -> None:
    kernel = weights[f"{layer}.weight"] / scale
    weights[f"{layer}.bias"] = weights[f"{layer}.bias"] - black * kernel.sum(axis=(1, 2, 3))
    weights[f"{layer}.weight"] = kernel[:, ::-1]


def _unfold_output(weights: dict[str, NDArray[np.float64]], layer: str, scale: float, black: float) -> None:
    for key, shift in ((f"{layer}.weight", 0.0), (f"{layer}.bias", black)):
        weights[key] = weights[key][::-1] * scale + shift
