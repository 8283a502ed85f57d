"""What is installed here, what the CPU can do, which engine will run and why not the others."""

from dataclasses import dataclass
from typing import Any

from pipeline import style
from pipeline.common import machine
from pipeline.common.adapters import installed_version
from pipeline.common.errors import BrushstreamError
from pipeline.engines import registry
from pipeline.engines.tensorrt.findings import tensorrt_lines
from pipeline.live.sinks.window import why_no_display

PACKAGES = {  # distribution -> extra that brings it, empty for the base install
    "brushstream": "",
    "numpy": "",
    "opencv-python": "",
    "av": "",
    "onnx": "",
    "onnxruntime": "",
    "openvino": "",
    "torch": "train",
    "torchvision": "train",
    "safetensors": "train",
    "nncf": "int8",
    "tensorrt": "tensorrt",
    "pyvirtualcam": "virtual-camera",
}


@dataclass(frozen=True)
class Package:
    """One distribution: its version, or None and the extra that brings it."""

    name: str
    version: str | None
    extra: str

    @property
    def cure(self) -> str:
        """The command that installs it."""
        return f"pip install 'brushstream[{self.extra}]'" if self.extra else "pip install brushstream"


@dataclass(frozen=True)
class Findings:
    """The examination's result.

    Attributes:
        engines: (name, None where it can run or else one line why not), in ``auto``'s order.
        chosen: the engine ``auto`` takes, None where none can run.
        problems: what keeps Brushstream from its main job, one line each; empty when all is well.
        display: a window can be shown.
        tensorrt: (what, finding) why TensorRT will or will not run: driver, GPU, packages, version.
    """

    machine: dict[str, object]
    packages: tuple[Package, ...]
    engines: tuple[tuple[str, str | None], ...]
    chosen: str | None
    styles: tuple[str, ...]
    user_styles: str
    display: bool
    problems: tuple[str, ...]
    tensorrt: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values only, for JSON."""
        return {
            **{
                name: getattr(self, name)
                for name in ("machine", "chosen", "styles", "user_styles", "display")
            },
            "packages": {p.name: p.version for p in self.packages},
            "engines": dict(self.engines),
            "tensorrt": dict(self.tensorrt),
            "problems": self.problems,
        }


def examine() -> Findings:
    """Look at packages, CPU, engines and styles. Raises nothing: what is wrong is in ``problems``."""
    problems: list[str] = []
    packages = tuple(Package(name, installed_version(name), extra) for name, extra in PACKAGES.items())
    problems += [
        f"{p.name} is not installed: {p.cure}" for p in packages if p.version is None and not p.extra
    ]
    engines = tuple((name, registry.why_unavailable(name)) for name in registry.ENGINES)
    styles = style.list_styles(on_damaged=lambda error: problems.append(str(error)))
    if not styles:
        problems.append(f"no style found in {style.bundled_folder()} or {style.user_folder()}")
    return Findings(
        machine=machine.describe(),
        packages=packages,
        engines=engines,
        chosen=_chosen(problems),
        styles=tuple(s.card.name for s in styles),
        user_styles=str(style.user_folder()),
        display=why_no_display() is None,
        problems=tuple(problems),
        tensorrt=tensorrt_lines(),
    )


def _chosen(problems: list[str]) -> str | None:
    try:
        return registry.select_engine("auto").name
    except BrushstreamError as error:
        problems.append(str(error))
        return None
