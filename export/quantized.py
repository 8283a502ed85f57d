"""The int8 graph of a style: made by NNCF's post-training quantization, kept in the style file itself.

Who runs the style needs no NNCF: ``pipeline.engines.int8`` reads the finished graph.
"""

import dataclasses
import logging
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # NNCF would report its use

import nncf  # type: ignore[import-untyped, unused-ignore]  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import openvino as ov  # type: ignore[import-untyped, unused-ignore]  # noqa: E402

from pipeline.common.atomic_files import written  # noqa: E402
from pipeline.common.errors import InputError  # noqa: E402
from pipeline.engines import int8  # noqa: E402
from pipeline.engines.ov import OpenVinoEngine  # noqa: E402
from pipeline.engines.parity import ParityReport, limits_for, sample_frames  # noqa: E402
from pipeline.engines.parity_check import measure, small_size  # noqa: E402
from pipeline.frame import Pixels  # noqa: E402
from pipeline.style import CARD_KEY, INPUT_NAME, StyleCard, read_style  # noqa: E402
from training.feed_forward.data import find_photos, read_rgb, resize  # noqa: E402

PHOTOGRAPHS = 48
_IN_FLOAT = ("MVN", "Add", "Multiply", "Pad", "ConvolutionBackpropData")


def add_int8(
    style_path: Path, photos: Path, on_report: Callable[[ParityReport], None] | None = None
) -> StyleCard:
    """Write the int8 graph into a style file, in place of the one it has, if it shows the style's picture.

    Args:
        photos: folder of photographs; NNCF looks at the ranges of values that they give.
        on_report: told how far the int8 picture lies from ONNX Runtime's in float32.

    Returns:
        The card as stored. One that is outside the limits is not kept: ``card.int8`` is empty.

    Raises:
        InputError: no photograph can be read.
        StyleError, OutputError: no style file, or it cannot be written.
    """
    style = read_style(style_path)
    frames = calibration_frames(photos, style.card.size_multiple)
    graph = quantized(style_path, style.card, frames)
    about = {"photographs": len(frames), "nncf": metadata.version("nncf")}
    card = dataclasses.replace(style.card, int8=about)
    with written(style_path) as draft:
        _write(style_path, draft, card, graph)
        report = _measured(draft, card)
        if on_report:
            on_report(report)
        others = tuple(entry for entry in card.parity if ", int8" not in entry.get("engine", ""))
        if report.passed:
            card = dataclasses.replace(card, parity=(*others, report.to_dict()))
        else:
            card = dataclasses.replace(card, parity=others, int8={})
        _write(style_path, draft, card, graph if report.passed else None)
    return card


def calibration_frames(photos: Path, multiple: int) -> list[Pixels]:
    """Photographs of the parity check's size, and some of its drawn frames, (H, W, 3) uint8 BGR.

    Raises:
        InputError: none can be read.
    """
    size = small_size(multiple)
    found = find_photos(photos)
    chosen = [read_rgb(path) for path in found[:: max(1, len(found) // PHOTOGRAPHS)][:PHOTOGRAPHS]]
    pictures = [_cropped(pixels[..., ::-1], size) for pixels in chosen if pixels is not None]
    if not pictures:
        raise InputError(f"--photos {photos}: none of {len(chosen)} pictures can be read")
    smooth, noisy, _, flat, *_ = sample_frames(size, seed=1)
    return [*pictures, smooth, noisy, flat]


def _cropped(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    height, width = size
    scaled = resize(
        np.ascontiguousarray(pixels), max(height / pixels.shape[0], width / pixels.shape[1]) + 1e-3
    )
    top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
    return np.ascontiguousarray(scaled[top : top + height, left : left + width])


def quantized(style_path: Path, card: StyleCard, frames: Sequence[Pixels]) -> int8.QuantizedGraph:
    """Weights and activations of convolutions in int8, ranges taken from ``frames``.

    The norms and what joins branches stay in float: a norm of a flat frame divides by next to nothing, and
    on starry-night quantizing its input moved such a frame by 15 grey levels on average, leaving it alone
    by 0.8. So do the first convolution and the last, which meet the frame's 256 levels, and those that
    upsample: rounded, their four phases disagree on a plain picture (25 grey levels on a black frame).
    """
    model = ov.Core().read_model(style_path)
    controls = {c.name: np.asarray(c.default, np.float32) for c in card.controls}

    def feed(frame: Pixels) -> dict[str, Any]:
        return {INPUT_NAME: frame[np.newaxis], **controls}

    nncf.set_log_level(logging.ERROR)  # what it leaves in float is meant, see above
    scope = nncf.IgnoredScope(names=_outermost_convolutions(model), types=list(_IN_FLOAT), validate=False)
    graph = nncf.quantize(
        model,
        nncf.Dataset(frames, feed),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(frames),
        ignored_scope=scope,
    )
    with tempfile.TemporaryDirectory(prefix="brushstream-int8-") as folder:
        target = Path(folder) / "style.xml"
        ov.save_model(graph, target, compress_to_fp16=False)
        return int8.QuantizedGraph(target.read_bytes(), target.with_suffix(".bin").read_bytes())


def _outermost_convolutions(model: ov.Model) -> list[str]:
    names = [
        node.get_friendly_name() for node in model.get_ordered_ops() if node.get_type_name() == "Convolution"
    ]
    return [names[0], names[-1]] if names else []


def _write(source: Path, target: Path, card: StyleCard, graph: int8.QuantizedGraph | None) -> None:
    model = onnx.load(source)
    kept = {p.key: p.value for p in model.metadata_props if p.key not in (CARD_KEY, int8.GRAPH_KEY)}
    added = {} if graph is None else {int8.GRAPH_KEY: graph.packed()}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {**kept, CARD_KEY: card.to_json(), **added})
    target.write_bytes(model.SerializeToString())


def _measured(style_path: Path, card: StyleCard) -> ParityReport:
    size = small_size(card.size_multiple)
    style = dataclasses.replace(read_style(style_path), card=card)
    with OpenVinoEngine(style_path, card, size, "int8", device="CPU") as engine:
        return measure(style, engine, limits_for(card, "int8"))
