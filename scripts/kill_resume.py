"""Kill a job at random moments, resume it, and compare with a job that was left alone.

python scripts/kill_resume.py --kills 20 --seed 1

One job a kill: started, killed with SIGKILL some milliseconds after a random frame (the last one too, when
the segments are put together), and run again to its end. Every result must decode to the same pictures,
and no frame may be stylized again beyond the one segment that was under way.
"""

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from pipeline.live.sources.synthetic import SyntheticSource
from pipeline.video.segments.journal import unfinished_frames
from pipeline.video.writing.recording import VideoFileSink

QUEUED = 8
"""Frames that may be begun and not encoded yet when the kill comes: two are in flight, two wait, and each
of stylize and encode may hold one."""

JOB = """
import json, sys, time
from pathlib import Path
from pipeline.video.job import run_video
from pipeline.video.options import VideoOptions
from pipeline.stylize.scheduled import ScheduledStylizer
counted, submit = 0, ScheduledStylizer.submit
def count(self, frame):
    global counted
    counted += 1
    print("frame", counted, flush=True)
    time.sleep(float(sys.argv[5]))
    submit(self, frame)
ScheduledStylizer.submit = count
options = VideoOptions(
    Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], engine="identity", preset="ultrafast",
    segment_frames=int(sys.argv[4]), codec=sys.argv[6])
print("ready", flush=True)
done = run_video(options)
print(json.dumps({"stylized": counted, "resumed": done.resumed, "frames": done.frames}))
"""


@dataclass(frozen=True)
class Trial:
    """One kill and what came of it.

    Attributes:
        kept: frames in whole segments after the kill.
        stylized: frames the second run stylized.
        same: the pictures are those of the untouched job.
        ended_first: the job was done before the kill came.
    """

    kept: int
    stylized: int
    same: bool
    ended_first: bool


def make_clip(path: Path, frames: int, size: tuple[int, int]) -> None:
    """A moving scene of so many frames."""
    with SyntheticSource(size, 25, frames) as source, VideoFileSink(path) as sink:
        sink.open(source.info)
        for frame in source:
            sink.write(frame)
        sink.finish()


def decoded_hash(path: Path) -> str:
    """SHA-256 of every picture's bytes and time."""
    digest = hashlib.sha256()
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            assert frame.pts is not None
            digest.update(str(frame.pts * (frame.time_base or 0)).encode())
            rgb = frame.format.is_rgb or frame.format.name == "pal8"  # numpy knows no bgr0
            digest.update((frame.to_ndarray(format="bgr24") if rgb else frame.to_ndarray()).tobytes())
    return digest.hexdigest()


class Trials:
    """Jobs of one clip with one style, each in a process of its own."""

    def __init__(self, clip: Path, style: Path, segment_frames: int, pause_s: float, codec: str) -> None:
        """``pause_s`` is added to every frame, so that a small clip lasts long enough to be killed."""
        self.clip, self.style, self.segment_frames = clip, style, segment_frames
        self.pause_s, self.codec = pause_s, codec

    def start(self, output: Path) -> subprocess.Popen[str]:
        """A job that has loaded everything."""
        arguments = [self.clip, output, self.style, self.segment_frames, self.pause_s, self.codec]
        command = [sys.executable, "-c", JOB, *map(str, arguments)]
        job = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert job.stdout is not None
        assert job.stdout.readline() == "ready\n", job.stderr and job.stderr.read()
        return job

    def whole(self, output: Path) -> dict[str, int]:
        """A job left alone: its counts."""
        out, err = self.start(output).communicate(timeout=300)
        assert out, err
        counts: dict[str, int] = json.loads(out.splitlines()[-1])
        return counts

    def kill(self, output: Path, at_frame: int, after_s: float, wanted: str) -> Trial:
        """A job killed so many seconds after it began a frame, and run again."""
        job = self.start(output)
        assert job.stdout is not None
        while (line := job.stdout.readline()) and line.split() != ["frame", str(at_frame)]:
            pass
        time.sleep(after_s)
        job.send_signal(signal.SIGKILL)
        job.communicate()
        if output.exists():
            return Trial(0, 0, decoded_hash(output) == wanted, True)
        kept = unfinished_frames(output)
        counts = self.whole(output)
        return Trial(kept, counts["stylized"], decoded_hash(output) == wanted, False)


def run(kills: int, seed: int, folder: Path, style: Path, *, frames: int, segment_frames: int) -> list[Trial]:
    """Kill ``kills`` jobs; raises AssertionError with the reason at the first that breaks the promise."""
    clip = folder / "clip.mp4"
    make_clip(clip, frames, (48, 64))
    trials = Trials(clip, style, segment_frames, 0.02, "h264")
    dice = random.Random(seed)
    counts = trials.whole(folder / "whole.mp4")
    assert counts == {"stylized": frames, "resumed": 0, "frames": frames}, counts
    wanted = decoded_hash(folder / "whole.mp4")
    done: list[Trial] = []
    for number in range(kills):
        at_frame, after_s = dice.randint(1, frames), dice.uniform(0, 0.1)
        trial = trials.kill(folder / f"killed-{number}.mp4", at_frame, after_s, wanted)
        print(f"kill {number + 1} at frame {at_frame}: {trial}", flush=True)
        assert trial.same, "the resumed result differs"
        if not trial.ended_first:
            assert trial.stylized == frames - trial.kept, "frames in whole segments were done twice"
            lost = at_frame - trial.kept
            assert lost <= segment_frames + QUEUED, f"{lost} frames were done for nothing"
        done.append(trial)
    return done


def main(arguments: Sequence[str]) -> int:
    """Run the trials; 0 when every one kept the promise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--segment-frames", type=int, default=20)
    parser.add_argument("--style", type=Path, required=True, help="any style file; the identity engine runs")
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        done = run(
            wanted.kills,
            wanted.seed,
            Path(folder),
            wanted.style,
            frames=wanted.frames,
            segment_frames=wanted.segment_frames,
        )
    cut = sum(not trial.ended_first for trial in done)
    print(f"{len(done)} kills, {cut} before the end: every result identical, no whole segment done twice")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
