"""How fast a style runs here: frame-to-frame service time, the engine alone, and what the frame round costs.

Service time is uint8 in to uint8 out through the Stylizer. The identity engine in the engine's place
gives the Stylizer's own part. Times of a live camera are another question: ``live_bench``.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.common import machine
from pipeline.common.adapters import installed_version
from pipeline.common.latency import Clock, Distribution, LatencyClock
from pipeline.engines.base import EngineInfo, Precision
from pipeline.frame import Pixels
from pipeline.style import StyleCard, StyleFile
from pipeline.stylize.stylizer import Stylizer

PACKAGES = ("brushstream", "numpy", "opencv-python", "onnx", "onnxruntime", "openvino", "av")
_PICTURES = 8


@dataclass(frozen=True)
class BenchOptions:
    """What to measure.

    Attributes:
        size: (height, width) of the frames.
        frames: measured frames of each kind; a p99 wants 1,000.
        warmup: frames before them, kept apart.
    """

    style: StyleFile
    size: tuple[int, int] = (480, 640)
    engine: str = "auto"
    precision: Precision | None = None
    frames: int = 1000
    warmup: int = 20


@dataclass(frozen=True)
class BenchReport:
    """Milliseconds a frame, and what they were measured on.

    Attributes:
        service: uint8 frame in, uint8 frame out, padding, crop and copies included.
        engine_alone: ``Engine.infer`` on a frame that needs no padding.
        identity: service time with the engine that only copies.
        first_frame_ms: the very first frame after the engine was opened.
        gmacs_per_s: multiply-adds of the network a second of ``engine_alone``'s median, 10^9; None where the
            card does not count them.
        limit_share: that over what the CPU's cores do at most in this precision; None where unknown, and on
            other devices.
        open_ms: opening the engine.
        resident_mb, peak_resident_mb: this process's memory, 10^6 bytes; the peak is None where unknown.
    """

    style: str
    network: str
    size: tuple[int, int]
    engine: str
    frames: int
    warmup: int
    service: Distribution
    engine_alone: Distribution
    identity: Distribution
    gmacs_per_s: float | None
    limit_share: float | None
    open_ms: float
    first_frame_ms: float
    resident_mb: float
    peak_resident_mb: float | None
    machine: dict[str, object]
    versions: dict[str, str]


def run_bench(options: BenchOptions, clock: Clock = time.perf_counter) -> BenchReport:
    """Measure one style on this machine; takes about three frame times a frame.

    Raises:
        ValueError: fewer than 1 frame, or a size below 1.
        EngineError, MissingPackageError: the engine cannot run.
    """
    if options.frames < 1 or options.warmup < 0:
        raise ValueError(f"at least 1 frame and 0 warm-up frames, got {options.frames} and {options.warmup}")
    started = clock()
    with Stylizer(
        options.style, options.size, engine=options.engine, precision=options.precision
    ) as stylizer:
        opened = clock()
        pictures = moving_noise(options.size)
        first_started = clock()
        stylizer(pictures[0])
        first_ms = (clock() - first_started) * 1e3
        service = _measure(stylizer, pictures, options, clock)
        engine_alone = _measure(stylizer.engine.infer, moving_noise(stylizer.engine.size), options, clock)
        resident = machine.resident_mb(), machine.peak_resident_mb()
        engine, info, fed = stylizer.describe(), stylizer.info, stylizer.engine.size
    with Stylizer(options.style, options.size, engine="identity") as bare:
        identity = _measure(bare, pictures, options, clock)
    return BenchReport(
        options.style.card.name, options.style.card.network, options.size, engine,
        options.frames, options.warmup, service, engine_alone, identity,
        *_pace(options.style.card, fed, info, engine_alone.p50),
        (opened - started) * 1e3, first_ms, *resident, machine.describe(), package_versions(),
    )  # fmt: skip


def _pace(
    card: StyleCard, size: tuple[int, int], info: EngineInfo, ms: float
) -> tuple[float | None, float | None]:
    macs_per_s = card.macs_per_pixel * size[0] * size[1] / (ms / 1e3) if ms > 0 else 0.0
    limit = machine.multiply_adds_per_s(info.precision) if info.device == "cpu" else None
    return macs_per_s / 1e9 or None, macs_per_s / limit if limit and macs_per_s else None


def _measure(stylize: Any, pictures: list[Pixels], options: BenchOptions, clock: Clock) -> Distribution:
    times = LatencyClock(warmup=options.warmup, window=options.frames, clock=clock)
    for index in range(options.warmup + options.frames):
        laps = times.begin()
        stylize(pictures[index % len(pictures)])
        laps.lap("stylize")
        times.finish(laps)
    return times.report().total


def moving_noise(size: tuple[int, int], count: int = _PICTURES) -> list[Pixels]:
    """``count`` different frames (H, W, 3) uint8 BGR: a colour gradient with noise, drawn from one seed."""
    height, width = size
    generator = np.random.default_rng(20)
    gradient = np.linspace(0, 160, width, dtype=np.uint8)[np.newaxis, :, np.newaxis]
    return [
        np.asarray(gradient + generator.integers(0, 95, (height, width, 3), np.uint8), np.uint8)
        for _ in range(count)
    ]


def package_versions(names: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Installed version of each distribution; those not installed are left out."""
    return {name: version for name in names if (version := installed_version(name))}
