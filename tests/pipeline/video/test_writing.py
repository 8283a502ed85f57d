"""The video sink: times, colours, sound, odd sizes, and nothing under the final name after a failure."""

import itertools
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.common.errors import OutputError
from pipeline.frame import Frame
from pipeline.stream import StreamInfo
from pipeline.video.picture_format import fine_time_base
from pipeline.video.reading.video_file import VideoFileSource
from pipeline.video.writing.container import OutputFile
from pipeline.video.writing.encoding import Encoding
from pipeline.video.writing.frame_encoder import FrameEncoder, VideoSpec
from pipeline.video.writing.recording import VideoFileSink, container_of
from tests.support import make_media

INFO = StreamInfo((48, 64), Fraction(25), 5)


def frames(count: int = 5, size: tuple[int, int] = (48, 64)) -> list[Frame]:
    dice = np.random.default_rng(0)
    return [Frame(dice.integers(0, 256, (*size, 3), np.uint8), i, 0.0, Fraction(i, 25)) for i in range(count)]


def copy(source_path: Path, target: Path, count: int | None = None) -> OutputFile:
    """Decode and encode again, sound alongside; of a run that was stopped the first ``count`` frames."""
    with VideoFileSource(source_path) as source:
        spec = VideoSpec.settled(source.pictures, container_of(target), Encoding())
        output = OutputFile(target, spec, passthrough_from=source_path)
        encoder = FrameEncoder(spec, output.stream.codec_context)
        for frame in itertools.islice(source, count):
            output.write(encoder.encode(frame))
        output.write(encoder.flush())
        output.end(complete=count is None)
        output.publish()
    return output


def only(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@make_media.needs_ffmpeg
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_uneven_times_and_both_sound_tracks_are_kept(tmp_path: Path, suffix: str) -> None:
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    uneven = "select='not(mod(n,7))+not(mod(n,3))'"
    make_media.ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x48:r=50:d=2", "-f", "lavfi", "-i", "sine=d=2",
        "-f", "lavfi", "-i", "sine=f=880:d=1.2", "-map", "0", "-map", "1", "-map", "2", "-vf", uneven,
        "-fps_mode", "vfr", *make_media.H264, "-bf", "2", "-c:a", "aac", source,
    )  # fmt: skip
    sink = copy(source, target)
    before, after = make_media.probe(source), make_media.probe(target)
    assert after.times == before.times
    assert after.audio == before.audio
    assert len(after.audio) == 2
    assert sink.notes == []


@make_media.needs_ffmpeg
def test_sound_a_container_cannot_hold_is_encoded_and_said(tmp_path: Path) -> None:
    source, target = make_media.with_sound(tmp_path / "in.mp4", 1.0), tmp_path / "out.webm"
    sink = copy(source, target)
    assert [codec for codec, _ in make_media.probe(target).audio] == ["opus"]
    assert sink.notes == ["sound track 1 was encoded again as opus: webm cannot hold aac"]


@make_media.needs_ffmpeg
@pytest.mark.parametrize("tone_s", [0.4, 2.0])
def test_sound_shorter_or_longer_than_the_pictures_is_whole(tmp_path: Path, tone_s: float) -> None:
    source, target = make_media.with_sound(tmp_path / "in.mp4", tone_s), tmp_path / "out.mp4"
    copy(source, target)
    assert make_media.audio_hashes(target) == make_media.audio_hashes(source)


@make_media.needs_ffmpeg
def test_sound_ends_with_the_last_frame_of_a_stopped_run(tmp_path: Path) -> None:
    source, target = make_media.with_sound(tmp_path / "in.mp4", 1.0, 1.0), tmp_path / "out.mkv"
    copy(source, target, 5)
    whole, cut = make_media.audio_hashes(source), make_media.audio_hashes(target)
    assert len(cut) == 2
    assert cut != whole
    assert len(make_media.probe(target).times) == 5


