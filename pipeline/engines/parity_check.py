"""The parity check: no engine draws a frame for the user before it drew the reference's picture.

A freshly opened engine and ONNX Runtime in float32 on the CPU run the same frames: a drawn scene, noise,
flat and extreme ones (no exactly flat ones for a style whose card says that it has no one picture of
them). The verdict is kept in the cache under everything that decides the
picture, so a second start costs a few milliseconds; where the cache cannot be written it is measured at
every start.

bf16 and int8 round the same way at every frame size, so for them the check opens the engine once more for
a small frame. A TensorRT engine is built for one size, and float16 statistics overflow with the size of
the map: there the check runs the very engine, at its size.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pipeline.common import machine
from pipeline.common.errors import ParityError
from pipeline.drawing.scene import Scene
from pipeline.engines import cache, registry
from pipeline.engines.base import Engine
from pipeline.engines.parity import (
    FLAT_SAMPLES,
    ParityReport,
    compare,
    limits_for,
    sample_frames,
)
from pipeline.frame import Pixels
from pipeline.style import StyleFile

REFERENCE = "onnxruntime"
CHECK_VERSION = 3
"""Counts changes of frames or measure; verdicts of another version are not asked."""

CHECK_SIZE = (240, 320)
"""Or the next (height, width) that is a multiple of the style's."""

_SCENE_SECONDS = (0.0, 1.5)
_SAMPLES = (0, 1, 2, 3, 5, 6, 7)
"""Of ``sample_frames`` all but the linear gradient: with nothing in the frame but a ramp the norms amplify
the rounding of any 16-bit float (see docs/engines.md for how much), and no camera sees such a frame."""

_FULL_SIZE_SAMPLES = (0, 2, 3, 6)  # smooth, noise, almost flat, black


def check_parity(style: StyleFile, engine: Engine) -> ParityReport | None:
    """The engine's parity report, measured now or on an earlier start.

    Returns:
        None for the reference itself, and for an engine that computes nothing.

    Raises:
        EngineError: an engine failed on a frame of the check.
        MissingPackageError: the reference is not installed.
    """
    if engine.name == "identity" or (engine.name == REFERENCE and engine.info.device == "cpu"):
        return None
    limits = limits_for(style.card, engine.info.precision)
    key = _key(style, engine, limits)

    def verdict() -> tuple[bytes, Mapping[str, Any]]:
        return json.dumps(asdict(measure(style, engine, limits))).encode(), {}

    return ParityReport(**json.loads(cache.get_or_build("parity", key, verdict).content))


def require_parity(report: ParityReport | None) -> None:
    """Raise ParityError with the figures unless the report passed."""
    if report is not None and not report.passed:
        raise ParityError(
            f"{report}; so it is not used. Take --precision fp32 or another --engine, and please report this"
        )


def _key(style: StyleFile, engine: Engine, limits: tuple[float, float]) -> Mapping[str, object]:
    info = engine.info
    return {
        "check": CHECK_VERSION,
        "style": cache.file_digest(style.path),
        "engine": [info.engine, info.version, info.device, info.precision],
        "cpu": [machine.cpu_name(), machine.cpu_features()],
        "size": engine.size if engine.checked_by_size else None,
        "limits": limits,
        **engine.fingerprint(),
    }


def measure(style: StyleFile, engine: Engine, limits: tuple[float, float]) -> ParityReport:
    """Run the check's frames through engine and reference; takes about half a second on two cores."""
    flat = not style.card.flat_is_rounding
    if engine.checked_by_size:
        return _compared(style, engine, check_frames(engine.size, few=True, flat=flat), limits)
    size = small_size(style.card.size_multiple)
    opened = type(engine)(style.path, style.card, size, engine.info.precision, device=engine.device)
    with opened:
        return _compared(style, opened, check_frames(size, flat=flat), limits)


def _compared(
    style: StyleFile, engine: Engine, frames: list[Pixels], limits: tuple[float, float]
) -> ParityReport:
    with registry.load_engine(REFERENCE)(style.path, style.card, engine.size, "fp32") as reference:
        names = (str(engine.info), str(reference.info))
        return compare(engine.infer, reference.infer, frames, names=names, limits=limits)


def small_size(multiple: int) -> tuple[int, int]:
    """CHECK_SIZE, or the next (height, width) that is a multiple."""
    height, width = (-(-side // multiple) * multiple for side in CHECK_SIZE)
    return height, width


def check_frames(size: tuple[int, int], *, few: bool = False, flat: bool = True) -> list[Pixels]:
    """A drawn scene, then smooth, noisy, flat and extreme frames of (height, width), uint8 BGR.

    Args:
        few: one scene and four others, for sizes at which the reference takes long.
        flat: exactly flat ones too.
    """
    scene = Scene(*size, 0)
    samples = sample_frames(size)
    seconds, chosen = (_SCENE_SECONDS[:1], _FULL_SIZE_SAMPLES) if few else (_SCENE_SECONDS, _SAMPLES)
    kept = (index for index in chosen if flat or index not in FLAT_SAMPLES)
    return [*(scene.draw(at) for at in seconds), *(samples[index] for index in kept)]
