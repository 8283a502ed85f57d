"""Tiny style files for the tests, made with onnx alone. Each does something whose result is known in
closed form, through the same frame-in, frame-out contract as a real style.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipeline.style import CARD_KEY, STYLE_CONTROL, Control, StyleCard

_FRAME = [1, "height", "width", 3]


def invert(path: Path, *, size_multiple: int = 4, card: StyleCard | None = None) -> Path:
    """``255 - frame``."""
    body = [helper.make_node("Sub", ["full", "image"], ["result"])]
    return _save(path, body, {"full": 255.0}, card or _card(path, size_multiple))


def blur(path: Path, *, size_multiple: int = 4, margin_px: int = 0) -> Path:
    """The mean of each 3x3 neighbourhood, zero outside the frame, rounded half up."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[range(3), range(3)] = 1 / 9
    body = [helper.make_node("Conv", ["image", "kernel"], ["result"], pads=[1, 1, 1, 1])]
    card = dataclasses.replace(_card(path, size_multiple), margin_px=margin_px)
    return _save(path, body, {"kernel": kernel}, card)


def dim(path: Path, *, size_multiple: int = 4, declared: bool = True) -> Path:
    """``frame * level`` with a control ``level`` of one entry, 1 by default, which the card may conceal."""
    body = [helper.make_node("Mul", ["image", "level"], ["result"])]
    card = _card(path, size_multiple, (Control("level", (1.0,)),) if declared else ())
    control = helper.make_tensor_value_info("level", TensorProto.FLOAT, [1])
    return _save(path, body, {}, card, [control])


def three_rows(path: Path, *, size_multiple: int = 4) -> Path:
    """Rows ``as-it-is``, ``inverted`` and ``grey`` (90), mixed by their shares."""
    body = [
        helper.make_node("Split", ["style"], ["first", "second", "third"]),
        helper.make_node("Sub", ["full", "image"], ["inverted"]),
        helper.make_node("Mul", ["image", "first"], ["a"]),
        helper.make_node("Mul", ["inverted", "second"], ["b"]),
        helper.make_node("Mul", ["grey", "third"], ["c"]),
        helper.make_node("Sum", ["a", "b", "c"], ["result"]),
    ]
    rows = tuple({"name": name, "title": f"Row {name}"} for name in ("as-it-is", "inverted", "grey"))
    control = Control(STYLE_CONTROL, (1.0, 0.0, 0.0))
    card = dataclasses.replace(_card(path, size_multiple, (control,)), styles=rows)
    shares = helper.make_tensor_value_info(STYLE_CONTROL, TensorProto.FLOAT, [3])
    return _save(path, body, {"full": 255.0, "grey": 90.0}, card, [shares])


def without_card(path: Path) -> Path:
    """``255 - frame`` in a file that has no card."""
    model = onnx.load(invert(path))
    del model.metadata_props[:]
    onnx.save(model, path)
    return path


def float_frames(path: Path) -> Path:
    """A card, but frames in float32: not one of ours."""
    frame = helper.make_tensor_value_info("frame", TensorProto.FLOAT, _FRAME)
    stylized = helper.make_tensor_value_info("stylized", TensorProto.FLOAT, _FRAME)
    node = helper.make_node("Identity", ["frame"], ["stylized"])
    return _write(path, helper.make_graph([node], "float", [frame], [stylized]), _card(path, 4))


def broken_operator(path: Path) -> Path:
    """A right card, input and output round an operator that no engine knows."""
    body = [helper.make_node("NoSuchOperator", ["image"], ["result"])]
    return _save(path, body, {}, _card(path, 4))


def halved(path: Path) -> Path:
    """A right card, but the graph returns a quarter of the pixels."""
    body = [helper.make_node("MaxPool", ["image"], ["result"], kernel_shape=[2, 2], strides=[2, 2])]
    return _save(path, body, {}, _card(path, 4))


def _card(path: Path, size_multiple: int, controls: tuple[Control, ...] = ()) -> StyleCard:
    return StyleCard(
        path.stem, f"Title of {path.stem}", "A. Painter", 1889, "public domain",
        network="tiny", size_multiple=size_multiple, controls=controls,
    )  # fmt: skip


def _save(
    path: Path,
    body: Sequence[onnx.NodeProto],
    constants: dict[str, float | np.ndarray],
    card: StyleCard,
    controls: Sequence[onnx.ValueInfoProto] = (),
) -> Path:
    constants = {"half": 0.5, "low": 0.0, "high": 255.0, **constants}
    nodes = [
        helper.make_node("Cast", ["frame"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["numbers"], ["image"], perm=[0, 3, 1, 2]),
        *body,
        helper.make_node("Add", ["result", "half"], ["rounded"]),
        helper.make_node("Clip", ["rounded", "low", "high"], ["clipped"]),
        helper.make_node("Transpose", ["clipped"], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["last"], ["stylized"], to=TensorProto.UINT8),
    ]
    frame = helper.make_tensor_value_info("frame", TensorProto.UINT8, _FRAME)
    stylized = helper.make_tensor_value_info("stylized", TensorProto.UINT8, _FRAME)
    weights = [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in constants.items()]
    return _write(path, helper.make_graph(nodes, "tiny", [frame, *controls], [stylized], weights), card)


def _write(path: Path, graph: onnx.GraphProto, card: StyleCard) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {CARD_KEY: card.to_json()})
    onnx.save(model, path)
    return path


def shaken(path: Path, *, size_multiple: int = 4) -> Path:
    """The frame, by way of sums that bf16's eight bits cannot hold: ``(frame + 4096) - 4096``."""
    body = [
        helper.make_node("Conv", ["image", "identity", "plus"], ["raised"]),
        helper.make_node("Conv", ["raised", "identity", "minus"], ["result"]),
    ]
    identity = np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)
    offset = np.full(3, 4096, np.float32)
    constants = {"identity": identity, "plus": offset, "minus": -offset}
    return _save(path, body, constants, _card(path, size_multiple))


def normed(
    path: Path, *, gain: float = 1.0, channels: int = 6, size_multiple: int = 4, card: StyleCard | None = None
) -> Path:
    """A convolution with weights of about ``gain``, an instance norm, ReLU, and back to a picture."""
    rng = np.random.default_rng(5)
    body = [
        helper.make_node("Conv", ["image", "w1", "b1"], ["features"], pads=[1, 1, 1, 1]),
        helper.make_node("InstanceNormalization", ["features", "scale", "shift"], ["normal"], epsilon=1e-3),
        helper.make_node("Relu", ["normal"], ["positive"]),
        helper.make_node("Conv", ["positive", "w2", "b2"], ["result"], pads=[1, 1, 1, 1]),
    ]
    constants = {
        "w1": (gain * rng.normal(0, 0.3, (channels, 3, 3, 3))).astype(np.float32),
        "b1": (gain * rng.normal(0, 0.3, channels)).astype(np.float32),
        "scale": rng.uniform(0.5, 2, channels).astype(np.float32),
        "shift": rng.normal(0, 0.5, channels).astype(np.float32),
        "w2": rng.normal(0, 5, (3, channels, 3, 3)).astype(np.float32),
        "b2": np.full(3, 128, np.float32),
    }
    return _save(path, body, constants, card or _card(path, size_multiple))