@make_media.needs_ffmpeg
@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
def test_colours_survive_and_are_tagged(tmp_path: Path, matrix: str) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "out.mp4"
    convert = f"scale=out_color_matrix={matrix.replace('smpte170m', 'bt601')},format=yuv420p"
    tags = ("-colorspace", matrix, "-color_primaries", matrix, "-color_trc", matrix, "-color_range", "tv")
    make_media.ffmpeg(*make_media.TESTSRC, "-vf", convert, *make_media.H264, "-crf", "1", *tags, source)
    copy(source, target)
    assert make_media.probe(target).color == make_media.probe(source).color
    with VideoFileSource(source) as before, VideoFileSource(target) as after:
        for one, other in zip(before, after, strict=True):
            assert np.abs(one.pixels.astype(int) - other.pixels).mean() < 4


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize("size", [(1, 1), (359, 641), (16, 1024), (1024, 16), (2, 3)])
def test_every_size_is_written(tmp_path: Path, size: tuple[int, int], suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    with VideoFileSink(target) as sink:
        sink.open(StreamInfo(size, Fraction(25)))
        for frame in frames(3, size):
            sink.write(frame)
        sink.finish()
    even = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    shown = make_media.probe(target)
    assert (shown.size, len(shown.times)) == (even, 3)
    padded = [] if even == size else [f"{size[1]}x{size[0]} was padded to {even[1]}x{even[0]}"]
    assert [note.partition(":")[0] for note in sink.notes] == padded


def test_two_frames_of_one_time_are_both_kept(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with VideoFileSink(target) as sink:
        sink.open(INFO)
        for frame in frames(4):
            sink.write(Frame(frame.pixels, frame.index, 0.0, Fraction(frame.index // 2, 25)))
        sink.finish()
    assert len(make_media.probe(target).times) == 4


def test_frames_without_times_go_by_the_rate(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with VideoFileSink(target) as sink:
        sink.open(INFO)
        for frame in frames(4):
            sink.write(Frame(frame.pixels, frame.index, 0.0))
        sink.finish()
    assert make_media.probe(target).times == [Fraction(i, 25) for i in range(4)]


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(24000, 1001), Fraction(25, 2), Fraction(1, 3)])
def test_a_tick_divides_the_frame_time(rate: Fraction) -> None:
    tick = fine_time_base(rate)
    assert (1 / rate / tick).denominator == 1
    assert tick <= Fraction(1, 10_000)


def test_nothing_is_left_without_finish(tmp_path: Path) -> None:
    with VideoFileSink(tmp_path / "out.mp4") as sink:
        sink.open(INFO)
        sink.write(frames()[0])
        assert only(tmp_path) != ["out.mp4"]
    assert only(tmp_path) == []


def test_no_frame_is_no_file(tmp_path: Path) -> None:
    with VideoFileSink(tmp_path / "out.mp4") as sink:
        sink.open(INFO)
        with pytest.raises(OutputError, match="no frame"):
            sink.finish()
    assert only(tmp_path) == []


def test_what_cannot_be_written_is_refused_with_what_to_do(tmp_path: Path) -> None:
    taken = tmp_path / "taken.mp4"
    taken.write_text("precious")
    with pytest.raises(OutputError, match=r"choose one of \.mp4"):
        VideoFileSink(tmp_path / "out.xyz")
    with pytest.raises(OutputError, match="no preset"):
        VideoFileSink(tmp_path / "out.mp4", encoding=Encoding(preset="warp"))
    with pytest.raises(OutputError, match="crf"):
        VideoFileSink(tmp_path / "out.mp4", encoding=Encoding(crf=77))
    for path, reason in ((tmp_path / "missing" / "a.mp4", "does not exist"), (taken, "already there")):
        with VideoFileSink(path) as sink, pytest.raises(OutputError, match=reason):
            sink.open(INFO)
    assert taken.read_text() == "precious"
    assert only(tmp_path) == ["taken.mp4"]


def test_overwriting_replaces_only_at_the_end(tmp_path: Path) -> None:
    taken = tmp_path / "taken.mp4"
    taken.write_text("precious")
    with VideoFileSink(taken, overwrite=True) as sink:
        sink.open(INFO)
        sink.write(frames()[0])
        assert taken.read_text() == "precious"
        sink.finish()
    assert len(make_media.probe(taken).times) == 1


def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write into read-only folders")
    with VideoFileSink(folder / "a.mp4") as sink, pytest.raises(OutputError, match="may not be written"):
        sink.open(INFO)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    try:
        refused = subprocess.run(mount, capture_output=True, check=False).returncode
    except FileNotFoundError:
        refused = 1
    if refused:
        pytest.skip("this user may not mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("count", [1, 60])  # full while finishing, full while writing
def test_a_full_disk_is_one_line_and_leaves_nothing(small_disk: Path, count: int) -> None:
    noise = frames(count, (480, 640))
    with VideoFileSink(small_disk / "out.mp4", encoding=Encoding(crf=1)) as sink:
        sink.open(StreamInfo((480, 640), Fraction(25)))
        with pytest.raises(OutputError, match="the disk is full") as caught:
            write_all(sink, noise)
    assert "\n" not in str(caught.value)
    assert only(small_disk) == []


def write_all(sink: VideoFileSink, noise: list[Frame]) -> None:
    for frame in noise:
        sink.write(frame)
    sink.finish()


LIMITED = """
import resource, signal, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from pipeline.common.errors import OutputError
from pipeline.frame import Frame
from pipeline.video.writing.encoding import Encoding
from pipeline.video.writing.recording import VideoFileSink
from pipeline.stream import StreamInfo
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
dice = np.random.default_rng(0)
try:
    with VideoFileSink(Path(sys.argv[1]), encoding=Encoding(crf=1)) as sink:
        sink.open(StreamInfo((240, 320), Fraction(25)))
        for i in range(60):
            sink.write(Frame(dice.integers(0, 256, (240, 320, 3), np.uint8), i, 0.0, Fraction(i, 25)))
        sink.finish()
except OutputError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no limit on file sizes here")
def test_a_file_size_limit_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "out.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (5, "")
    assert "larger than the file size allowed" in done.stdout
    assert only(tmp_path) == []


BEFORE_NOTHING = """
import ctypes, mmap
from fractions import Fraction
import numpy as np
from pipeline.frame import Frame
from pipeline.stream import StreamInfo
from pipeline.video.picture_format import PictureFormat
from pipeline.video.writing.encoding import Encoding
from pipeline.video.writing.frame_encoder import FrameEncoder, VideoSpec

taken = 76 * 98 * 3
room = -(-taken // mmap.PAGESIZE) * mmap.PAGESIZE
memory = mmap.mmap(-1, room + mmap.PAGESIZE)
start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
assert not ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + room), ctypes.c_size_t(mmap.PAGESIZE), 0)
pixels = np.frombuffer(memory, np.uint8, taken, room - taken).reshape(76, 98, 3)
pictures = PictureFormat.of(StreamInfo((76, 98), Fraction(25), 1))
encoder = FrameEncoder(VideoSpec.settled(pictures, "mp4", Encoding()))
packets = [*encoder.encode(Frame(pixels, 0, 0.0, Fraction(0))), *encoder.flush()]
print(len(packets))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect as Linux has it")
def test_no_byte_behind_a_frame_is_read() -> None:
    """The frame ends where the page after it may not be read."""
    ended = subprocess.run([sys.executable, "-c", BEFORE_NOTHING], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "1\n"), ended.stderr
