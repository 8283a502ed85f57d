"""What an import drags in, seen from fresh interpreters."""

import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline
from pipeline.common.adapters import is_installed

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


OPTIONAL = {
    "tensorrt": ("pipeline.engines.tensorrt.build", "pipeline.engines.tensorrt.engine"),
    "cuda": ("pipeline.engines.tensorrt.cuda_slot", "pipeline.engines.tensorrt.engine"),
    "pyvirtualcam": ("pipeline.live.sinks.virtual_camera",),
    "ray": ("pipeline.video.cluster",),
}
"""Packages of extras: their adapters cannot be imported where they are not installed, by design."""


def modules_of_pipeline() -> list[str]:
    left_out = {name for package, names in OPTIONAL.items() if not is_installed(package) for name in names}
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
from pipeline.cli.main import run
code = run({arguments!r})
heavy = [name for name in {HEAVY!r} if name in sys.modules]
assert not heavy, heavy
sys.exit(code)
"""
    ended = run_python(code)
    assert ended.returncode == 0, ended.stderr
    assert "Usage: brushstream" in ended.stdout


def test_the_list_of_commands_loads_none_of_them() -> None:
    code = """
import sys
from pipeline.cli.main import COMMANDS, run
assert run(["--help"]) == 0
loaded = [module for module, _ in COMMANDS.values() if module in sys.modules]
assert not loaded, loaded
"""
    ended = run_python(code)
    assert ended.returncode == 0, ended.stderr


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


BROKEN = {
    "pipeline/video/loop.py": "import torch",
    "pipeline/video/plan.py": "import training.networks",
    "pipeline/live/loop.py": "import pipeline.video.plan",
    "pipeline/stylize/cuts.py": "import pipeline.cli.terminal",
    "pipeline/engines/ort.py": "import openvino",
    "pipeline/bench/service.py": "import cv2",
    "training/feed_forward/data.py": "import pipeline.frame",
    "training/losses/functional.py": "import export",
    "export/parity.py": "import pipeline.video.loop",
    "pipeline/common/latency.py": "from pipeline.video import progress",
}
"""A forbidden import of each kind, by the file it is written into."""


def linted(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", code, "--no-cache"]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=120)


@pytest.mark.slow
def test_each_forbidden_import_is_seen(tmp_path: Path) -> None:
    for package in ("pipeline", "training", "export"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.onnx", "*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    sound = linted(tmp_path)
    assert sound.returncode == 0, sound.stdout
    for file, line in BROKEN.items():
        source = (tmp_path / file).read_text(encoding="utf-8")
        (tmp_path / file).write_text(f"{source}\n\ndef forbidden() -> None:\n    {line}\n", encoding="utf-8")
    told = linted(tmp_path)
    assert told.returncode == 1
    for file, line in BROKEN.items():
        importer, imported = file[:-3].replace("/", "."), line.split()[1]
        assert f"{importer} -> {imported}" in " ".join(told.stdout.split()), told.stdout
