"""The process that quantizes one style: ``python -m pipeline.engines.int8_build STYLE.onnx OUT.xml``.

Started by ``pipeline.engines.int8``; reads a style file and writes OpenVINO's .xml and .bin. Calibrated on
frames that Brushstream draws itself, so nothing but the style file is needed.
"""

import sys
from pathlib import Path
from typing import Any

for _name in ("torch", "openvino_telemetry"):  # NNCF's own lookups then find neither
    sys.modules.setdefault(_name, None)  # type: ignore[arg-type]

import nncf  # type: ignore[import-untyped, unused-ignore]  # noqa: E402
import numpy as np  # noqa: E402
import openvino as ov  # type: ignore[import-untyped, unused-ignore]  # noqa: E402

from pipeline.drawing.scene import Scene  # noqa: E402
from pipeline.engines.parity import sample_frames  # noqa: E402
from pipeline.frame import Pixels  # noqa: E402
from pipeline.style import INPUT_NAME, read_style  # noqa: E402

CALIBRATION_SIZE = (240, 320)
_SCENES, _SCENE_STEP_S = 12, 1.0
_IN_FLOAT = ("MVN", "Add", "Multiply", "Pad")


def calibration_frames(multiple: int) -> list[Pixels]:
    """Frames of two landscapes, then smooth, noisy, flat and gradient ones, (H, W, 3) uint8 BGR."""
    height, width = (-(-side // multiple) * multiple for side in CALIBRATION_SIZE)
    scenes = [
        Scene(height, width, seed).draw(index * _SCENE_STEP_S)
        for seed in (0, 1)
        for index in range(_SCENES // 2)
    ]
    samples = sample_frames((height, width), seed=1)
    return [*scenes, *samples[:2], samples[3], samples[4]]


def quantize(style_path: Path, target: Path) -> None:
    """Write ``target`` (.xml, and .bin beside it): weights and activations of convolutions in int8.

    The norms and what joins branches stay in float: a norm of a flat frame divides by next to nothing, and
    on starry-night quantizing its input moved such a frame by 15 grey levels on average, leaving it alone
    by 0.8. So do the first convolution and the last two, which meet the frame's 256 levels.
    """
    style = read_style(style_path)
    model = ov.Core().read_model(style_path)
    controls = {c.name: np.asarray(c.default, np.float32) for c in style.card.controls}

    def feed(frame: Pixels) -> dict[str, Any]:
        return {INPUT_NAME: frame[np.newaxis], **controls}

    frames = calibration_frames(style.card.size_multiple)
    quantized = nncf.quantize(
        model,
        nncf.Dataset(frames, feed),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(frames),
        ignored_scope=nncf.IgnoredScope(
            names=_outermost_convolutions(model), types=list(_IN_FLOAT), validate=False
        ),
    )
    ov.save_model(quantized, target, compress_to_fp16=False)


def _outermost_convolutions(model: ov.Model) -> list[str]:
    names = [
        node.get_friendly_name() for node in model.get_ordered_ops() if "Convolution" in node.get_type_name()
    ]
    return [*names[:1], *names[1:][-2:]]


if __name__ == "__main__":
    quantize(Path(sys.argv[1]), Path(sys.argv[2]))
