"""TensorRT on an NVIDIA GPU: a static engine for each frame size, built on this machine and kept.

Never run on hardware so far: see the support table in docs/engines.md.

A frame is copied into pinned memory by ``submit`` and belongs to the caller again when that returns; the
result is copied out of pinned memory by ``collect`` and is the caller's own. With several frames in
flight each has a slot with its own stream and execution context (``cuda_slot``), because contexts cannot
run at the same time on one scratch memory.
"""

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorrt as trt

from pipeline.common.errors import EngineError
from pipeline.engines import cache
from pipeline.engines.base import Controls, Engine, EngineInfo, Precision
from pipeline.engines.tensorrt import build, cuda_slot, rules
from pipeline.engines.tensorrt.cuda_slot import Slot
from pipeline.frame import Pixels
from pipeline.style import INPUT_NAME, OUTPUT_NAME, StyleCard

KIND = "tensorrt"


class TensorRtEngine(Engine):
    """A style built for one frame size and this GPU, in fp16 unless fp32 is asked for."""

    name = "tensorrt"
    checked_by_size = True

    @classmethod
    def why_unavailable(cls) -> str | None:
        """None where TensorRT is new enough and CUDA offers a GPU."""
        return rules.why_version_unfit(trt.__version__) or cuda_slot.why_no_gpu()

    @classmethod
    def opens_at_once(
        cls, style_path: Path, card: StyleCard, size: tuple[int, int], precision: Precision | None
    ) -> bool:
        """Whether the engine was built before and is whole."""
        key = _key(style_path, size, precision or "fp16")
        return cache.read_entry(KIND, key) is not None

    def _open(self, style_path: Path, size: tuple[int, int], precision: Precision | None) -> EngineInfo:
        chosen = precision or "fp16"
        self._gpu = cuda_slot.first_gpu()
        self._log = build.BuildLog()
        self._engine = self._loaded(style_path, size, chosen)
        self._check_tensors()
        self._idle = deque(self._slot() for _ in range(self.in_flight))
        self._busy: deque[Slot] = deque()
        self.slots = self.in_flight
        return EngineInfo("tensorrt", trt.__version__, self._gpu.name, chosen)

    def fingerprint(self) -> Mapping[str, str]:
        """GPU and driver, which choose the kernels."""
        return {"compute": self._gpu.compute, "driver": self._gpu.driver}

    def _loaded(self, style_path: Path, size: tuple[int, int], precision: Precision) -> Any:
        """The engine from the cache, or built; one that TensorRT refuses is built once more."""
        key = _key(style_path, size, precision)
        for ask in (cache.get_or_build, cache.rebuild):
            entry = ask(KIND, key, lambda: build.build_engine(style_path, size, precision, self._gpu))
            self.note = entry.note or ""
            engine = build.load(entry.content, self._log)
            if engine is not None:
                return engine
        raise EngineError(
            f"TensorRT {trt.__version__} refuses the engine it built ({self._log.reason()}); "
            "take --engine openvino or onnxruntime, and please report this"
        )

    def _check_tensors(self) -> None:
        frame = ((1, *self.size, 3), "UINT8")
        wanted = {INPUT_NAME: frame, OUTPUT_NAME: frame}
        wanted |= {name: (value.shape, "FLOAT") for name, value in self._defaults.items()}
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        found = {
            name: (tuple(self._engine.get_tensor_shape(name)), self._engine.get_tensor_dtype(name).name)
            for name in names
        }
        if found != wanted:
            raise EngineError(
                f"the TensorRT engine has tensors {found}, the style needs {wanted}; export the style again"
            )

    def _slot(self) -> Slot:
        context = self._engine.create_execution_context()
        if context is None:
            raise EngineError(
                f"TensorRT could not open the engine for {self.size[1]}x{self.size[0]} "
                f"({self._log.reason()}); free GPU memory or take a smaller --size"
            )

        def enqueue(addresses: Mapping[str, int], stream: int) -> None:
            for name, address in addresses.items():
                if not context.set_tensor_address(name, address):
                    raise EngineError(f"TensorRT refuses the buffer of {name!r} ({self._log.reason()})")
            if not context.execute_async_v3(stream):
                raise EngineError(f"TensorRT could not start a frame ({self._log.reason()})")

        shape = (1, *self.size, 3)
        inputs: dict[str, tuple[tuple[int, ...], type[np.generic]]] = {INPUT_NAME: (shape, np.uint8)}
        inputs |= {name: (value.shape, np.float32) for name, value in self._defaults.items()}
        slot = Slot(inputs, (OUTPUT_NAME, shape, np.uint8), enqueue)
        slot.keeps = context  # the recorded graph points into the context's memory
        return slot

    def _infer(self, pixels: Pixels, controls: Controls) -> Pixels:
        self._submit(pixels, controls)
        return self._collect()

    def _submit(self, pixels: Pixels, controls: Controls) -> None:
        slot = self._idle.popleft()
        self._busy.append(slot)
        slot.start({INPUT_NAME: pixels[np.newaxis], **controls})

    def _collect(self) -> Pixels:
        slot = self._busy.popleft()
        self._idle.append(slot)
        result: Pixels = slot.finish()[0]
        return result

    def _close(self) -> None:
        for slot in (*self._busy, *self._idle):
            slot.close()
        self._busy.clear()
        self._idle.clear()
        del self._engine


def _key(style_path: Path, size: tuple[int, int], precision: Precision) -> dict[str, object]:
    digest = cache.file_digest(style_path)
    return rules.engine_key(trt.__version__, cuda_slot.first_gpu(), digest, size, precision)
