"""Who may import whom, read from the source without importing it.

``pipeline`` imports neither ``training`` nor ``export``; ``training`` imports neither of the others;
``export`` imports ``training`` and of ``pipeline`` only what opens, runs and times a style. A heavy package
is imported only in the files that adapt it.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PARTS = ("pipeline", "training", "export")
FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    "pipeline": ("training", "export", "torch", "torchvision", "scripts", "tests"),
    "training": ("pipeline", "export", "scripts", "tests"),
    "export": ("scripts", "tests"),
}
EXPORT_MAY_USE = (
    "pipeline.style",
    "pipeline.engines",
    "pipeline.frame",
    "pipeline.errors",
    "pipeline.registry",
    "pipeline.api",  # evaluation paints frames of any size,
    "pipeline.bench",  # and times it
)

ADAPTERS: Mapping[str, tuple[str, ...]] = {  # heavy package -> files of pipeline that may import it
    "openvino": ("pipeline/engines/ov.py", "pipeline/int8_build.py"),
    "nncf": ("pipeline/int8_build.py",),
    "onnxruntime": ("pipeline/engines/ort.py",),
    "tensorrt": ("pipeline/engines/trt.py", "pipeline/engines/trt_build.py"),
    "cuda": ("pipeline/engines/cuda_slot.py",),
    "pyvirtualcam": ("pipeline/sinks/virtual_camera.py",),
    "onnx": ("pipeline/style.py", "pipeline/engines/half.py"),
    "av": ("pipeline/sources/", "pipeline/sinks/", "pipeline/video_color.py"),
    "cv2": (
        "pipeline/stylizer.py",
        "pipeline/sources/",
        "pipeline/sinks/",
        "pipeline/contact_sheet.py",
        "pipeline/image_job.py",
        "pipeline/hud.py",
        "pipeline/latency_plot.py",
        "pipeline/painter.py",
        "pipeline/steady.py",
        "pipeline/look.py",
        "pipeline/cuts.py",
    ),
    "ray": ("pipeline/cluster.py",),
    "typer": (
        "pipeline/cli.py",
        "pipeline/cli_options.py",
        "pipeline/about_cli.py",
        "pipeline/file_cli.py",
        "pipeline/video_cli.py",
        "pipeline/live_cli.py",
    ),
    "rich": ("pipeline/cli.py", "pipeline/terminal.py"),
}
BEHIND_THE_CLI = ("pipeline.terminal", *(name[:-3].replace("/", ".") for name in ADAPTERS["typer"]))


@dataclass(frozen=True)
class Import:
    """One import statement: in which file and line, of which dotted module."""

    file: str
    line: int
    module: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: imports {self.module}"


def broken_arrows(root: Path) -> list[str]:
    """One line for every import under ``root`` that the design forbids; empty when all is well."""
    return [
        f"{found}, {reason}"
        for part in PARTS
        for path in sorted((root / part).rglob("*.py"))
        for found in imports_of(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
        for reason in reasons_against(found)
    ]


def imports_of(source: str, file: str) -> Iterator[Import]:
    """Every import in a source text, wherever it stands; those for type checkers alone are left out."""
    tree = ast.parse(source, file)
    typing_only = {
        id(node) for guarded in ast.walk(tree) if _is_typing_guard(guarded) for node in ast.walk(guarded)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (Import(file, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (Import(file, node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import(file, node.lineno, "." * node.level + (node.module or ""))


def _is_typing_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def reasons_against(found: Import) -> Iterator[str]:
    """Why an import is forbidden; nothing when it is not."""
    part, top = found.file.split("/")[0], found.module.split(".")[0]
    if found.module.startswith("."):
        yield "relative imports hide the arrow; write the full name"
    if top in FORBIDDEN[part]:
        yield f"but {part} must not import {top}"
    if part == "export" and top == "pipeline" and not _within(found.module, EXPORT_MAY_USE):
        yield f"but export may use of pipeline only {', '.join(EXPORT_MAY_USE)}"
    if part == "pipeline" and top in ADAPTERS and not found.file.startswith(ADAPTERS[top]):
        yield f"which belongs to {', '.join(ADAPTERS[top])} alone"
    if part == "pipeline" and _within(found.module, BEHIND_THE_CLI) and found.file not in ADAPTERS["typer"]:
        yield "but only the command's own modules print"


def _within(module: str, allowed: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in allowed)
