"""Whether TensorRT can run here, one finding a line, each with its cure. Imports nothing of NVIDIA's.

The findings stand without the packages they speak of: the driver is read from the system, versions from
the installed distributions. Only whether CUDA really opens the GPU is left to the engine itself.
"""

import shutil
import subprocess
from pathlib import Path

from pipeline.common.adapters import installed_version, is_installed
from pipeline.engines import registry
from pipeline.engines.tensorrt.rules import NEWEST_SEEN, parse_version, why_version_unfit

DRIVER_FILE = Path("/proc/driver/nvidia/version")
GET_DRIVER = "install NVIDIA's driver (https://www.nvidia.com/drivers), then run this again"
GET_PACKAGE = "pip install 'brushstream[tensorrt]'"
_ASK_TIMEOUT_S = 10


def tensorrt_lines() -> tuple[tuple[str, str], ...]:
    """(what, finding) for driver, GPU, packages, version, and the verdict."""
    return (
        ("NVIDIA driver", _driver()),
        ("CUDA GPU", _gpu()),
        ("package tensorrt", _package("tensorrt", "tensorrt")),
        ("package cuda-python", _package("cuda-python", "cuda")),
        ("TensorRT version", _version()),
        ("so TensorRT", _verdict()),
    )


def _driver() -> str:
    if DRIVER_FILE.exists():
        return DRIVER_FILE.read_text(encoding="utf-8", errors="replace").splitlines()[0].strip()
    if shutil.which("nvidia-smi"):
        return _ask_driver("driver_version")
    return f"none found; {GET_DRIVER}"


def _gpu() -> str:
    if not shutil.which("nvidia-smi"):
        return f"none to be seen without a driver; {GET_DRIVER}"
    return _ask_driver("name,compute_cap,memory.total")


def _ask_driver(fields: str) -> str:
    """What ``nvidia-smi`` says of the GPUs, on one line."""
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=_ASK_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"nvidia-smi gives no answer ({error}); reinstall the driver"
    said = "; ".join(line.strip() for line in asked.stdout.splitlines() if line.strip())
    if asked.returncode != 0 or not said:
        reason = said or asked.stderr.strip() or f"exit code {asked.returncode}"
        return f"nvidia-smi finds none ({' '.join(reason.split())}); {GET_DRIVER}"
    return said


def _package(distribution: str, module: str) -> str:
    if not is_installed(module):
        return f"not installed: {GET_PACKAGE}"
    return version_of(distribution) or "installed, version unknown"


def version_of(distribution: str) -> str | None:
    """The version of a distribution, or of one that stands for it; None where none is installed."""
    variants = {"cuda-python": ("cuda-bindings",), "tensorrt": ("tensorrt-cu13", "tensorrt-cu12")}
    found = map(installed_version, (distribution, *variants.get(distribution, ())))
    return next(filter(None, found), None)


def _version() -> str:
    version = version_of("tensorrt")
    if version is None:
        return f"8.6, 10 or 11 is needed: {GET_PACKAGE}"
    unfit = why_version_unfit(version)
    if unfit is None and parse_version(version)[0] > NEWEST_SEEN:
        return f"{version} is newer than any this version of Brushstream was written for; it is tried"
    return unfit or f"{version} is fit"


def _verdict() -> str:
    if "tensorrt" not in registry.ENGINES:
        return "is not among the engines"
    reason = registry.why_unavailable("tensorrt")
    return "will be used by --engine auto" if reason is None else f"will not be used: {reason}"
