"""Brushstream beside its peers: one frame in, one frame out, paired and interleaved.

    python scripts/bench_peers.py --rounds 30 --json peers.json
    python scripts/bench_peers.py --size 1280x720 --rounds 10 same-onnxruntime johnson-compile
    python scripts/bench_peers.py --networks    # both sizes; our networks beside others', and held to AVX2

The peers are in ``scripts/peers.py``: ours, the same network in other runtimes, and the network that other
projects run by default.

Every peer lives in a process of its own, for threads of an idle runtime slow their neighbour down. Only
one works at a time: A B A B, with a pause between turns in which spinning threads fall asleep. The ratio
is taken round by round, so what slows the machine for a while slows both sides of it.
"""

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from pipeline.bench.service import moving_noise, package_versions  # noqa: E402
from pipeline.cli.options import parse_size  # noqa: E402
from pipeline.common import machine  # noqa: E402 - the repository is no package on the path
from pipeline.common.reports import write_json  # noqa: E402
from pipeline.frame import Pixels  # noqa: E402
from scripts.peers import MAGENTA_PACKAGE, NETWORKS, OURS, PEERS, Stylize  # noqa: E402

NETWORK_SIZES = ("640x480", "1280x720")
VERSIONS = ("brushstream", "numpy", "openvino", "onnxruntime", "torch", "opencv-python", "tensorrt")


