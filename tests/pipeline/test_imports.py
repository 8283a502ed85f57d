"""What an import drags in, seen from fresh interpreters."""

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline
from pipeline.registry import is_installed
from scripts.arrows import ADAPTERS, broken_arrows, imports_of, reasons_against

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("numpy", "cv2", "av", "onnx", "onnxruntime", "openvino", "torch", "rich", "pipeline.style")
REFUSE_TORCH = """
import importlib.abc, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "training", "export"):
            raise AssertionError(f"{name} was imported")

sys.meta_path.insert(0, Refuse())
"""


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=120
    )


OPTIONAL = ("tensorrt", "cuda", "nncf", "pyvirtualcam", "ray")
"""Packages of extras; an adapter of one that is not installed cannot be imported, by design."""


def modules_of_pipeline() -> list[str]:
    absent = [
        files for package, files in ADAPTERS.items() if package in OPTIONAL and not is_installed(package)
    ]
    left_out = {file.removesuffix(".py").replace("/", ".") for files in absent for file in files}
    left_out |= {"pipeline.engines.trt"} if absent else set()  # imports all of them
    names = [m.name for m in pkgutil.walk_packages(pipeline.__path__, "pipeline.")]
    return [name for name in names if name not in left_out]


def test_no_pipeline_module_loads_torch_or_the_other_parts() -> None:
    names = modules_of_pipeline()
    assert "pipeline.engines.ov" in names
    ended = run_python(
        REFUSE_TORCH + f"import importlib\nfor name in {names!r}: importlib.import_module(name)"
    )
    assert ended.returncode == 0, ended.stderr


def test_the_refusal_works() -> None:
    ended = run_python(REFUSE_TORCH + "import torch")
    assert "torch was imported" in ended.stderr


@pytest.mark.parametrize(
    "arguments", [["--help"], ["video", "--help"], ["bench", "--help"], ["webcam", "--help"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import sys
from pipeline.cli import run
code = run({arguments!r})
heavy = [name for name in {HEAVY!r} if name in sys.modules]
assert not heavy, heavy
sys.exit(code)
"""
    ended = run_python(code)
    assert ended.returncode == 0, ended.stderr
    assert "Usage: brushstream" in ended.stdout


def test_import_pipeline_is_free() -> None:
    ended = run_python(f"import sys, pipeline\nassert not [n for n in {HEAVY!r} if n in sys.modules]")
    assert ended.returncode == 0, ended.stderr


def test_openvino_reports_to_nobody() -> None:
    code = (
        "import sys, threading, pipeline.engines.ov\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert 'openvino_telemetry.main' not in sys.modules"
    )
    ended = run_python(code)
    assert ended.returncode == 0, ended.stderr


def test_the_arrows_hold() -> None:
    assert broken_arrows(ROOT) == []


@pytest.mark.parametrize(
    ("file", "source", "reason"),
    [
        ("pipeline/loop.py", "import torch", "pipeline must not import torch"),
        ("pipeline/loop.py", "def f():\n    from training import networks", "must not import training"),
        ("pipeline/loop.py", "import cv2", "belongs to pipeline/stylizer.py"),
        ("pipeline/engines/ort.py", "import openvino as ov", "belongs to pipeline/engines/ov.py"),
        ("pipeline/loop.py", "from pipeline import terminal", "only the command's own modules print"),
        ("pipeline/loop.py", "from . import frame", "relative imports"),
        ("training/data.py", "from pipeline.frame import Frame", "training must not import pipeline"),
        ("training/data.py", "import export", "training must not import export"),
        ("export/parity.py", "from pipeline.loop import run_file", "export may use of pipeline only"),
    ],
)
def test_each_forbidden_import_is_seen(file: str, source: str, reason: str) -> None:
    (found,) = imports_of(source, file)
    assert any(reason in against for against in reasons_against(found))


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("pipeline/engines/ov.py", "import openvino"),
        ("pipeline/loop.py", "from pipeline.frame import Frame"),
        ("export/parity.py", "from pipeline.engines.base import Engine"),
        ("export/to_onnx.py", "from training import networks"),
        ("training/data.py", "import torch"),
    ],
)
def test_each_wanted_import_passes(file: str, source: str) -> None:
    assert [list(reasons_against(found)) for found in imports_of(source, file)] == [[]]


def test_imports_for_type_checkers_are_no_arrows() -> None:
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch"
    assert [found.module for found in imports_of(source, "pipeline/loop.py")] == ["typing.TYPE_CHECKING"]
