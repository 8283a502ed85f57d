"""Feed damaged and hostile files to the video command: no crash, no hang, no half result.

python scripts/mutate_inputs.py --count 500 --seed 1 --style STYLE.onnx

Every mutation of a small real clip (cut off, flipped bits, wrong extension, empty, hostile header numbers,
spliced containers) runs in a process of its own, with a time limit, forked from one that has loaded
everything and run no thread yet. It may end with a result (exit code 0, or 10 with a warning) or with
exactly one line that names the file (3); a result must decode whole.
"""

import argparse
import collections
import multiprocessing
import os
import random
import struct
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from pipeline.cli.main import run as run_command

LIMIT_S = 30.0
_FAST = ("--engine", "identity", "--preset", "ultrafast")
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["pipeline.cli.main", "pipeline.video.job", "pipeline.cli.terminal", "pipeline.stylize.steady"]
)
Mutation = Callable[[bytes, random.Random], bytes]


def cut_off(data: bytes, dice: random.Random) -> bytes:
    """The file ends somewhere."""
    return data[: dice.randrange(1, len(data))]


def flipped(data: bytes, dice: random.Random) -> bytes:
    """Up to 64 bits turned anywhere."""
    changed = bytearray(data)
    for _ in range(dice.randrange(1, 64)):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def flipped_header(data: bytes, dice: random.Random) -> bytes:
    """Bits turned where the header is: at the begin or the end."""
    changed, span = bytearray(data), min(600, len(data))
    begin = 0 if dice.random() < 0.5 else len(data) - span
    for _ in range(dice.randrange(1, 16)):
        changed[begin + dice.randrange(span)] ^= 1 << dice.randrange(8)
    return bytes(changed)


def empty(data: bytes, dice: random.Random) -> bytes:
    """Nothing."""
    return b""


def hostile(data: bytes, dice: random.Random) -> bytes:
    """Large and negative numbers where sizes, counts and durations may stand."""
    changed, span = bytearray(data), min(1500, len(data) - 8)
    begin = 0 if dice.random() < 0.5 else max(0, len(data) - span - 8)
    for _ in range(dice.randrange(1, 6)):
        number = dice.choice((0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0, 1, 0x00FFFFFF))
        at = begin + dice.randrange(span)
        changed[at : at + 4] = struct.pack(">I", number)
    return bytes(changed)


def hole(data: bytes, dice: random.Random) -> bytes:
    """A piece of zeros in the middle."""
    begin = dice.randrange(len(data))
    length = dice.randrange(1, max(2, len(data) // 4))
    return data[:begin] + bytes(len(data[begin : begin + length])) + data[begin + length :]


def shuffled(data: bytes, dice: random.Random) -> bytes:
    """Two pieces have changed places."""
    first, second = sorted(dice.sample(range(len(data)), 2))
    return data[second:] + data[first:second] + data[:first]


def noise(data: bytes, dice: random.Random) -> bytes:
    """The first bytes of a video, then noise."""
    return data[: dice.randrange(64)] + dice.randbytes(dice.randrange(1, 4000))


MUTATIONS: Sequence[Mutation] = (
    cut_off,
    flipped,
    flipped_header,
    empty,
    hostile,
    hole,
    shuffled,
    noise,
)


@dataclass(frozen=True)
class Trial:
    """One mutated file and how the command ended.

    Attributes:
        name: seed's number, mutation and extension.
        code: the exit code; None after the time limit.
        fault: one line where a promise was broken, else None.
    """

    name: str
    code: int | None
    fault: str | None


def trial(number: int, seeds: Sequence[Path], folder: Path, style: Path, seed: int) -> Trial:
    """Mutate one file and run the command on it."""
    dice = random.Random(f"{seed}-{number}")
    origin, mutate = dice.choice(seeds), dice.choice(MUTATIONS)
    wrong_name = dice.random() < 0.15
    suffix = dice.choice((".mkv", ".mp4", ".avi", ".ts", ".webm", ".png")) if wrong_name else origin.suffix
    source = folder / f"{number}{suffix}"
    output = folder / f"{number}-out.mp4"
    source.write_bytes(mutate(origin.read_bytes(), dice))
    name = f"{number} {mutate.__name__} {origin.suffix}{' as ' + suffix if wrong_name else ''}"
    told = folder / f"{number}-out.txt"
    arguments = ["video", str(source), "-o", str(output), "--style", str(style)]
    job = _CONTEXT.Process(target=_run, args=([*arguments, *_FAST], told))
    job.start()
    job.join(LIMIT_S)
    if job.exitcode is None:
        job.kill()
        job.join()
        return Trial(name, None, f"no end after {LIMIT_S:.0f} s")
    return Trial(name, job.exitcode, _fault(job.exitcode, told.read_text(errors="replace"), output))


def _run(arguments: list[str], told: Path) -> None:
    """The command in this process, what it says into a file; the exit code is the process's."""
    with told.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - pytest has put another there
        code = run_command(arguments)
        sys.stderr.flush()
        os._exit(code)


def _fault(code: int, told: str, output: Path) -> str | None:
    lines = told.strip().splitlines()
    if code not in (0, 3, 10):
        return f"exit code {code}: {told.strip()[-300:]}"
    if any("Traceback" in line or "unexpected" in line for line in lines):
        return f"no clear line: {told.strip()[-300:]}"
    if code in (0, 10):
        return None if output.exists() and _decodes(output) else "a result was promised and is not whole"
    if output.exists():
        return "a file stands under the final name after an error"
    errors = [line for line in lines if not line.startswith("brushstream: identity")]
    return None if len(errors) == 1 else f"{len(errors)} lines instead of one: {told.strip()[-300:]}"


def _decodes(path: Path) -> bool:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0)) > 0


def run(
    count: int, seed: int, seeds: Sequence[Path], folder: Path, style: Path, first: int = 0
) -> list[Trial]:
    """``count`` trials from number ``first`` on; the files of each are removed again."""
    done = []
    for number in range(first, first + count):
        done.append(trial(number, seeds, folder, style, seed))
        if done[-1].fault:
            print(f"{done[-1].name}: {done[-1].fault}", flush=True)
        if (number + 1) % 25 == 0:
            print(
                f"{number + 1}: {dict(collections.Counter(t.code for t in done).most_common())}", flush=True
            )
        for path in folder.glob(f"{number}-out*"):
            path.unlink()
        for path in folder.glob(f"{number}.*"):
            path.unlink()
    return done


def main(arguments: Sequence[str]) -> int:
    """Print how the trials ended; 0 when no promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="number of the first, to do them in parts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--style", type=Path, required=True, help="any style file; the identity engine runs")
    parser.add_argument("clips", nargs="+", type=Path, help="small real clips to be mutated")
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        done = run(wanted.count, wanted.seed, wanted.clips, Path(folder), wanted.style, wanted.first)
    faults = [t for t in done if t.fault]
    codes = collections.Counter(t.code for t in done)
    print(
        f"{len(done)} mutated inputs, {len(faults)} broken promises; exit codes {dict(codes.most_common())}"
    )
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
