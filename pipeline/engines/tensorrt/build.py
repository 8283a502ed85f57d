"""Building a TensorRT engine from a style file, on the machine and for the GPU that will run it.

Written against the Python API of 10.x and 11.x; 8.6 works by its own flags (``rules``). Never run on
hardware so far: see the support table in docs/engines.md.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorrt as trt

from pipeline.common.errors import EngineError
from pipeline.engines import cache
from pipeline.engines.base import Precision
from pipeline.engines.tensorrt import fp16, rules
from pipeline.engines.tensorrt.rules import Gpu, Recipe

_WORKSPACE_BYTES = 4 << 30
"""Most that a layer may take for itself while it runs; what is not needed is not taken."""


class BuildLog(trt.ILogger):  # type: ignore[misc]
    """Keeps TensorRT's errors for the message; nothing is printed."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.errors: list[str] = []

    def log(self, severity: Any, message: str) -> None:
        """Called by TensorRT."""
        if severity in (trt.ILogger.INTERNAL_ERROR, trt.ILogger.ERROR):
            self.errors.append(message)

    def reason(self) -> str:
        """The first error on one line."""
        return " ".join(self.errors[0].split()) if self.errors else "no reason given"


def build_engine(
    style_path: Path, size: tuple[int, int], precision: Precision, gpu: Gpu
) -> tuple[bytes, Mapping[str, Any]]:
    """Build one engine; takes from seconds to minutes.

    Args:
        size: (height, width), multiples of the style's.

    Returns:
        The serialized engine, and facts: its convolutions with their precision, what was rescaled.

    Raises:
        EngineError: TensorRT refuses the graph, or runs convolutions in another precision.
    """
    log = BuildLog()
    recipe = rules.recipe_for(trt.__version__, precision)
    model, rescaled = fp16.typed_graph(style_path, size, fp16=precision == "fp16")
    plan = _built_with_timings(model, recipe, log, {"tensorrt": trt.__version__, "gpu": vars(gpu)})
    convolutions = rules.check_precision(_information(plan, log), precision)
    return plan, {"convolutions": convolutions, "rescaled": {r.output: r.factor for r in rescaled}}


def _built_with_timings(model: bytes, recipe: Recipe, log: BuildLog, key: cache.Key) -> bytes:
    """Build with what earlier builds on this GPU measured, and keep what this one measured."""
    kept = cache.read_entry("timings", key)
    plan, timings = _build(model, recipe, log, kept.content if kept else b"")
    cache.write_entry("timings", key, timings, {})
    return plan


def _build(model: bytes, recipe: Recipe, log: BuildLog, timings: bytes) -> tuple[bytes, bytes]:
    builder = trt.Builder(log)
    network = builder.create_network(_bits(trt.NetworkDefinitionCreationFlag, recipe.network_flags))
    parser = trt.OnnxParser(network, log)
    for name in recipe.parser_flags:
        parser.set_flag(_named(trt.OnnxParserFlag, name))
    if not parser.parse(model):
        errors = [parser.get_error(index).desc() for index in range(parser.num_errors)]
        raise EngineError(
            f"TensorRT {trt.__version__} cannot read the style ({'; '.join(errors) or log.reason()}); "
            "take --engine openvino or onnxruntime, and please report this"
        )
    config = _configured(builder.create_builder_config(), recipe, timings)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineError(
            f"TensorRT {trt.__version__} cannot build the style ({log.reason()}); free GPU memory or take "
            "--engine openvino or onnxruntime"
        )
    return bytes(plan), bytes(config.get_timing_cache().serialize())


def _configured(config: Any, recipe: Recipe, timings: bytes) -> Any:
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, _WORKSPACE_BYTES)
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # the inspector has to see types
    for name in recipe.builder_flags:
        config.set_flag(_named(trt.BuilderFlag, name))
    for name in recipe.cleared_flags:
        config.clear_flag(_named(trt.BuilderFlag, name))
    if not config.set_timing_cache(config.create_timing_cache(timings), False):
        config.set_timing_cache(config.create_timing_cache(b""), False)  # another driver's
    return config


def _named(flags: Any, name: str) -> Any:
    members = flags.__members__
    if name not in members:
        raise EngineError(
            f"TensorRT {trt.__version__} has no {flags.__name__}.{name}, only {', '.join(members)}; "
            "this version of Brushstream does not know that TensorRT"
        )
    return members[name]


def _bits(flags: Any, names: tuple[str, ...]) -> int:
    return sum(1 << int(_named(flags, name)) for name in names)


def _information(plan: bytes, log: BuildLog) -> str:
    engine = load(plan, log)
    if engine is None:
        raise EngineError(f"TensorRT {trt.__version__} cannot load what it built ({log.reason()})")
    return str(engine.create_engine_inspector().get_engine_information(trt.LayerInformationFormat.JSON))


def load(plan: bytes, log: BuildLog) -> Any:
    """The engine of a plan, None where TensorRT refuses it (another version, another GPU)."""
    return trt.Runtime(log).deserialize_cuda_engine(plan)
