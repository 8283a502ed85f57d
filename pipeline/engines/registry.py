"""Engines by name: which class, what it needs, which extra brings that. A new engine is one line here.

Nothing heavy is imported before a class is asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.common.adapters import Adapter, load
from pipeline.common.errors import EngineError, MissingPackageError

if TYPE_CHECKING:
    from pipeline.engines.base import Engine


@dataclass(frozen=True)
class EngineAdapter(Adapter):
    """An engine's adapter; ``--engine auto`` may take it where ``auto`` is set."""

    auto: bool = False


ENGINES: Mapping[str, EngineAdapter] = {  # the order is the one in which `auto` prefers them
    "tensorrt": EngineAdapter(
        "pipeline.engines.tensorrt.engine:TensorRtEngine", "tensorrt", "tensorrt", auto=True
    ),
    "openvino": EngineAdapter("pipeline.engines.ov:OpenVinoEngine", "openvino", auto=True),
    "onnxruntime": EngineAdapter("pipeline.engines.ort:OnnxRuntimeEngine", "onnxruntime", auto=True),
    "identity": EngineAdapter("pipeline.engines.identity:IdentityEngine"),
}


@dataclass(frozen=True)
class Selection:
    """The engine that will run, and why those preferred to it will not.

    Attributes:
        name: its name in the table.
        engine: its class.
        refused: (name, one-line reason) of every engine that ``auto`` looked at first.
        device: what ``NAME:DEVICE`` asked for, None for the engine's own choice.
        named: the user named it, so nothing else may run in its place.
    """

    name: str
    engine: "type[Engine]"
    refused: tuple[tuple[str, str], ...] = ()
    device: str | None = None
    named: bool = False

    def explain(self) -> str:
        """`` (tensorrt: no CUDA GPU)``, or nothing where nothing was refused."""
        reasons = "; ".join(f"{name}: {reason}" for name, reason in self.refused)
        return f" ({reasons})" if reasons else ""


def select_engine(requested: str = "auto", *, after: str | None = None) -> Selection:
    """Choose an engine: the one named, or with ``auto`` the first of the table that can run here.

    Args:
        requested: ``auto``, a name, or ``NAME:DEVICE`` (``openvino:GPU``, ``onnxruntime:CUDA``).
        after: with ``auto``, look only at those behind this one.

    Raises:
        EngineError: no such name, or the named engine (or, with ``auto``, every one) cannot run here.
        MissingPackageError: the package of the named engine is not installed.
    """
    if requested == "auto":
        return _first_available(after)
    name, _, device = requested.partition(":")
    if name not in ENGINES:
        raise EngineError(f"no engine is called {name!r}; choose auto, {', '.join(ENGINES)}")
    engine = load_engine(name)
    reason = engine.why_unavailable()
    if reason is not None:
        raise EngineError(f"engine {name} cannot run here: {reason}; --engine auto takes one that can")
    return Selection(name, engine, device=device or None, named=True)


def engine_on(engine: str, device: str | None, provider: str | None) -> str:
    """What ``select_engine`` takes, from the options ``--engine``, ``--device`` and ``--provider``.

    A device belongs to OpenVINO and a provider to ONNX Runtime; with ``auto`` each names its engine.

    Raises:
        EngineError: both were given, or one with another engine.
    """
    if device and provider:
        raise EngineError("--device is OpenVINO's and --provider ONNX Runtime's; give one of them")
    wanted, option = ("openvino", "--device") if device else ("onnxruntime", "--provider")
    if not (device or provider):
        return engine
    if engine not in ("auto", wanted):
        raise EngineError(f"{option} belongs to engine {wanted}, not to {engine}; leave one of them out")
    return f"{wanted}:{device or provider}"


def _first_available(after: str | None) -> Selection:
    refused: list[tuple[str, str]] = []
    names = [name for name, adapter in ENGINES.items() if adapter.auto]
    for name in names[names.index(after) + 1 :] if after else names:
        reason = why_unavailable(name)
        if reason is None:
            return Selection(name, load_engine(name), tuple(refused))
        refused.append((name, reason))
    reasons = "; ".join(f"{name}: {reason}" for name, reason in refused)
    raise EngineError(f"no engine can run here ({reasons}); `brushstream doctor` shows what is installed")


def why_unavailable(name: str) -> str | None:
    """One line why the engine of that name cannot run here, None when it can."""
    try:
        return load_engine(name).why_unavailable()
    except MissingPackageError as error:
        return str(error)


def load_engine(name: str) -> "type[Engine]":
    """The engine's class, its package imported. Raises MissingPackageError and KeyError."""
    engine: type[Engine] = load(name, ENGINES[name])
    return engine
