"""One frame's way through the GPU, recorded once and replayed: CUDA by ``cuda-python`` alone.

A slot owns pinned host memory, device memory, a stream and a CUDA graph in which copy in, inference and
copy out stand one after the other. Slots have streams of their own, so that one slot's copies run while
another computes. Nothing here is shared between slots; a slot is used by one thread at a time.
"""

import ctypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from cuda.bindings import runtime as cudart
from numpy.typing import NDArray

from pipeline.common.errors import EngineError
from pipeline.engines.tensorrt.rules import Gpu

_DRIVER = Path("/proc/driver/nvidia/version")


def checked(answer: tuple[Any, ...]) -> Any:
    """The value of a CUDA call, whose first entry is its error.

    Raises:
        EngineError: it failed.
    """
    error, *values = answer
    if error != cudart.cudaError_t.cudaSuccess:
        text = cudart.cudaGetErrorString(error)[1]
        reason = text.decode() if isinstance(text, bytes) else str(error)
        raise EngineError(f"CUDA failed ({reason}); `brushstream doctor` shows driver and GPU")
    return values[0] if len(values) == 1 else tuple(values)


def why_no_gpu() -> str | None:
    """One line why CUDA offers no GPU, None where there is one."""
    error, count = cudart.cudaGetDeviceCount()
    if error != cudart.cudaError_t.cudaSuccess:
        return f"no CUDA GPU ({cudart.cudaGetErrorString(error)[1].decode()}); install NVIDIA's driver"
    return None if count else "no CUDA GPU in this machine"


def first_gpu() -> Gpu:
    """The GPU that will run; CUDA_VISIBLE_DEVICES chooses among several."""
    found = checked(cudart.cudaGetDeviceProperties(0))
    supports = int(checked(cudart.cudaDriverGetVersion()))
    name = found.name.decode() if isinstance(found.name, bytes) else str(found.name)
    driver = f"{_driver_release()}CUDA {supports // 1000}.{supports % 1000 // 10}"
    return Gpu(name.rstrip("\0"), f"{found.major}.{found.minor}", driver)


def _driver_release() -> str:
    """``570.86.15, `` where the system tells, else nothing."""
    if not _DRIVER.exists():
        return ""
    words = _DRIVER.read_text(encoding="utf-8", errors="replace").split("\n")[0].split()
    releases = [word for word in words if word[0].isdigit() and word.count(".") >= 1]
    return f"{releases[0]}, " if releases else ""


class Buffer:
    """Pinned host memory and device memory of one tensor.

    Attributes:
        host: the pinned memory as an array; gone after ``free``.
        device: the device address.
    """

    def __init__(self, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
        self.bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self.device = int(checked(cudart.cudaMalloc(self.bytes)))
        try:
            self._pinned = int(checked(cudart.cudaHostAlloc(self.bytes, cudart.cudaHostAllocDefault)))
        except EngineError:
            cudart.cudaFree(self.device)
            raise
        raw = (ctypes.c_uint8 * self.bytes).from_address(self._pinned)
        self.host: NDArray[Any] = np.ctypeslib.as_array(raw).view(dtype).reshape(shape)

    def copy_in(self, stream: Any) -> None:
        """Queue the copy from host to device."""
        kind = cudart.cudaMemcpyKind.cudaMemcpyHostToDevice
        checked(cudart.cudaMemcpyAsync(self.device, self._pinned, self.bytes, kind, stream))

    def copy_out(self, stream: Any) -> None:
        """Queue the copy from device to host."""
        kind = cudart.cudaMemcpyKind.cudaMemcpyDeviceToHost
        checked(cudart.cudaMemcpyAsync(self._pinned, self.device, self.bytes, kind, stream))

    def free(self) -> None:
        """Give both back; ``host`` must not be touched any more."""
        checked(cudart.cudaFreeHost(self._pinned))
        checked(cudart.cudaFree(self.device))


class Slot:
    """One frame in flight.

    ``start`` copies the caller's arrays into pinned memory, so they are free at once; ``finish`` waits
    and returns a copy of the pinned result, which is the caller's own.
    """

    def __init__(
        self,
        inputs: Mapping[str, tuple[tuple[int, ...], type[np.generic]]],
        output: tuple[str, tuple[int, ...], type[np.generic]],
        enqueue: Callable[[Mapping[str, int], int], None],
    ) -> None:
        """Take memory and record the graph.

        Args:
            inputs: shape and type of each input by name.
            output: name, shape and type.
            enqueue: puts the inference on a stream, given the device address of each tensor by name
                and the stream's handle; called twice, once to warm up and once to be recorded.
        """
        self._inputs: dict[str, Buffer] = {}
        self._output: Buffer | None = None
        self.keeps: Any = None  # whatever the recorded graph points into
        self._stream: Any = None
        self._graph: Any = None
        try:
            self._stream = checked(cudart.cudaStreamCreateWithFlags(cudart.cudaStreamNonBlocking))
            for name, (shape, dtype) in inputs.items():
                self._inputs[name] = Buffer(shape, dtype)
                self._inputs[name].host.fill(0)
            self._output = Buffer(*output[1:])
            addresses = {name: buffer.device for name, buffer in self._inputs.items()}
            addresses[output[0]] = self._output.device
            self._record(lambda: enqueue(addresses, int(self._stream)))
        except BaseException:
            self.close()
            raise

    def _record(self, enqueue: Callable[[], None]) -> None:
        self._pass(enqueue)  # TensorRT takes what it needs on the first run, which a recording may not
        checked(cudart.cudaStreamSynchronize(self._stream))
        mode = cudart.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        checked(cudart.cudaStreamBeginCapture(self._stream, mode))
        try:
            self._pass(enqueue)
        finally:
            recorded = checked(cudart.cudaStreamEndCapture(self._stream))
        self._graph = checked(cudart.cudaGraphInstantiate(recorded, 0))
        checked(cudart.cudaGraphDestroy(recorded))

    def _pass(self, enqueue: Callable[[], None]) -> None:
        assert self._output is not None
        for buffer in self._inputs.values():
            buffer.copy_in(self._stream)
        enqueue()
        self._output.copy_out(self._stream)

    def start(self, values: Mapping[str, NDArray[Any]]) -> None:
        """Copy the inputs into pinned memory and launch; returns before the GPU is done."""
        for name, buffer in self._inputs.items():
            np.copyto(buffer.host, values[name])
        checked(cudart.cudaGraphLaunch(self._graph, self._stream))

    def finish(self) -> NDArray[Any]:
        """Wait for the launch of ``start`` and return a copy of its result."""
        assert self._output is not None
        checked(cudart.cudaStreamSynchronize(self._stream))
        return self._output.host.copy()

    def close(self) -> None:
        """Wait for what runs and give everything back."""
        if self._stream is not None:
            cudart.cudaStreamSynchronize(self._stream)
        if self._graph is not None:
            cudart.cudaGraphExecDestroy(self._graph)
        for buffer in (*self._inputs.values(), *([self._output] if self._output else [])):
            buffer.free()
        if self._stream is not None:
            cudart.cudaStreamDestroy(self._stream)
        self._inputs, self._output, self._stream, self._graph, self.keeps = {}, None, None, None, None
