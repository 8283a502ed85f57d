"""A style's graph in int8, as ``export`` wrote it into the style file: OpenVINO's two files of it, packed.

It stands as text in the model's metadata, where every other engine passes over it.
"""

import base64
import zlib
from dataclasses import dataclass
from pathlib import Path

from pipeline.common.errors import EngineError
from pipeline.style import metadata_of

GRAPH_KEY = "brushstream.int8"


@dataclass(frozen=True)
class QuantizedGraph:
    """OpenVINO's two files of a graph, in memory; height and width are still dynamic."""

    xml: bytes
    weights: bytes

    def packed(self) -> str:
        """Both in one: the length of the first in 8 bytes, the two, compressed, as ASCII."""
        return base64.b85encode(
            zlib.compress(len(self.xml).to_bytes(8, "little") + self.xml + self.weights, 9)
        ).decode()

    @classmethod
    def unpacked(cls, text: str) -> "QuantizedGraph":
        """The reverse of ``packed``. Raises ValueError or zlib.error where it is damaged."""
        content = zlib.decompress(base64.b85decode(text))
        end = 8 + int.from_bytes(content[:8], "little")
        return cls(content[8:end], content[end:])


def graph_of(style_path: Path) -> QuantizedGraph:
    """The int8 graph in a style file.

    Raises:
        EngineError: there is none, or it is damaged.
    """
    properties = metadata_of(style_path)
    if GRAPH_KEY not in properties:
        raise EngineError(
            f"{style_path} has no int8 graph; `brushstream export {style_path} --photos FOLDER` makes one, "
            "or take another --precision"
        )
    try:
        return QuantizedGraph.unpacked(properties[GRAPH_KEY])
    except (ValueError, zlib.error) as error:
        raise EngineError(
            f"the int8 graph of {style_path} is damaged ({error}); make it again with `brushstream export "
            f"{style_path} --photos FOLDER`, or take another --precision"
        ) from error
