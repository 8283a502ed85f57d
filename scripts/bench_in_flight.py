"""Whether a second and a third frame in flight make a file faster: interleaved blocks, paired ratios.

python scripts/bench_in_flight.py --style starry-night --size 640x480 --rounds 20
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from pipeline.bench.service import moving_noise  # noqa: E402 - the repository is no package on the path
from pipeline.cli.options import parse_size  # noqa: E402
from pipeline.frame import Pixels  # noqa: E402
from pipeline.style import find_style  # noqa: E402
from pipeline.stylize.stylizer import Stylizer  # noqa: E402
from scripts.bench_peers import paired_ratio  # noqa: E402

IN_FLIGHT = (1, 2, 3)


def ms_a_frame(stylizer: Stylizer, frames: Sequence[Pixels], count: int) -> float:
    """Milliseconds a frame over ``count`` frames, with as many in flight as the stylizer has slots."""
    started, waiting = time.perf_counter(), 0
    for index in range(count):
        if waiting == stylizer.slots:
            stylizer.collect()
            waiting -= 1
        stylizer.submit(frames[index % len(frames)])
        waiting += 1
    for _ in range(waiting):
        stylizer.collect()
    return (time.perf_counter() - started) / count * 1e3


def main(arguments: Sequence[str]) -> None:
    """Measure and print one line for each number of frames in flight."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--style", default="starry-night")
    parser.add_argument("--size", default="640x480", metavar="WxH")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--frames", type=int, default=20, help="a block")
    chosen = parser.parse_args(arguments)
    size = parse_size(chosen.size)
    style, frames = find_style(chosen.style), moving_noise(size)
    stylizers = {n: Stylizer(style, size, engine=chosen.engine, in_flight=n) for n in IN_FLIGHT}
    times: dict[int, list[float]] = {n: [] for n in IN_FLIGHT}
    for _ in range(chosen.rounds + 1):  # the first warms up
        for n, stylizer in stylizers.items():
            times[n].append(ms_a_frame(stylizer, frames, chosen.frames))
    for n in IN_FLIGHT:
        faster = paired_ratio(times[n][1:], times[1][1:])
        print(
            f"{n} in flight: {statistics.median(times[n][1:]):.2f} ms a frame, x{faster['median']:.2f} as "
            f"fast as one (95 %: {faster['low']:.2f} .. {faster['high']:.2f})"
        )
        stylizers[n].close()


if __name__ == "__main__":
    main(sys.argv[1:])