class Worker:
    """A peer in its own process; asleep on its standard input unless it is its turn."""

    def __init__(self, name: str, size_text: str, style: str) -> None:
        command = [
            sys.executable,
            str(Path(__file__)),
            "--work-as",
            name,
            "--size",
            size_text,
            "--style",
            style,
        ]
        self.name = name
        environment = {**os.environ, **PEERS[name].environment}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.about: dict[str, Any] = self._answer()

    def turn(self, frames: int) -> list[float]:
        """Milliseconds of each of ``frames`` frames, run now."""
        _pipe(self._process.stdin).write(f"{frames}\n")
        _pipe(self._process.stdin).flush()
        times: list[float] = self._answer()["ms"]
        return times

    def _answer(self) -> dict[str, Any]:
        line = _pipe(self._process.stdout).readline()
        if not line:
            raise SystemExit(
                f"peer {self.name} ended early with code {self._process.wait()}; see its message above"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End of its input ends the worker."""
        _pipe(self._process.stdin).close()
        self._process.wait()
        _pipe(self._process.stdout).close()


def _pipe(end: IO[str] | None) -> IO[str]:
    assert end is not None, "workers are started with pipes"
    return end


def work_as(name: str, size: tuple[int, int], style: str) -> None:
    """The worker's side: open the peer, then run as many frames as each line says."""
    pictures = moving_noise(size)
    stylize = PEERS[name].open(size, style)
    for picture in pictures[:3]:
        check(stylize(picture), picture)
    _reply({"warm": True, "resident_mb": machine.resident_mb()})
    for line in sys.stdin:
        _reply({"ms": [_timed(stylize, pictures[i % len(pictures)]) for i in range(int(line))]})


def check(result: Pixels, picture: Pixels) -> None:
    """A peer must give back a frame of the same size and type."""
    if result.shape != picture.shape or result.dtype != picture.dtype:
        raise SystemExit(f"wanted {picture.dtype} {picture.shape}, got {result.dtype} {result.shape}")


def _timed(stylize: Stylize, picture: Pixels) -> float:
    started = time.perf_counter()
    stylize(picture)
    return (time.perf_counter() - started) * 1e3


def _reply(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


def run_rounds(workers: Sequence[Worker], rounds: int, frames: int, pause_s: float) -> dict[str, list[float]]:
    """Median milliseconds of each worker's turn, round by round."""
    times: dict[str, list[float]] = {worker.name: [] for worker in workers}
    for index in range(rounds):
        for worker in workers:
            time.sleep(pause_s)
            times[worker.name].append(statistics.median(worker.turn(frames)))
        print(f"\rround {index + 1}/{rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return times


def paired_ratio(ours: Sequence[float], theirs: Sequence[float], draws: int = 2000) -> dict[str, float]:
    """Median of theirs / ours over the rounds, with a 95 % bootstrap interval (fixed seed)."""
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    generator = random.Random(7)
    medians = sorted(statistics.median(generator.choices(ratios, k=len(ratios))) for _ in range(draws))
    return {
        "median": statistics.median(ratios),
        "low": medians[int(0.025 * draws)],
        "high": medians[int(0.975 * draws) - 1],
    }


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Start every peer, run the rounds, put the figures together."""
    workers: list[Worker] = []
    try:
        for name in (OURS, *arguments.peers):
            workers.append(Worker(name, arguments.size, arguments.style))
        times = run_rounds(workers, arguments.rounds, arguments.frames, arguments.pause_ms / 1e3)
    finally:
        for worker in workers:
            worker.close()
    return {
        "size_wh": arguments.size,
        "style": arguments.style,
        "rounds": arguments.rounds,
        "frames_a_turn": arguments.frames,
        "peers": {
            w.name: {**_figures(times, w.name), "resident_mb": w.about["resident_mb"]} for w in workers
        },
        "machine": machine.describe(),
        "versions": package_versions(VERSIONS),
    }


def _figures(times: dict[str, list[float]], name: str) -> dict[str, Any]:
    beside = PEERS[name].beside if PEERS[name].beside in times else OURS
    ratio = None if name == OURS else paired_ratio(times[beside], times[name])
    return {
        "description": PEERS[name].description,
        "median_ms": statistics.median(times[name]),
        "turns_ms": times[name],
        "times_slower": ratio,
        "beside": beside,
    }


def table(report: dict[str, Any]) -> str:
    """The report as lines to read."""
    rounds = f"{report['rounds']} rounds of {report['frames_a_turn']}"
    lines = [f"{report['size_wh']}, style {report['style']}, {rounds}"]
    for name, peer in report["peers"].items():
        ratio = peer["times_slower"]
        versus = (
            f"  x{ratio['median']:.2f} {peer['beside']} (95 %: {ratio['low']:.2f} .. {ratio['high']:.2f})"
            if ratio
            else ""
        )
        lines.append(f"{name:20}{peer['median_ms']:9.2f} ms{versus}  {peer['description']}")
    described = report["machine"]
    lines.append(
        f"{described['cpu']}, {described['cores']} cores, {', '.join(described['cpu_features'] or ())}"
    )
    return "\n".join(lines)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    others = [name for name in PEERS if name != OURS]
    usual = [name for name in others if name not in NETWORKS or name.startswith("johnson")]
    parser.add_argument("peers", nargs="*", default=usual, metavar="PEER", help=f"of {', '.join(others)}")
    parser.add_argument("--networks", action="store_true", help=f"{', '.join(NETWORKS)} at both sizes")
    parser.add_argument("--no-peers", action="store_true", help="Brushstream alone")
    parser.add_argument("--size", default="640x480", metavar="WxH")
    parser.add_argument("--style", default="starry-night", help="name or path of a style")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--frames", type=int, default=3, help="frames a turn; its median counts")
    parser.add_argument("--pause-ms", type=float, default=50.0, help="before each turn")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    parser.add_argument("--work-as", choices=list(PEERS), help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.peers) - set(others):
        parser.error(f"no peer is called {', '.join(sorted(unknown))}; choose from {', '.join(others)}")
    chosen.peers = [] if chosen.no_peers else chosen.peers
    if chosen.rounds < 1 or chosen.frames < 1:
        parser.error("at least 1 round of 1 frame")
    return chosen


def main(arguments: Sequence[str]) -> None:
    """Compare, or work for the one who does."""
    chosen = parsed(arguments)
    if chosen.work_as:
        work_as(chosen.work_as, parse_size(chosen.size), chosen.style)
        return
    if chosen.networks:
        there = importlib.util.find_spec(MAGENTA_PACKAGE) is not None
        chosen.peers = [name for name in NETWORKS if there or not name.startswith("magenta")]
    reports = []
    for size in NETWORK_SIZES if chosen.networks else (chosen.size,):
        reports.append(compare(argparse.Namespace(**{**vars(chosen), "size": size})))
        print(table(reports[-1]), flush=True)
    if chosen.json:
        write_json(chosen.json, reports if chosen.networks else reports[0], indent=2)


if __name__ == "__main__":
    main(sys.argv[1:])
