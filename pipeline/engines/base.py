"""The contract every engine keeps."""

from abc import abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.common.closeable import Closeable
from pipeline.common.errors import EngineError
from pipeline.frame import Pixels
from pipeline.style import StyleCard

Precision = Literal["fp32", "bf16", "fp16", "int8"]
Controls = Mapping[str, NDArray[np.float32]]


def default_controls(card: StyleCard) -> dict[str, NDArray[np.float32]]:
    """What the card's controls are when nobody turns them, by name."""
    return {control.name: np.asarray(control.default, np.float32) for control in card.controls}


@dataclass(frozen=True)
class EngineInfo:
    """What runs, for the one line the user reads: ``openvino 2026.4, cpu, bf16``."""

    engine: str
    version: str
    device: str
    precision: Precision

    def __str__(self) -> str:
        return f"{self.engine} {self.version}, {self.device}, {self.precision}"


class Engine(Closeable):
    """One style file, opened for one frame size.

    A subclass implements ``_open``, ``_infer`` and ``_close``; ``infer`` checks what goes in and comes
    out, so that no adapter repeats it. An engine is used by one thread at a time.

    ``infer`` is for one frame at a time; ``submit`` and ``collect`` keep up to ``slots`` frames in
    flight, in order, where the runtime can overlap them. Both may be used in turn, never at once.

    Attributes:
        devices: names ``device`` may have; empty where there is nothing to choose.
        checked_by_size: the build depends on the frame size, so that parity is measured for each size.
        slots: frames that may be in flight.
        note: what the user should know of this engine, one line; empty where there is nothing.
    """

    name: ClassVar[str]
    devices: ClassVar[tuple[str, ...]] = ()
    checked_by_size: ClassVar[bool] = False
    slots: int = 1
    note: str = ""

    def __init__(
        self,
        style_path: Path,
        card: StyleCard,
        size: tuple[int, int],
        precision: Precision | None = None,
        *,
        device: str | None = None,
        in_flight: int = 1,
    ) -> None:
        """Load ``style_path`` for frames of ``size``.

        Args:
            size: (height, width), multiples of ``card.size_multiple``.
            precision: None takes the fastest that keeps the picture on this machine.
            device: one of ``devices``; None takes the engine's own first choice.
            in_flight: frames that will be submitted before the first is collected, at least 1; an engine
                that cannot overlap frames runs them one after the other.

        Raises:
            EngineError: the engine cannot run here, refuses the file, or has no such precision or device.
        """
        if device is not None and device not in self.devices:
            choice = f"choose {', '.join(self.devices)}" if self.devices else "there is nothing to choose"
            raise EngineError(f"engine {self.name} has no device {device!r}; {choice}")
        if in_flight < 1:
            raise EngineError(f"at least 1 frame is in flight, got {in_flight}")
        height, width = size
        multiple = card.size_multiple
        if height < 1 or width < 1 or height % multiple or width % multiple:
            raise EngineError(
                f"style {card.name!r} needs height and width in multiples of {multiple}, got "
                f"{width}x{height}; let pipeline.stylize.stylizer pad the frame"
            )
        self.card = card
        self.size = size
        self.device = device
        self.in_flight = in_flight
        self._closed = False
        self._waiting: deque[Pixels] = deque()
        self._submitted = 0
        self._defaults = default_controls(card)
        self.info = self._open(style_path, size, precision)

    def infer(self, pixels: Pixels, controls: Controls | None = None) -> Pixels:
        """Stylize one frame.

        Args:
            pixels: (H, W, 3) uint8 BGR, C-contiguous, exactly ``self.size``. Only read, and only until
                this call returns.
            controls: values for the card's controls by name; those not named keep their default.

        Returns:
            (H, W, 3) uint8 BGR, a buffer of its own that the caller may keep and write into.

        Raises:
            EngineError: wrong shape or type, an unknown or ill-shaped control, a closed engine, or a
                failure of the runtime.
        """
        self._check_input(pixels)
        if self._submitted:
            raise EngineError(
                f"engine {self.name} has {self._submitted} frames in flight; collect them first"
            )
        return self._checked(self._infer(np.ascontiguousarray(pixels), self._merged(controls)))

    def submit(self, pixels: Pixels, controls: Controls | None = None) -> None:
        """Hand in a frame without waiting for its result, which ``collect`` returns in order.

        Args:
            pixels: as for ``infer``; must stay unchanged until its result was collected.

        Raises:
            EngineError: as for ``infer``, or ``slots`` frames are in flight already.
        """
        self._check_input(pixels)
        if self._submitted >= self.slots:
            raise EngineError(f"engine {self.name} has {self.slots} slots, all in flight; collect first")
        self._submit(np.ascontiguousarray(pixels), self._merged(controls))
        self._submitted += 1

    def collect(self) -> Pixels:
        """Wait for the oldest submitted frame and return its result, as ``infer`` does.

        Raises:
            EngineError: nothing was submitted, the engine is closed, or the runtime failed on that frame.
        """
        if self._closed:
            raise EngineError(f"engine {self.name} is closed; open a new one")
        if not self._submitted:
            raise EngineError(f"engine {self.name} has no frame in flight; submit one first")
        self._submitted -= 1
        return self._checked(self._collect())

    def _check_input(self, pixels: Pixels) -> None:
        if self._closed:
            raise EngineError(f"engine {self.name} is closed; open a new one")
        if pixels.shape != (*self.size, 3) or pixels.dtype != np.uint8:
            raise EngineError(
                f"engine {self.name} was opened for uint8 (H, W, 3) = {(*self.size, 3)}, got "
                f"{pixels.dtype} {pixels.shape}; open one for that size"
            )

    def _checked(self, result: Pixels) -> Pixels:
        if result.shape != (*self.size, 3) or result.dtype != np.uint8:
            raise EngineError(
                f"engine {self.name} returned {result.dtype} {result.shape} for {(*self.size, 3)}; "
                "the style file is not a frame-in, frame-out graph: export it again"
            )
        return result

    def _merged(self, controls: Controls | None) -> Controls:
        if not controls:
            return self._defaults
        merged = dict(self._defaults)
        for name, value in controls.items():
            if name not in merged or np.shape(value) != merged[name].shape:
                raise EngineError(
                    f"style {self.card.name!r} has controls "
                    f"{ {n: d.shape for n, d in self._defaults.items()} }, got {name!r} of shape "
                    f"{np.shape(value)}"
                )
            merged[name] = np.asarray(value, np.float32)
        return merged

    def close(self) -> None:
        """Give back what the engine holds. Closing twice is no error."""
        if not self._closed:
            self._closed = True
            self._close()

    @classmethod
    def why_unavailable(cls) -> str | None:
        """One line why this engine cannot run on this machine, or None when it can.

        Called only once the adapter's package was imported; looks at hardware and drivers.
        """
        return None

    @classmethod
    def opens_at_once(
        cls, style_path: Path, card: StyleCard, size: tuple[int, int], precision: Precision | None
    ) -> bool:
        """Whether opening takes no build of many seconds; arguments as for the constructor."""
        return True

    @abstractmethod
    def _open(self, style_path: Path, size: tuple[int, int], precision: Precision | None) -> EngineInfo:
        """Load the file; raise EngineError with what to do when that fails."""

    @abstractmethod
    def _infer(self, pixels: Pixels, controls: Controls) -> Pixels:
        """Run one checked frame and return a fresh buffer."""

    def fingerprint(self) -> Mapping[str, str]:
        """What, beyond style, engine, version, device and precision, decides the picture; for cache keys."""
        return {}

    def _submit(self, pixels: Pixels, controls: Controls) -> None:
        """Start one checked frame; the default runs it at once."""
        self._waiting.append(self._infer(pixels, controls))

    def _collect(self) -> Pixels:
        """The result of the oldest frame of ``_submit``."""
        return self._waiting.popleft()

    def _close(self) -> None:
        """Give back native resources."""
