"""OpenVINO: the fastest engine without an NVIDIA GPU; on CPUs, Intel GPUs and NPUs.

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
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common import machine
from pipeline.common.errors import EngineError
from pipeline.engines import int8
from pipeline.engines.base import Controls, Engine, EngineInfo, Precision
from pipeline.frame import Pixels
from pipeline.style import INPUT_NAME, OUTPUT_NAME, StyleCard

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
import openvino as ov  # type: ignore[import-untyped, unused-ignore]  # noqa: E402

_HINTS: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
_ON: dict[str, tuple[Precision, ...]] = {
    "CPU": ("fp32", "bf16", "int8"),
    "GPU": ("fp16", "fp32"),
    "NPU": ("fp16",),
}
"""Precisions of each device, the default first except on a CPU (``_choose_precision``)."""


class OpenVinoEngine(Engine):
    """A style compiled for one frame size.

    On a CPU in bf16 where it computes that natively, else in int8 where it has VNNI and the style file an
    int8 graph, else in fp32; on a GPU or NPU in fp16. Several frames in flight each have a request of their
    own; the device shares its cores among them.
    """

    name = "openvino"
    devices = tuple(_ON)

    @classmethod
    def why_unavailable(cls) -> str | None:
        """None where OpenVINO has its CPU plugin."""
        devices = ov.Core().available_devices
        return None if "CPU" in devices else f"OpenVINO offers no CPU device, only {devices}"

    def _open(self, style_path: Path, size: tuple[int, int], precision: Precision | None) -> EngineInfo:
        core, device = ov.Core(), self.device or "CPU"
        _require_device(core, device)
        chosen = _choose_precision(core, device, precision, self.card)
        try:
            model = self._model(core, style_path, chosen)
            controls = {name: [value.size] for name, value in self._defaults.items()}
            model.reshape({INPUT_NAME: [1, *size, 3], **controls})
            compiled = core.compile_model(model, device, _options(core, device, chosen))
            self._idle = deque(compiled.create_infer_request() for _ in range(self.in_flight))
        except RuntimeError as error:
            raise EngineError(
                f"openvino cannot open {style_path} for {size[1]}x{size[0]} on {device} "
                f"({_reason(error)}); export the style again, or try --engine onnxruntime"
            ) from error
        self.slots = self.in_flight
        self._running: deque[tuple[Any, Pixels, tuple[Any, ...]]] = deque()
        return EngineInfo("openvino", _version(), device.lower(), chosen)

    def _model(self, core: ov.Core, style_path: Path, precision: Precision) -> ov.Model:
        if precision != "int8":
            return core.read_model(style_path)
        graph = int8.graph_of(style_path)
        return core.read_model(graph.xml, graph.weights)

    def _infer(self, pixels: Pixels, controls: Controls) -> Pixels:
        self._submit(pixels, controls)
        return self._collect()

    def _submit(self, pixels: Pixels, controls: Controls) -> None:
        # The tensors are views of numpy's memory: OpenVINO reads the caller's frame and writes into the
        # result, nothing is copied. They are kept until the result was collected.
        request, stylized = self._idle.popleft(), np.empty_like(pixels)
        frame = pixels if pixels.flags.writeable else pixels.copy()  # OpenVINO shares no read-only memory
        values = {INPUT_NAME: frame[np.newaxis], OUTPUT_NAME: stylized[np.newaxis]}
        values.update((name, np.ascontiguousarray(value)) for name, value in controls.items())
        try:
            for name, value in values.items():
                request.set_tensor(name, ov.Tensor(value, shared_memory=True))
            request.start_async()
        except RuntimeError as error:
            self._idle.append(request)
            raise _failed(error) from error
        self._running.append((request, stylized, tuple(values.values())))

    def _collect(self) -> Pixels:
        request, stylized, _ = self._running.popleft()
        try:
            request.wait()
        except RuntimeError as error:
            raise _failed(error) from error
        finally:
            self._idle.append(request)
        return stylized

    def _close(self) -> None:
        for request, _, _ in self._running:  # whose tensors are numpy's memory: it must outlive the work
            request.wait()
        self._running.clear()
        self._idle.clear()


def _version() -> str:
    return str(ov.__version__.split("-")[0])


def _require_device(core: ov.Core, device: str) -> None:
    available = core.available_devices
    if not any(name.split(".")[0] == device for name in available):
        raise EngineError(
            f"OpenVINO finds no {device} here, only {', '.join(available)}; leave --device out, or install "
            f"the driver of that {device}"
        )


def _options(core: ov.Core, device: str, precision: Precision) -> dict[str, str]:
    options = {"PERFORMANCE_HINT": "LATENCY"}
    if precision == "int8":  # what was not quantized runs in the fastest float
        return {**options, "INFERENCE_PRECISION_HINT": "bf16" if _computes_bf16(core) else "f32"}
    return {**options, "INFERENCE_PRECISION_HINT": _HINTS[precision]}


def _choose_precision(core: ov.Core, device: str, wanted: Precision | None, card: StyleCard) -> Precision:
    native = device == "CPU" and _computes_bf16(core)
    if wanted is None:
        quantized = device == "CPU" and bool(card.int8) and machine.has_vnni()
        return "bf16" if native else "int8" if quantized else _ON[device][0]
    if wanted not in _ON[device]:
        place = {"CPU": "a CPU", "GPU": "a GPU", "NPU": "an NPU"}[device]
        raise EngineError(f"openvino on {place} runs {' or '.join(_ON[device])}, not {wanted}")
    if wanted == "bf16" and not native:
        raise EngineError("bf16 needs a CPU with amx_bf16 or avx512_bf16, not to be found here; take fp32")
    return wanted


def _computes_bf16(core: ov.Core) -> bool:
    """OpenVINO says so and, where the system tells the CPU's features, they agree."""
    return machine.has_bf16() is not False and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _failed(error: RuntimeError) -> EngineError:
    return EngineError(f"openvino failed on a frame ({_reason(error)}); try --engine onnxruntime")


def _reason(error: RuntimeError) -> str:
    """The last line of OpenVINO's message that says something; those before it name its source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
