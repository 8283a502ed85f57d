"""ONNX Runtime: slower than OpenVINO on a CPU, runs on every machine, fp32 as exported.

Other providers need another build of the package: ``onnxruntime-gpu`` for CUDA, ``onnxruntime-directml``
for DirectML; CoreML is in the build for macOS. ONNX Runtime falls back to the CPU without an error where a
provider does not load, so the session is asked what it took.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped, unused-ignore]
from onnxruntime.capi import (  # type: ignore[import-untyped, unused-ignore]
    onnxruntime_pybind11_state as ort_errors,
)

from pipeline.common.errors import EngineError
from pipeline.engines.base import Controls, Engine, EngineInfo, Precision
from pipeline.frame import Pixels
from pipeline.style import INPUT_NAME, OUTPUT_NAME

_CPU = "CPUExecutionProvider"
PROVIDERS: dict[str, tuple[str, dict[str, Any], str]] = {  # device -> provider, its options, how to get it
    "CPU": (_CPU, {}, "pip install onnxruntime"),
    "CUDA": (
        "CUDAExecutionProvider",
        {"use_tf32": "0"},  # TF32 rounds like fp16 and would not be the fp32 that is reported
        "pip uninstall onnxruntime, then pip install onnxruntime-gpu, with CUDA and cuDNN of its version",
    ),
    "CoreML": (
        "CoreMLExecutionProvider",
        {"ModelFormat": "MLProgram", "RequireStaticInputShapes": "1"},
        "pip install onnxruntime on macOS",
    ),
    "DirectML": (
        "DmlExecutionProvider",
        {},
        "pip uninstall onnxruntime, then pip install onnxruntime-directml on Windows",
    ),
}
_ERRORS = tuple(
    value for value in vars(ort_errors).values() if isinstance(value, type) and issubclass(value, Exception)
)
"""ONNX Runtime's exceptions have no common base but Exception."""


class OnnxRuntimeEngine(Engine):
    """A style file run as it is, in float32."""

    name = "onnxruntime"
    devices = tuple(PROVIDERS)

    @classmethod
    def why_unavailable(cls) -> str | None:
        """None where ONNX Runtime was built with its CPU provider."""
        providers = ort.get_available_providers()
        return None if _CPU in providers else f"this ONNX Runtime has no CPU provider, only {providers}"

    def _open(self, style_path: Path, size: tuple[int, int], precision: Precision | None) -> EngineInfo:
        device = self.device or "CPU"
        if precision not in (None, "fp32"):
            place = "a CPU" if device == "CPU" else device
            raise EngineError(f"onnxruntime on {place} runs fp32, not {precision}")
        provider, options = _provider(device)
        try:
            self._session = ort.InferenceSession(
                str(style_path),
                _session_options(device),
                providers=[(provider, options), *([] if device == "CPU" else [(_CPU, {})])],
            )
        except _ERRORS as error:
            raise EngineError(
                f"onnxruntime cannot open {style_path} ({_reason(error)}); export the style again"
            ) from error
        _require_provider(self._session.get_providers(), device)
        return EngineInfo("onnxruntime", ort.__version__, device.lower(), "fp32")

    def _infer(self, pixels: Pixels, controls: Controls) -> Pixels:
        try:
            (stylized,) = self._session.run([OUTPUT_NAME], {INPUT_NAME: pixels[np.newaxis], **controls})
        except _ERRORS as error:
            raise EngineError(f"onnxruntime failed on a frame ({_reason(error)})") from error
        result: Pixels = np.asarray(stylized)[0]
        return result

    def _close(self) -> None:
        del self._session


def _provider(device: str) -> tuple[str, dict[str, Any]]:
    name, options, cure = PROVIDERS[device]
    available = ort.get_available_providers()
    if name not in available:
        raise EngineError(
            f"this onnxruntime {ort.__version__} was built without {name}, only with "
            f"{', '.join(available)}; for --provider {device}: {cure}"
        )
    return name, options


def _require_provider(taken: list[str], device: str) -> None:
    name, _, cure = PROVIDERS[device]
    if name not in taken:
        raise EngineError(
            f"onnxruntime could not load {name} and would run on {', '.join(taken)} instead; check its "
            f"libraries and driver ({cure}), or leave --provider out"
        )


def _session_options(device: str) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.log_severity_level = 4  # errors come back as exceptions; nothing else belongs on stderr
    # Idle threads sleep instead of spinning: decoder and encoder share these cores. Neither this nor
    # pinning the frame size changes the time of a frame (61 ms for detail-64 all four ways).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if device == "DirectML":  # its own rules: no memory patterns, one thing after another
        options.enable_mem_pattern = False
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    return options


def _reason(error: Exception) -> str:
    """ONNX Runtime's message on one line, without its numeric prefix."""
    return " ".join(str(error).split(" : ", 2)[-1].split())
