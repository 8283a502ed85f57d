"""Which of the known layouts a file has, by the names and shapes in it, never by the file's own name."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import onnx
from torch import Tensor

from export.foreign import (
    cycle_gan,
    fast_style_transfer,
    magenta,
    magenta_arbitrary,
    onnx_zoo,
    pytorch_examples,
)
from export.foreign.magenta_arbitrary import Example
from export.foreign.network import ForeignNetwork, listed
from export.foreign.reading import read_file
from pipeline.common.errors import CheckpointError
from pipeline.style import CARD_KEY

Table = Mapping[str, Tensor]
_OF_TENSORS: Sequence[tuple[Callable[[Table], bool], Callable[[Table], ForeignNetwork]]] = (
    (pytorch_examples.matches, pytorch_examples.network_from_tensors),
    (cycle_gan.matches, cycle_gan.network_from_tensors),
    (fast_style_transfer.matches, fast_style_transfer.network_from_tensors),
)
Model = onnx.ModelProto
_OF_MODELS: Sequence[tuple[Callable[[Model], bool], Callable[[Model], ForeignNetwork]]] = (
    (magenta.matches, magenta.network_from_model),
    (onnx_zoo.matches, onnx_zoo.network_from_model),
)
_LAYOUTS = (pytorch_examples, onnx_zoo, cycle_gan, fast_style_transfer, magenta, magenta_arbitrary)
_SUPPORTED = "; ".join(layout.DESCRIPTION for layout in _LAYOUTS)
_NEEDS_NO_EXAMPLE = (
    "--painting and --predictor belong to Magenta's arbitrary-style transformer, and this is none; leave "
    "them out"
)


def recognise(path: Path, example: Example | None = None) -> ForeignNetwork:
    """Read a file and build the network in it.

    Args:
        example: the painting to paint like, for a network that paints like any.

    Raises:
        UnsafeCheckpointError: the file holds code.
        CheckpointError: it cannot be read, or is of no layout known here; the message says what was
            found and what can be imported.
    """
    content = read_file(path)
    try:
        if isinstance(content, onnx.ModelProto):
            return _from_model(content, example)
        if example is not None:
            raise CheckpointError(_NEEDS_NO_EXAMPLE)
        return _from_tables(content)
    except CheckpointError as error:
        raise type(error)(f"{path}: {error}") from error


def _from_model(model: onnx.ModelProto, example: Example | None) -> ForeignNetwork:
    if any(prop.key == CARD_KEY for prop in model.metadata_props):
        raise CheckpointError("this is a Brushstream style already; use it as it is, with --style")
    if magenta_arbitrary.matches(model):
        return magenta_arbitrary.network_from_model(model, example)
    if example is not None:
        raise CheckpointError(_NEEDS_NO_EXAMPLE)
    for matches, build in _OF_MODELS:
        if matches(model):
            return build(model)
    kinds = sorted({node.op_type for node in model.graph.node})
    raise CheckpointError(
        f"an ONNX graph of no layout known here: {len(model.graph.node)} nodes of {listed(kinds, 8)}; "
        f"what can be imported: {_SUPPORTED}"
    )


def _from_tables(tables: Sequence[Table]) -> ForeignNetwork:
    known = [(build, table) for table in tables for matches, build in _OF_TENSORS if matches(table)]
    if len(known) > 1:
        raise CheckpointError(
            f"{len(known)} networks are in this file, one was expected; save the wanted one by itself: "
            "torch.save(checkpoint[NAME], ...)"
        )
    if not known:
        raise CheckpointError(f"{_found(tables)}; what can be imported: {_SUPPORTED}")
    build, table = known[0]
    return build(table)


def _found(tables: Sequence[Table]) -> str:
    if not tables:
        return "no table of named weights is in this file"
    largest = max(tables, key=len)
    if any(name.startswith("network.") for name in largest):
        return "these look like a checkpoint of `brushstream train`, which `brushstream export` takes"
    shown = [f"{name} {tuple(value.shape)}" for name, value in largest.items()]
    return f"{len(largest)} weights of no layout known here: {listed(shown)}"
