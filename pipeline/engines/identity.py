"""The engine that changes nothing: what is left of the time is the loop's own."""

from pathlib import Path

from pipeline.common.errors import EngineError
from pipeline.engines.base import Controls, Engine, EngineInfo, Precision
from pipeline.frame import Pixels


class IdentityEngine(Engine):
    """Returns a copy of every frame; reads no weights. For tests and for measuring overhead."""

    name = "identity"

    def _open(self, style_path: Path, size: tuple[int, int], precision: Precision | None) -> EngineInfo:
        if precision is not None:
            raise EngineError(
                f"engine identity computes nothing and has no precision {precision}; leave it out"
            )
        self.slots = self.in_flight
        return EngineInfo("identity", "1", "cpu", "fp32")

    def _infer(self, pixels: Pixels, controls: Controls) -> Pixels:
        return pixels.copy()
