"""OpenVINO on the CPU: the fastest engine without a GPU.

There is no compile cache, on purpose. Measured for detail-64 on two cores: compiling takes 56 ms, loading
a cache entry 30 ms; and an entry whose weights were damaged on disk was loaded without a word and
painted another picture. 26 ms are not worth that.

Thread count and pinning are left to OpenVINO: pinned or not, one thread a core either way, detail-64
took 8.5 to 8.9 ms in every setting that was tried.

``import openvino`` starts a thread that reports the import to an analytics server, and writes an
identifier into the home folder. Brushstream sends nothing: where the telemetry package cannot be imported
OpenVINO takes its own silent stand-in (and the process ends 0.1 s sooner).
"""

import sys
from pathlib import Path

import numpy as np

from pipeline import machine
from pipeline.engines.base import Controls, Engine, EngineInfo, Precision
from pipeline.errors import EngineError
from pipeline.frame import Pixels
from pipeline.style import INPUT_NAME, OUTPUT_NAME

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
import openvino as ov  # type: ignore[import-untyped, unused-ignore]  # noqa: E402

DEVICE = "CPU"
_HINTS: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16"}
_BF16_FEATURES = {"amx_bf16", "avx512_bf16"}


class OpenVinoEngine(Engine):
    """A style compiled for one frame size, in bf16 where the CPU computes that natively, else fp32."""

    name = "openvino"

    @classmethod
    def why_unavailable(cls) -> str | None:
        """None where OpenVINO has its CPU plugin."""
        devices = ov.Core().available_devices
        return None if DEVICE in devices else f"OpenVINO offers no CPU device, only {devices}"

    def _open(self, style_path: Path, size: tuple[int, int], precision: Precision | None) -> EngineInfo:
        core = ov.Core()
        chosen = _choose_precision(core, precision)
        try:
            model = core.read_model(style_path)
            model.reshape({INPUT_NAME: [1, *size, 3], **self._control_shapes()})
            options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": _HINTS[chosen]}
            self._request = core.compile_model(model, DEVICE, options).create_infer_request()
        except RuntimeError as error:
            raise EngineError(
                f"openvino cannot open {style_path} for {size[1]}x{size[0]} ({_reason(error)}); "
                "export the style again, or try --engine onnxruntime"
            ) from error
        return EngineInfo("openvino", ov.__version__.split("-")[0], "cpu", chosen)

    def _control_shapes(self) -> dict[str, list[int]]:
        return {name: [value.size] for name, value in self._defaults.items()}

    def _infer(self, pixels: Pixels, controls: Controls) -> Pixels:
        # Both tensors are views of numpy's memory: OpenVINO reads the caller's frame and writes into
        # the result, nothing is copied.
        stylized = np.empty_like(pixels)
        try:
            self._request.set_tensor(INPUT_NAME, ov.Tensor(pixels[np.newaxis], shared_memory=True))
            self._request.set_tensor(OUTPUT_NAME, ov.Tensor(stylized[np.newaxis], shared_memory=True))
            for name, value in controls.items():
                self._request.set_tensor(name, ov.Tensor(np.ascontiguousarray(value), shared_memory=True))
            self._request.infer()
        except RuntimeError as error:
            raise EngineError(
                f"openvino failed on a frame ({_reason(error)}); try --engine onnxruntime"
            ) from error
        return stylized

    def _close(self) -> None:
        del self._request


def _choose_precision(core: ov.Core, wanted: Precision | None) -> Precision:
    native = _computes_bf16(core)
    if wanted is None:
        return "bf16" if native else "fp32"
    if wanted not in _HINTS:
        raise EngineError(f"openvino on a CPU runs fp32 or bf16, not {wanted}")
    if wanted == "bf16" and not native:
        raise EngineError("bf16 needs a CPU with amx_bf16 or avx512_bf16, not to be found here; take fp32")
    return wanted


def _computes_bf16(core: ov.Core) -> bool:
    """OpenVINO says so and, where the system tells the CPU's features, they agree."""
    features = machine.cpu_features()
    listed = features is None or not _BF16_FEATURES.isdisjoint(features)
    return listed and "BF16" in core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")


def _reason(error: RuntimeError) -> str:
    """The last line of OpenVINO's message that says something; those before it name its source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
