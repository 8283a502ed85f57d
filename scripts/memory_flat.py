"""Watch a long job: its memory must stay flat, and the disk must hold no more than one segment's frames.

python scripts/memory_flat.py --minutes 10 --style STYLE.onnx

A clip of that length (1280x720, 25 frames a second; one second of scene repeated, so that making it is
quick) goes through the identity engine with the ultrafast preset in a process of its own.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from pipeline.common.machine import resident_mb
from pipeline.frame import Frame
from pipeline.live.sources.synthetic import SyntheticSource
from pipeline.video.segments.journal import work_folder
from pipeline.video.writing.encoding import Encoding
from pipeline.video.writing.recording import VideoFileSink

SETTLED_S = 60.0
ALLOWED_MB = 30.0
_JOB = """
import sys
from pathlib import Path
from pipeline.video.job import run_video
from pipeline.video.options import VideoOptions
run_video(VideoOptions(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], engine="identity",
                       preset="ultrafast"))
"""


def make_clip(path: Path, seconds: float, size: tuple[int, int]) -> None:
    """A second of moving scene, again and again, for so many seconds."""
    with SyntheticSource(size, 25, 25) as source:
        second = [frame.pixels for frame in source]
        with VideoFileSink(path, encoding=Encoding(preset="ultrafast", crf=28)) as sink:
            sink.open(source.info)
            for index in range(round(seconds * 25)):
                sink.write(Frame(second[index % 25], index, 0.0, Fraction(index, 25)))
            sink.finish()


def watch(clip: Path, output: Path, style: Path) -> tuple[list[tuple[float, float]], float]:
    """Run the job; return (seconds, MB) ten times a second, and the largest loose file in MB."""
    job = subprocess.Popen([sys.executable, "-c", _JOB, str(clip), str(output), str(style)])
    began_at, seen, loose_mb = time.monotonic(), list[tuple[float, float]](), 0.0
    while job.poll() is None:
        seen.append((time.monotonic() - began_at, resident_mb(job.pid)))
        for path in work_folder(output).glob("*.tmp"):
            loose_mb = max(loose_mb, path.stat().st_size / 1e6 if path.exists() else 0.0)
        time.sleep(0.1)
    assert job.returncode == 0, f"the job ended with {job.returncode}"
    return seen, loose_mb


def growth(seen: Sequence[tuple[float, float]], after_s: float) -> tuple[float, float]:
    """(settled, highest) MB: the median of five seconds from ``after_s`` on, and the most after that.

    At the end, when the engine is closed and the segments are put together, memory falls; that is no fault.
    """
    later = [(at, memory) for at, memory in seen if at >= after_s]
    early = [memory for at, memory in later if at < after_s + 5.0]
    return statistics.median(early), max(memory for _, memory in later)


def main(arguments: Sequence[str]) -> int:
    """Print the figures; 0 when memory stayed flat."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--settled", type=float, default=SETTLED_S, help="seconds before memory must be flat")
    parser.add_argument("--style", type=Path, required=True, help="any style file; the identity engine runs")
    wanted = parser.parse_args(arguments)
    width, height = map(int, wanted.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        clip, output = Path(folder) / "clip.mp4", Path(folder) / "out.mp4"
        make_clip(clip, wanted.minutes * 60, (height, width))
        seen, loose_mb = watch(clip, output, wanted.style)
    after_s = min(wanted.settled, seen[-1][0] / 4)
    settled, highest = growth(seen, after_s)
    print(
        f"{wanted.minutes:g} minutes of {wanted.size} in {seen[-1][0]:.0f} s: {settled:.0f} MB resident "
        f"after the first {after_s:.0f} s, {highest:.0f} MB at most from then on, "
        f"{highest - settled:.0f} MB more ({ALLOWED_MB:.0f} allowed); "
        f"unfinished segment at most {loose_mb:.1f} MB"
    )
    return int(highest - settled > ALLOWED_MB)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
