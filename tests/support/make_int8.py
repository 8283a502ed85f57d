"""An int8 graph in a tiny style file without NNCF: the style's own graph, as OpenVINO writes it."""

import dataclasses
import tempfile
from pathlib import Path

import onnx
import openvino as ov

from pipeline.engines.int8 import GRAPH_KEY, QuantizedGraph
from pipeline.style import CARD_KEY, read_style


def with_int8(style: Path, path: Path) -> Path:
    """``path``, a copy of ``style`` that holds a graph under int8's name."""
    with tempfile.TemporaryDirectory() as folder:
        xml = Path(folder) / "style.xml"
        ov.save_model(ov.Core().read_model(style), xml, compress_to_fp16=False)
        graph = QuantizedGraph(xml.read_bytes(), xml.with_suffix(".bin").read_bytes())
    card = dataclasses.replace(read_style(style).card, int8={"photographs": 0})
    model = onnx.load(style)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {CARD_KEY: card.to_json(), GRAPH_KEY: graph.packed()})
    path.write_bytes(model.SerializeToString())
    return path
