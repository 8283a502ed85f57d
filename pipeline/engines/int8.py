"""A style's graph in int8, by NNCF's post-training quantization; made once, then read from the cache.

NNCF imports torch where that is installed, and Brushstream's live half never does. So the quantizing is
done by a process of its own (``pipeline.engines.int8_build``), which takes some seconds.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.common.adapters import require
from pipeline.common.errors import EngineError
from pipeline.engines import cache
from pipeline.style import StyleCard

BUILDER = "pipeline.engines.int8_build"
RECIPE_VERSION = 2
"""Counts changes of what is quantized and of the calibration frames."""

_TIMEOUT_S = 600


@dataclass(frozen=True)
class QuantizedGraph:
    """OpenVINO's two files of a graph, in memory."""

    xml: bytes
    weights: bytes

    def packed(self) -> bytes:
        """Both in one: the length of the first in 8 bytes, then one after the other."""
        return len(self.xml).to_bytes(8, "little") + self.xml + self.weights

    @classmethod
    def unpacked(cls, content: bytes) -> "QuantizedGraph":
        """The reverse of ``packed``."""
        end = 8 + int.from_bytes(content[:8], "little")
        return cls(content[8:end], content[end:])


def quantized(style_path: Path, card: StyleCard, openvino_version: str) -> QuantizedGraph:
    """The style's int8 graph, height and width still dynamic.

    Raises:
        MissingPackageError: it has to be made and NNCF is not installed.
        EngineError: NNCF cannot quantize this style.
    """
    require("precision int8", "nncf", "int8")
    key = {
        "recipe": RECIPE_VERSION,
        "style": cache.file_digest(style_path),
        "openvino": openvino_version,
        "nncf": metadata.version("nncf"),
    }
    entry = cache.get_or_build("int8", key, lambda: _build(style_path, card))
    return QuantizedGraph.unpacked(entry.content)


def _build(style_path: Path, card: StyleCard) -> tuple[bytes, Mapping[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="brushstream-int8-") as folder:
        target = Path(folder) / "style.xml"
        command = [sys.executable, "-m", BUILDER, str(style_path.absolute()), str(target)]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise EngineError(
                f"quantizing style {card.name!r} took longer than {_TIMEOUT_S} s and was stopped; "
                "take another --precision"
            ) from error
        if ended.returncode != 0:
            reason = (ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[-1]
            raise EngineError(
                f"NNCF cannot quantize style {card.name!r} ({reason}); take another --precision"
            )
        return QuantizedGraph(target.read_bytes(), target.with_suffix(".bin").read_bytes()).packed(), {}
