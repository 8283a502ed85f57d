"""Train, export and file a whole gallery of styles: one command a painting, in turn or side by side.

python scripts/train_gallery.py --paintings DIR --photos DIR -o OUT [--styles a,b] [--fast a,b,c]
    [--int8] [--side-by-side 2] [--init-from STYLE.onnx] [--minutes N] [-- OPTIONS OF `brushstream train`]

Every style ends as OUT/NAME.onnx (OUT/fast/NAME.onnx of the smaller network for those in --fast), with
the checkpoint and the log of its training beside it. What is there already is left alone and what was
interrupted goes on, so the same command continues a gallery; --minutes ends it in time, with states to
go on from. A style named in --goals NAME=0.35,... gets a content goal of its own.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FAST_NETWORK = "hourglass-40"
COMMAND = (sys.executable, "-c", "from pipeline.cli.main import main; main()")


@dataclass(frozen=True)
class Job:
    """One style at one quality."""

    painting: Path
    fast: bool
    folder: Path
    goal: str | None

    @property
    def style_file(self) -> Path:
        return self.folder / ("fast" if self.fast else "") / f"{self.painting.stem}.onnx"

    @property
    def checkpoint(self) -> Path:
        return self.style_file.with_suffix(".safetensors")

    def train_command(self, options: argparse.Namespace) -> list[str]:
        command = [*COMMAND, "train", str(self.painting), "--photos", str(options.photos)]
        command += ["-o", str(self.checkpoint), *options.rest]
        command += ["--network", FAST_NETWORK] if self.fast else []
        command += ["--content-goal", self.goal] if self.goal else []
        if options.init_from and not self.fast:
            command += ["--init-from", str(options.init_from)]
        return command


def plan(options: argparse.Namespace) -> list[Job]:
    """Every style to make, the default network of all of them before the fast ones."""
    paintings = {p.stem: p for p in sorted(options.paintings.iterdir()) if p.suffix in (".jpg", ".png")}
    names = options.styles.split(",") if options.styles else list(paintings)
    fast = options.fast.split(",") if options.fast else []
    absent = [name for name in {*names, *fast} if name not in paintings]
    if absent:
        raise SystemExit(f"{options.paintings} has no painting named {', '.join(sorted(absent))}")
    goals = dict(pair.split("=") for pair in options.goals.split(",")) if options.goals else {}
    return [
        Job(paintings[name], quick, options.output, goals.get(name))
        for chosen, quick in ((names, False), (fast, True))
        for name in chosen
    ]


def make(job: Job, options: argparse.Namespace, until: float) -> str:
    """Train and export one style; a line that says what came of it."""
    if job.style_file.exists():
        return f"{job.style_file}: there already"
    job.style_file.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    if not job.checkpoint.exists():
        if began >= until:
            return f"{job.style_file}: not begun, the time was up"
        with job.checkpoint.with_suffix(".log").open("a", encoding="utf-8") as log:
            ended = _run_until(job.train_command(options), log.fileno(), until)
        if ended == 130:
            return f"{job.style_file}: stopped in time; the same command goes on"
        if ended:
            return f"{job.style_file}: FAILED with exit code {ended}; see {job.checkpoint.stem}.log"
    exported = [*COMMAND, "export", str(job.checkpoint), "-o", str(job.style_file)]
    exported += ["--photos", str(options.photos)] if options.int8 else []
    shown = subprocess.run(exported, cwd=ROOT, capture_output=True, text=True, check=False)
    if shown.returncode:
        return f"{job.style_file}: FAILED to export: {shown.stderr.strip()}"
    return f"{job.style_file}: made in {(time.monotonic() - began) / 60:.1f} minutes"


def _run_until(command: list[str], log: int, until: float) -> int:
    with subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) as process:
        try:
            return process.wait(timeout=max(1.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            return process.wait(timeout=120)


def main(arguments: list[str]) -> int:
    """0 when every style is there, 1 when one failed or was left for another time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--styles", help="names, with commas between; default all")
    parser.add_argument("--fast", help="names that get a fast network too")
    parser.add_argument("--goals", help="NAME=CONTENT_GOAL,...")
    parser.add_argument("--init-from", type=Path, help="style file the default networks start from")
    parser.add_argument("--int8", action="store_true", help="add int8 graphs (extra int8)")
    parser.add_argument("--side-by-side", type=int, default=1, help="trainings at once")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop in time, to go on later")
    split = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser.parse_args(arguments[:split])
    options.rest = arguments[split + 1 :]
    until = time.monotonic() + 60 * options.minutes
    jobs = plan(options)
    if options.side_by_side > 1:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // options.side_by_side)))
    with ThreadPoolExecutor(options.side_by_side) as pool:
        for line in pool.map(lambda job: make(job, options, until), jobs):
            print(line, flush=True)
    return 0 if all(job.style_file.exists() for job in jobs) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
