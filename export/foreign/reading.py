"""Reads a network somebody else saved, without running anything that is in the file.

What a file is, is seen from its first bytes; its name says nothing.
"""

import json
import math
import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]
from torch import Tensor

from pipeline.common.errors import CheckpointError, UnsafeCheckpointError
from training.checkpoint import is_pickle, read_safetensors

MANIFEST = "manifest.json"
_SAFETENSORS = b"{"  # after the header's length in 8 bytes
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")


def read_file(path: Path) -> list[dict[str, Tensor]] | onnx.ModelProto:
    """The state dicts of a PyTorch or safetensors file or a folder, or an ONNX model with weights inside.

    Returns:
        Every table of tensors that the file holds, by name without the ``module.`` of DataParallel, or
        the model.

    Raises:
        UnsafeCheckpointError: the file holds code.
        CheckpointError: there is no such file, it is damaged, it is of none of these kinds, or the weights
            of an ONNX model lie in another file.
    """
    if path.is_dir():
        return [read_manifest(path)]
    head = _first_bytes(path)
    if is_pickle(head):
        return [_without_module(table) for table in tensor_tables(_unpickled(path))]
    if head[8:9] == _SAFETENSORS:
        return [_without_module(read_safetensors(path)[0])]
    return _onnx_model(path)


def read_manifest(folder: Path) -> dict[str, Tensor]:
    """The variables of a folder with ``manifest.json`` and one raw little-endian float32 file a variable.

    The manifest is an object: ``{"Variable_1": {"filename": "Variable_1", "shape": [32]}, ...}``.

    Raises:
        CheckpointError: there is no manifest, it is no such object, or a file is missing or of another
            size than its shape says.
    """
    manifest = folder / MANIFEST
    try:
        entries = json.loads(manifest.read_text(encoding="utf-8"))
        listed = {str(k): (str(v["filename"]), [int(n) for n in v["shape"]]) for k, v in entries.items()}
    except OSError as error:
        raise CheckpointError(
            f"{folder}: a folder to import holds {MANIFEST} and a file for each variable, and {MANIFEST} "
            f"cannot be read ({error.strerror})"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f'{manifest}: expected {{"NAME": {{"filename": ..., "shape": [...]}}, ...}}; this is damaged or '
            f"of another kind ({type(error).__name__}: {error})"
        ) from error
    return {name: _raw_float32(folder, *entry) for name, entry in listed.items()}


def _raw_float32(folder: Path, filename: str, shape: list[int]) -> Tensor:
    if Path(filename).name != filename:
        raise CheckpointError(f"{folder / MANIFEST}: {filename!r} is no plain file name in that folder")
    path = folder / filename
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: named in {MANIFEST}, cannot be read ({error.strerror})") from error
    wanted = 4 * math.prod(shape)
    if len(data) != wanted:
        raise CheckpointError(
            f"{path}: {len(data)} bytes, but {shape} in float32 takes {wanted}; it may be truncated"
        )
    return torch.from_numpy(np.frombuffer(data, "<f4").astype(np.float32)).reshape(shape)


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(9)
    except OSError as error:
        raise CheckpointError(
            f"{path}: a network to import was expected, and the file cannot be read ({error.strerror})"
        ) from error


def _unpickled(path: Path) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch has to say of an archive, the error says better
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = _GLOBAL.search(str(error))
        what = f" ({found[1]})" if found else ""
        raise UnsafeCheckpointError(
            f"{path}: this pickle holds more than weights{what}, and loading it would run code, so it is "
            "refused; have it saved as a state dict: torch.save(network.state_dict(), ...)"
        ) from error
    except Exception as error:  # a damaged archive ends torch.load in a dozen types
        if "TorchScript" in str(error):
            raise UnsafeCheckpointError(
                f"{path}: a TorchScript program, not weights, so it is refused; have it saved as a state "
                "dict: torch.save(network.state_dict(), ...)"
            ) from error
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise CheckpointError(f"{path}: a damaged or truncated PyTorch file ({reason})") from error


def tensor_tables(content: object) -> Iterator[dict[str, Tensor]]:
    """Every table of named tensors in what was loaded: itself, or one level down (``{"netG": ...}``)."""
    if not isinstance(content, Mapping):
        return
    table = {str(k): v for k, v in content.items() if isinstance(v, Tensor)}
    if table:
        yield table
    for inner in content.values():
        if isinstance(inner, Mapping):
            nested: dict[Any, Any] = {str(k): v for k, v in inner.items() if isinstance(v, Tensor)}
            if nested:
                yield nested


def _without_module(table: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("module."): value for name, value in table.items()}


def _onnx_model(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, OSError) as error:
        raise CheckpointError(
            f"{path}: neither a PyTorch file, nor safetensors, nor ONNX ({error}); it may be truncated"
        ) from error
    if not model.graph.node:
        raise CheckpointError(f"{path}: neither a PyTorch file, nor safetensors, nor ONNX")
    outside = [tensor for tensor in _tensors(model) if tensor.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        where = next((entry.value for entry in outside[0].external_data if entry.key == "location"), "?")
        raise CheckpointError(
            f"{path}: {len(outside)} of its weights lie in another file ({where}), which is not opened; put "
            "them inside first: onnx.save(onnx.load(FILE), WHOLE)"
        )
    return model


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))
