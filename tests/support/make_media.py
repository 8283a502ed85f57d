"""Short real media files, made by the ffmpeg program, and what a test reads back from one."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import pytest

FFMPEG = shutil.which("ffmpeg")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
TESTSRC = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=1")

needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="the ffmpeg program is not installed")

Maker = Callable[..., Path]


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg; its complaint is the test's."""
    assert FFMPEG is not None
    command = [FFMPEG, "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def clip(path: Path, *, size: str = "64x48", seconds: float = 1.0, rate: int = 25) -> Path:
    """H.264 test pattern without sound."""
    ffmpeg("-f", "lavfi", "-i", f"testsrc=s={size}:r={rate}:d={seconds}", *H264, path)
    return path


def lossless(path: Path, size: str, frames: int = 5) -> Path:
    """A test pattern of any size, odd ones too, in FFV1."""
    width, height = size.split("x")
    scale = f"scale={width}:{height}:flags=neighbor,format=bgr0"
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc=s=64x48:r=25",
        "-vf",
        scale,
        "-frames:v",
        str(frames),
        "-c:v",
        "ffv1",
        path,
    )
    return path


def with_sound(path: Path, *tones_s: float, codec: str = "aac") -> Path:
    """One second of test pattern, and one sine track of each length."""
    inputs: list[str] = []
    for number, seconds in enumerate(tones_s):
        inputs += ["-f", "lavfi", "-i", f"sine=f={440 * (number + 1)}:d={seconds}"]
    maps = [part for number in range(len(tones_s) + 1) for part in ("-map", str(number))]
    ffmpeg(*TESTSRC, *inputs, *maps, *H264, "-c:a", codec, path)
    return path


def turned(path: Path, straight: Path) -> Path:
    """The same video with a quarter turn written into its header, as phones do."""
    arguments = {
        "new": ("-display_rotation", "90", "-i", straight, "-c", "copy", path),
        "before 6.0": ("-i", straight, "-c", "copy", "-metadata:s:v", "rotate=90", path),
    }
    listed = subprocess.run([str(FFMPEG), "-h", "full"], capture_output=True, text=True, check=True).stdout
    ffmpeg(*arguments["new" if "-display_rotation" in listed else "before 6.0"])
    return path


@dataclass(frozen=True)
class Probe:
    """What stands in a file.

    Attributes:
        times: seconds of every decoded picture.
        size: (height, width).
        audio: (codec, hash of all packets' bytes) a track.
        color: (matrix, primaries, transfer, range) tags.
    """

    times: list[Fraction]
    size: tuple[int, int]
    audio: list[tuple[str, str]]
    color: tuple[int, int, int, int]


def probe(path: Path) -> Probe:
    """Decode the video and hash the sound of ``path``; any damage raises."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [
            (frame.pts * frame.time_base) for frame in container.decode(stream) if frame.pts is not None
        ]
        context = stream.codec_context
        color = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        size = (context.height, context.width)
    return Probe(frames, size, audio_hashes(path), color)


def audio_hashes(path: Path) -> list[tuple[str, str]]:
    """(codec, hash of all packets' bytes) of every sound track."""
    with av.open(str(path)) as container:
        tracks = container.streams.audio
        sums = {track.index: hashlib.sha256() for track in tracks}
        for packet in container.demux(*tracks) if tracks else ():
            if packet.size:
                sums[packet.stream_index].update(bytes(packet))
        return [(track.codec_context.name, sums[track.index].hexdigest()) for track in tracks]
