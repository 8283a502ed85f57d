"""What this machine is: CPU name and features, cores, what this process takes."""

import os
import platform
import sys
from functools import cache
from pathlib import Path

import psutil

_CPUINFO = Path("/proc/cpuinfo")
_STATUS = Path("/proc/self/status")
NAMED_FEATURES = (
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_bf16",
    "amx_int8",
)


@cache
def _cpuinfo() -> dict[str, str]:
    if not _CPUINFO.exists():
        return {}
    first_cpu = _CPUINFO.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    pairs = (line.partition(":") for line in first_cpu.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def cpu_name() -> str:
    """The CPU's name as the system gives it."""
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def cpu_features() -> tuple[str, ...] | None:
    """Those of NAMED_FEATURES that the CPU has, or None where the system does not tell."""
    flags = _cpuinfo().get("flags")
    if flags is None:
        return None
    present = set(flags.split())
    return tuple(name for name in NAMED_FEATURES if name in present)


def has_bf16() -> bool | None:
    """Whether the CPU itself computes in bfloat16, or None where the system does not tell."""
    features = cpu_features()
    return None if features is None else not {"amx_bf16", "avx512_bf16"}.isdisjoint(features)


def has_vnni() -> bool:
    """Whether the CPU multiplies bytes four at a time; False where the system does not tell."""
    return not {"avx_vnni", "avx512_vnni"}.isdisjoint(cpu_features() or ())


MULTIPLY_ADDS = {  # a cycle and core, of the widest unit first
    "fp32": {"avx512f": 32, "avx2": 16},
    "bf16": {"amx_bf16": 512, "avx512_bf16": 64},
    "int8": {"amx_int8": 1024, "avx512_vnni": 128, "avx_vnni": 64},
}
"""What Intel's and AMD's cores with two such units do at most; many have one for AVX-512, and half of it."""


def multiply_adds_per_s(precision: str) -> float | None:
    """How many this process's cores do at most at the clock that the system tells; None where unknown."""
    units = MULTIPLY_ADDS.get(precision, {})
    width = next((width for name, width in units.items() if name in (cpu_features() or ())), None)
    clock = psutil.cpu_freq()
    if width is None or clock is None:
        return None
    return float(width * usable_cores() * (clock.max or clock.current) * 1e6)


def usable_cores() -> int:
    """Logical cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def is_overloaded() -> bool:
    """Whether more wanted to run in the last minute than there are cores: times taken now are too long."""
    return bool(psutil.getloadavg()[0] > (os.cpu_count() or 1))


def core_shares() -> list[float]:
    """Share of the time since the last call that each usable core worked, 0..1, for every program."""
    shares = [percent / 100 for percent in psutil.cpu_percent(percpu=True)]
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(shares))
    return [share for core, share in enumerate(shares) if core in usable]


def resident_mb(process: int | None = None) -> float:
    """Resident memory in MB (10^6 bytes) of a process, this one where none is named.

    Raises:
        psutil.NoSuchProcess: it has ended.
    """
    return float(psutil.Process(process).memory_info().rss / 1e6)


def peak_resident_mb() -> float | None:
    """The most resident memory this process ever had, in MB; None where the system does not tell."""
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset / 1e6)
    if not _STATUS.exists():
        return None
    lines = _STATUS.read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:")), None)


def thread_count() -> int:
    """Threads of this process, those of its engines too."""
    return int(psutil.Process().num_threads())


def handle_count() -> int:
    """Open files and sockets of this process; on Windows every handle."""
    process = psutil.Process()
    return int(process.num_handles() if sys.platform == "win32" else process.num_fds())


def describe() -> dict[str, object]:
    """The machine for a report: system, CPU, cores, features, Python."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "cpu": cpu_name(),
        "cores": usable_cores(),
        "cpu_features": cpu_features(),
        "python": sys.version.split()[0],
    }
