"""ONNX Runtime on the CPU: slower than OpenVINO, runs on every machine, fp32 as exported."""

from pathlib import Path

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped, unused-ignore]
from onnxruntime.capi import (  # type: ignore[import-untyped, unused-ignore]
    onnxruntime_pybind11_state as ort_errors,
)

from pipeline.engines.base import Controls, Engine, EngineInfo, Precision
from pipeline.errors import EngineError
from pipeline.frame import Pixels
from pipeline.style import INPUT_NAME, OUTPUT_NAME

_PROVIDER = "CPUExecutionProvider"
_ERRORS = tuple(
    value for value in vars(ort_errors).values() if isinstance(value, type) and issubclass(value, Exception)
)
"""ONNX Runtime's exceptions have no common base but Exception."""


class OnnxRuntimeEngine(Engine):
    """A style file run as it is, in float32."""

    name = "onnxruntime"

    @classmethod
    def why_unavailable(cls) -> str | None:
        """None where ONNX Runtime was built with its CPU provider."""
        providers = ort.get_available_providers()
        return None if _PROVIDER in providers else f"this ONNX Runtime has no CPU provider, only {providers}"

    def _open(self, style_path: Path, size: tuple[int, int], precision: Precision | None) -> EngineInfo:
        if precision not in (None, "fp32"):
            raise EngineError(f"onnxruntime on a CPU runs fp32, not {precision}")
        try:
            self._session = ort.InferenceSession(str(style_path), _session_options(), providers=[_PROVIDER])
        except _ERRORS as error:
            raise EngineError(
                f"onnxruntime cannot open {style_path} ({_reason(error)}); export the style again"
            ) from error
        return EngineInfo("onnxruntime", ort.__version__, "cpu", "fp32")

    def _infer(self, pixels: Pixels, controls: Controls) -> Pixels:
        try:
            (stylized,) = self._session.run([OUTPUT_NAME], {INPUT_NAME: pixels[np.newaxis], **controls})
        except _ERRORS as error:
            raise EngineError(f"onnxruntime failed on a frame ({_reason(error)})") from error
        result: Pixels = np.asarray(stylized)[0]
        return result

    def _close(self) -> None:
        del self._session


def _session_options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.log_severity_level = 4  # errors come back as exceptions; nothing else belongs on stderr
    # Idle threads sleep instead of spinning: decoder and encoder share these cores. Neither this nor
    # pinning the frame size changes the time of a frame (61 ms for detail-64 all four ways).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _reason(error: Exception) -> str:
    """ONNX Runtime's message on one line, without its numeric prefix."""
    return " ".join(str(error).split(" : ", 2)[-1].split())
