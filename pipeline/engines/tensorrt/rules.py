"""What TensorRT's versions want, and what its answers mean: everything that can be known without a GPU.

Names of flags and methods were read from the real Python bindings of 8.6.1, 10.16.1 and 11.4.0
(``tests/pipeline/engines/tensorrt_api.json``). Flags are looked up by name, for their numbers moved.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.common.errors import EngineError
from pipeline.engines.base import Precision

OLDEST = (8, 6)
NEWEST_SEEN = 11
PRECISIONS: tuple[Precision, ...] = ("fp16", "fp32")
REWRITE_VERSION = 1
"""Counts changes of the float16 rewriting, so that engines of an older one are built again."""


@dataclass(frozen=True)
class Recipe:
    """How one TensorRT version is told to build.

    Attributes:
        network_flags: names in NetworkDefinitionCreationFlag.
        parser_flags: names in OnnxParserFlag.
        builder_flags, cleared_flags: names in BuilderFlag to set and to clear.
    """

    network_flags: tuple[str, ...]
    parser_flags: tuple[str, ...]
    builder_flags: tuple[str, ...]
    cleared_flags: tuple[str, ...]


def recipe_for(version: str, precision: Precision) -> Recipe:
    """The recipe of one version.

    8.6 chooses precisions itself where a flag allows them, and needs batches to be explicit. 10 has a flag
    for networks that keep the ONNX's types; 11 knows no others. TensorFloat-32, which rounds like fp16, is
    on by default everywhere and off here where fp32 was asked for.

    Raises:
        EngineError: a version before 8.6, or a precision that is not offered.
    """
    if precision not in PRECISIONS:
        raise EngineError(f"tensorrt runs {' or '.join(PRECISIONS)}, not {precision}")
    reason = why_version_unfit(version)
    if reason is not None:
        raise EngineError(reason)
    major = parse_version(version)[0]
    network = {8: ("EXPLICIT_BATCH",), 9: ("EXPLICIT_BATCH", "STRONGLY_TYPED"), 10: ("STRONGLY_TYPED",)}
    return Recipe(
        network_flags=network.get(major, ()),
        parser_flags=("NATIVE_INSTANCENORM",),
        builder_flags=("FP16",) if major == 8 and precision == "fp16" else (),
        cleared_flags=("TF32",) if precision == "fp32" else (),
    )


def parse_version(version: str) -> tuple[int, int]:
    """(major, minor) of ``10.16.1.11``."""
    major, minor = re.findall(r"\d+", version)[:2]
    return int(major), int(minor)


def why_version_unfit(version: str) -> str | None:
    """One line why a TensorRT version cannot be used, None where it can."""
    if parse_version(version) >= OLDEST:
        return None
    return f"TensorRT {version} is too old, 8.6 or newer is needed: pip install 'brushstream[tensorrt]'"


@dataclass(frozen=True)
class Gpu:
    """A GPU as CUDA describes it: compute capability ``9.0``, driver ``570.86.15, CUDA 12.8``."""

    name: str
    compute: str
    driver: str


def engine_key(
    version: str, gpu: Gpu, style_sha256: str, size: tuple[int, int], precision: Precision
) -> dict[str, object]:
    """Everything that decides a built engine; a change of any is another engine."""
    recipe = recipe_for(version, precision)
    return {
        "tensorrt": version,
        "gpu": gpu.name,
        "compute": gpu.compute,
        "driver": gpu.driver,
        "style": style_sha256,
        "size": list(size),
        "precision": precision,
        "flags": [recipe.network_flags, recipe.parser_flags, recipe.builder_flags, recipe.cleared_flags],
        "rewrite": REWRITE_VERSION,
    }


_TYPES = (  # first match wins
    (re.compile(r"bf16|bfloat", re.I), "bf16"),
    (re.compile(r"fp16|half", re.I), "fp16"),
    (re.compile(r"int8", re.I), "int8"),
    (re.compile(r"fp32|float", re.I), "fp32"),
)


def convolution_precisions(engine_information: str) -> dict[str, str]:
    """Name and input type of every convolution that the engine inspector's JSON shows.

    10 writes layout and type into one field ``Format/Datatype``, 11 into ``Format`` and ``DataType``.
    A layer fused beyond recognition (Myelin) is left out.
    """
    layers = json.loads(engine_information).get("Layers", [])
    found: dict[str, str] = {}
    for layer in layers:
        if isinstance(layer, dict) and _is_convolution(layer):
            found[str(layer.get("Name"))] = _type_of(layer.get("Inputs", []))
    return found


def _is_convolution(layer: Mapping[str, Any]) -> bool:
    kinds = f"{layer.get('LayerType', '')} {layer.get('ParameterType', '')}".lower()
    return "conv" in kinds


def _type_of(inputs: list[Mapping[str, Any]]) -> str:
    fields = inputs[0] if inputs else {}
    for field in ("DataType", "Datatype", "Format/Datatype", "Format"):
        for pattern, name in _TYPES:
            if pattern.search(str(fields.get(field, ""))):
                return name
    return "unknown"


def check_precision(engine_information: str, precision: Precision) -> dict[str, str]:
    """The convolutions of ``convolution_precisions``, all of which run in the precision asked for.

    Raises:
        EngineError: one does not; each is named.
    """
    found = convolution_precisions(engine_information)
    wrong = {name: kind for name, kind in found.items() if kind not in (precision, "unknown")}
    if wrong:
        named = ", ".join(f"{name} in {kind}" for name, kind in sorted(wrong.items()))
        raise EngineError(
            f"TensorRT built {len(wrong)} of {len(found)} convolutions in another precision than "
            f"{precision} ({named}); take another --precision, and please report this"
        )
    return found
