"""Resuming: killed, stopped, full disk, changed settings, torn journal; and the segments' own files."""

import random
import sys
import threading
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.common.errors import OutputError
from pipeline.frame import Frame
from pipeline.stylize.scheduled import ScheduledStylizer
from pipeline.video.job import VideoSummary, run_video
from pipeline.video.options import VideoOptions
from pipeline.video.outputs import movie
from pipeline.video.progress import LoopProgress
from pipeline.video.reading.media import Position, pixels_crc
from pipeline.video.reading.video_file import VideoFileSource
from pipeline.video.segments import segment_encoder
from pipeline.video.segments.joining import joined
from pipeline.video.segments.journal import Journal, SegmentRecord, unfinished_frames, work_folder
from pipeline.video.segments.segment_file import (
    SegmentFacts,
    SegmentWriter,
    read_header,
    read_packets,
    read_times,
    reorder_delay,
)
from pipeline.video.writing.frame_encoder import EncodedPacket
from scripts import kill_resume
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg
FRAMES, SEGMENT = 50, 8


@pytest.fixture
def invert(styles_folder: Path) -> Path:
    return styles_folder / "invert.onnx"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "in.mp4"
    uneven = "select='not(mod(n,7))+not(mod(n,3))+not(mod(n,2))'"
    make_media.ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=4", "-f", "lavfi", "-i", "sine=d=3", "-vf", uneven,
        "-fps_mode", "vfr", "-frames:v", str(FRAMES), *make_media.H264, "-bf", "3", "-g", "12", path,
    )  # fmt: skip
    return path


class CutOffError(Exception):
    """Stands for whatever ends a job in its middle."""


def broken_off(monkeypatch: pytest.MonkeyPatch, options: VideoOptions, after: int) -> int:
    """Run the job until it has looked at ``after`` frames; return how many the journal keeps."""
    submit, seen = ScheduledStylizer.submit, 0

    def stop(self: ScheduledStylizer, frame: Frame) -> None:
        nonlocal seen
        seen += 1
        if seen > after:
            raise CutOffError
        submit(self, frame)

    with monkeypatch.context() as patch:
        patch.setattr(ScheduledStylizer, "submit", stop)
        with pytest.raises(CutOffError):
            run_video(options)
    return unfinished_frames(options.final)


def wanted(clip: Path, name: str, style: Path, **more: object) -> VideoOptions:
    return VideoOptions(clip, clip.parent / name, str(style), engine="identity", preset="ultrafast",
                        segment_frames=SEGMENT, **more)  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize(
    ("suffix", "more"),
    [
        (".mp4", {}),
        (".mkv", {"codec": "ffv1"}),
        (".mp4", {"fps": Fraction(10)}),
        (".webm", {}),
        (".gif", {}),
        (".avi", {}),
    ],
)
def test_a_resumed_job_equals_an_untouched_one(
    clip: Path, invert: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, more: dict[str, object]
) -> None:
    whole, cut = (wanted(clip, f"{name}{suffix}", invert, **more) for name in ("whole", "cut"))
    run_video(whole)
    count = len(make_media.probe(whole.output).times)
    kept = broken_off(monkeypatch, cut, 13)
    assert not cut.output.exists()
    assert kept == SEGMENT
    done = run_video(cut)
    assert (done.resumed, done.frames) == (SEGMENT, count)
    assert kill_resume.decoded_hash(cut.output) == kill_resume.decoded_hash(whole.output)
    assert sorted(p.name for p in clip.parent.iterdir()) == sorted(
        ["in.mp4", f"whole{suffix}", f"cut{suffix}"]
    )


def test_damage_before_a_break_is_still_told_after_it(
    tmp_path: Path, invert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = tmp_path / "in.mkv"
    make_media.ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=8", *make_media.H264, "-g", "6", "-bf", "0",
        "-bsf:v", "noise=amount='if(between(n,3,5),4,0)'", clip,
    )  # fmt: skip
    options = wanted(clip, "out.mkv", invert)
    assert broken_off(monkeypatch, options, 180) > 150
    done = run_video(options)
    assert done.resumed
    assert done.damage is not None
    assert "in.mkv is damaged" in done.damage


@pytest.mark.slow
def test_killed_jobs_give_the_same_pictures(tmp_path: Path, invert: Path) -> None:
    """Two kills here; ``scripts/kill_resume.py --kills 20`` does all twenty."""
    done = kill_resume.run(2, seed=3, folder=tmp_path, style=invert, frames=60, segment_frames=12)
    assert all(trial.same for trial in done)


def test_a_schedule_resumes_in_the_middle_of_a_fade(
    clip: Path, styles_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    invert, blur = styles_folder / "invert.onnx", styles_folder / "blur.onnx"
    more = {"schedule": f"0:{invert}, 0.4:{blur}@0.5", "fade_s": Fraction(2), "codec": "ffv1"}
    whole, cut = (wanted(clip, f"{name}.mkv", invert, **more) for name in ("whole", "cut"))
    run_video(whole)
    assert broken_off(monkeypatch, cut, 20) == 2 * SEGMENT
    assert run_video(cut).resumed == 2 * SEGMENT
    assert kill_resume.decoded_hash(cut.output) == kill_resume.decoded_hash(whole.output)


def test_other_settings_and_no_resume_begin_anew(
    clip: Path, invert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = wanted(clip, "out.mp4", invert)
    broken_off(monkeypatch, options, 30)
    other = run_video(wanted(clip, "out.mp4", invert, crf=30))
    assert other.resumed == 0
    assert any("crf changed" in note for note in other.notes)
    again = wanted(clip, "out.mp4", invert, overwrite=True)
    broken_off(monkeypatch, again, 30)
    assert run_video(wanted(clip, "out.mp4", invert, overwrite=True, resume=False)).resumed == 0


def test_a_stopped_job_shows_its_part_and_goes_on(clip: Path, invert: Path) -> None:
    options = wanted(clip, "out.mp4", invert)
    stop = threading.Event()

    def at_twenty(progress: LoopProgress) -> None:
        if progress.frames >= 20:
            stop.set()

    done: VideoSummary = run_video(options, at_twenty, stop=stop)
    if done.interrupted:
        assert done.output.name == "out.partial.mp4"
        assert len(make_media.probe(done.output).times) == done.frames
        assert not options.output.exists()
        done = run_video(options)
        assert done.resumed
    assert len(make_media.probe(options.output).times) == FRAMES
    assert sorted(p.name for p in clip.parent.iterdir()) == ["in.mp4", "out.mp4"]


def test_a_damaged_segment_and_a_torn_journal_end_the_work_there(
    clip: Path, invert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = wanted(clip, "out.mp4", invert)
    assert broken_off(monkeypatch, options, 45) >= 4 * SEGMENT
    folder = work_folder(options.output)
    damaged = folder / "000002.segment"
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    assert run_video(options).resumed == 2 * SEGMENT
    again = wanted(clip, "again.mp4", invert)
    broken_off(monkeypatch, again, 45)
    journal = work_folder(again.output) / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-9])  # power went while the last line was written
    assert run_video(again).resumed % SEGMENT == 0
    assert kill_resume.decoded_hash(again.output) == kill_resume.decoded_hash(options.output)


def test_a_full_disk_keeps_whole_segments(clip: Path, invert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options, written = wanted(clip, "out.mp4", invert), 0

    class Full(SegmentWriter):
        def finish(self) -> SegmentFacts:
            nonlocal written
            written += 1
            if written > 2:
                raise OSError(28, "No space left on device")
            return super().finish()

    with monkeypatch.context() as patch:
        patch.setattr(segment_encoder, "SegmentWriter", Full)
        with pytest.raises(OutputError, match=r"the disk is full.*16 frames are kept"):
            run_video(options)
    assert run_video(options).resumed == 2 * SEGMENT


def test_a_result_that_fails_its_check_gets_no_name(
    clip: Path, invert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    options = wanted(clip, "out.mp4", invert)
    with monkeypatch.context() as patch:
        patch.setattr(movie, "frame_count", lambda segments: FRAMES + 1)
        with pytest.raises(OutputError, match=f"{FRAMES + 1} pictures were wanted, {FRAMES} are there"):
            run_video(options)
    assert [p.name for p in clip.parent.iterdir() if not p.name.startswith(".")] == ["in.mp4"]
    assert run_video(options).resumed == FRAMES


@pytest.mark.parametrize("system", [sys.platform, "win32"])
def test_two_jobs_do_not_share_an_output(
    tmp_path: Path, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows there was no lock at all."""
    monkeypatch.setattr(sys, "platform", system)
    with Journal(tmp_path / "a.mp4", {}), pytest.raises(OutputError, match="another brushstream works on"):
        Journal(tmp_path / "a.mp4", {})
    assert not work_folder(tmp_path / "a.mp4").exists()


def test_a_journal_remembers_exactly(tmp_path: Path) -> None:
    record = SegmentRecord(0, 0, 8, Fraction(1001, 30000), 7, 99, 2, 1000, 5)
    with Journal(tmp_path / "a.mp4", {"crf": 18}) as journal:
        journal.append(record)
    with Journal(tmp_path / "a.mp4", {"crf": 18}) as journal:
        assert journal.records == [record]
        assert journal.frames == 8
    with Journal(tmp_path / "a.mp4", {"crf": 19}) as journal:
        assert journal.records == []
        assert "crf changed" in journal.notes[0]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
def test_a_source_goes_to_any_frame(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"in{suffix}"
    make_media.ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=3", *make_media.H264, "-bf", "2", "-g", "10", path
    )
    with VideoFileSource(path) as source:
        frames = list(source)
    for index in (0, 11, 40, len(frames) - 1):
        frame = frames[index]
        with VideoFileSource(path) as source:
            source.skip_to(Position(index, frame.pts, pixels_crc(frame.pixels)))
            rest = list(source)
        assert [(f.index, f.pts) for f in rest] == [(f.index, f.pts) for f in frames[index + 1 :]]
        assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(rest, frames[index + 1 :], strict=True))


def packets(*times: int) -> list[EncodedPacket]:
    return [EncodedPacket(b"x" * (1 + pts), pts, None, place == 0) for place, pts in enumerate(times)]


def write(path: Path, *times: int) -> Path:
    writer = SegmentWriter(path, b"header")
    writer.add(packets(*times))
    writer.finish()
    return path


def test_a_segment_is_read_back(tmp_path: Path) -> None:
    path = write(tmp_path / "a.segment", 0, 4, 2, 6)
    assert read_header(path) == b"header"
    assert list(read_packets(path)) == packets(0, 4, 2, 6)
    assert (read_times(path), reorder_delay(read_times(path))) == ([0, 4, 2, 6], 1)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(OutputError, match="damaged"):
        list(read_packets(path))


def test_decoding_times_rise_across_uneven_segments(tmp_path: Path) -> None:
    dice = random.Random(4)
    first = write(tmp_path / "a.segment", 0, 30, 10, 20, 31)
    second = write(tmp_path / "b.segment", 1000, 1300, *dice.sample(range(1001, 1299), 2))
    found = list(joined([first, second], last_duration=5))
    dts = [packet.dts for packet in found]
    assert all(a < b for a, b in pairwise(dts) if a is not None and b is not None)
    assert all(packet.dts is not None and packet.dts <= packet.pts for packet in found)
    *others, last = found
    after_last = min(packet.pts for packet in found if packet.pts > last.pts)
    assert sum(packet.duration for packet in others) + after_last - last.pts == 1300 + 5
    assert last.duration == 5  # decoded last, though it is not shown last: mp4 measures by it
    with pytest.raises(OutputError, match="begins before"):
        list(joined([second, first], last_duration=5))
