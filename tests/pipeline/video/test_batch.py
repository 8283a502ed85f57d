"""Batches: which files, which names, what is skipped, what failed; and the command line over them."""

import json
from pathlib import Path

import pytest

from pipeline import lookup, style
from pipeline.cli import main
from pipeline.common.errors import InputError, OutputError
from pipeline.video import batch, batch_plan
from pipeline.video.job import VideoSummary
from pipeline.video.options import VideoOptions
from pipeline.video.plan import VideoPlan
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _bundled(styles_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "bundled_folder", lambda: styles_folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two clips and a text that calls itself one."""
    path = tmp_path / "in"
    path.mkdir()
    for name in ("b2.mp4", "b10.mkv"):
        make_media.clip(path / name, seconds=0.2)
    (path / "broken.mp4").write_text("no video")
    (path / "notes.txt").write_text("no video either")
    return path


def options(folder: Path) -> VideoOptions:
    return VideoOptions(folder, folder, "invert", engine="identity", preset="ultrafast")


def test_folders_patterns_and_files_are_found(folder: Path) -> None:
    assert [p.name for p in batch_plan.find_inputs([str(folder)])] == ["b2.mp4", "b10.mkv", "broken.mp4"]
    assert [p.name for p in batch_plan.find_inputs([str(folder / "b*.m*"), str(folder / "b2.mp4")])] == [
        "b10.mkv", "b2.mp4", "broken.mp4",
    ]  # fmt: skip
    with pytest.raises(InputError, match="no file fits"):
        batch_plan.find_inputs([str(folder / "*.avi")])
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="holds no video"):
        batch_plan.find_inputs([str(folder / "empty")])


def test_names_follow_the_pattern(folder: Path) -> None:
    wanted = options(folder)
    planned = batch_plan.plan([str(folder)], folder / "out" / "{number}-{stem}-{style}.mkv", wanted)
    assert [p.options.output.name for p in planned] == [
        "1-b2-invert.mkv", "2-b10-invert.mkv", "3-broken-invert.mkv",
    ]  # fmt: skip
    assert [p.action for p in planned] == ["make"] * 3
    with pytest.raises(OutputError, match=r"unknown field.*\{stem\}"):
        batch_plan.plan([str(folder)], folder / "{nonsense}.mkv", wanted)
    with pytest.raises(OutputError, match="would both become"):
        batch_plan.plan([str(folder)], folder / "{style}.mkv", wanted)


def test_a_failure_stops_nothing_and_is_told(folder: Path, tmp_path: Path) -> None:
    events: list[dict[str, object]] = []
    planned = batch_plan.plan([str(folder)], tmp_path / "out", options(folder))
    done = batch.run_jobs(planned, at_once=2, on_event=lambda event: events.append(event.to_json()))
    assert [outcome.state for outcome in done] == ["done", "done", "failed"]
    assert "not a video" in done[2].line
    assert batch.exit_code_of(done) == 3
    assert len(make_media.probe(tmp_path / "out" / "b2-invert.mp4").times) == 5
    assert [e["input"] for e in events if e["event"] == "failed"] == [str(folder / "broken.mp4")]
    again = batch_plan.plan([str(folder)], tmp_path / "out", options(folder))
    assert [p.action for p in again] == ["skip", "skip", "make"]
    states = [outcome.state for outcome in batch.run_jobs(again)]
    assert states == ["skipped", "skipped", "failed"]


def test_the_command_plans_runs_and_sums_up(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    line = ["video", str(folder), "-o", str(tmp_path / "out"), "--style", "invert", "--engine", "identity"]
    assert main.run([*line, "--dry-run"]) == 0
    plan = capsys.readouterr().out
    assert plan.count("make") == 3
    assert not (tmp_path / "out").exists()
    assert main.run([*line, "--jobs", "2"]) == 3
    told = capsys.readouterr()
    assert told.out.count("done") == 2
    assert "failed" in told.out
    assert "broken.mp4" in told.err


def test_json_lines_tell_it_all(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    line = ["video", str(folder / "b2.mp4"), "-o", str(tmp_path / "o.mp4"), "--style", "invert", "--json"]
    assert main.run([*line, "--engine", "identity"]) == 0
    events = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert {e["event"] for e in events} >= {"start", "engine", "done"}
    assert events[-1] == {**events[-1], "event": "done", "frames": 5, "exit_code": 0}


@pytest.mark.parametrize(
    ("codes", "expected"), [((0, 0), 0), ((0, 10), 10), ((3, 10), 3), ((3, 5), 1), ((3, 130), 130)]
)
def test_the_exit_code_says_whether_any_failed(codes: tuple[int, ...], expected: int, folder: Path) -> None:
    planned = VideoPlan.of(options(folder))
    assert batch.exit_code_of([batch.Outcome(planned, "done", exit_code=c) for c in codes]) == expected


def test_pictures_go_in_and_come_out(tmp_path: Path, folder: Path) -> None:
    common = ["--style", "invert", "--engine", "identity"]
    pictures = tmp_path / "frames"
    assert main.run(["video", str(folder / "b2.mp4"), "-o", str(pictures / "%04d.png"), *common]) == 0
    assert sorted(p.name for p in pictures.iterdir()) == [f"{i:04d}.png" for i in range(5)]
    for name, source in (("a.mkv", pictures), ("b.mkv", pictures / "%04d.png")):
        line = ["video", str(source), "-o", str(tmp_path / name), "--fps", "10", "--codec", "ffv1", *common]
        assert main.run(line) == 0
        assert [float(t) for t in make_media.probe(tmp_path / name).times] == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_a_preview_stands_beside_a_running_job(tmp_path: Path) -> None:
    import numpy as np

    from pipeline.video.preview import Preview

    times = iter((0.0, 0.0, 0.1, 0.5, 1.5, 1.5))
    preview = Preview(tmp_path / "out.mp4", 1.0, clock=lambda: next(times))
    picture = np.zeros((8, 8, 3), np.uint8)
    preview.show(picture)
    first = preview.path.stat().st_mtime_ns
    preview.show(picture)
    assert preview.path.stat().st_mtime_ns == first
    preview.show(picture)
    preview.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_style_is_read_once_for_all_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, paths = lookup.read_style, list[Path]()
    monkeypatch.setattr(lookup, "read_style", lambda path: (paths.append(path), read(path))[1])
    planned = batch_plan.plan([str(folder)], tmp_path / "out", options(folder))
    assert [outcome.state for outcome in batch.run_jobs(planned)] == ["done", "done", "failed"]
    assert [path.name for path in paths] == ["invert.onnx"]


def test_a_missing_style_is_one_line_before_any_file(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main.run(["video", str(folder), "-o", str(tmp_path / "out"), "--style", "inverse"]) == 4
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert "did you mean invert" in told.err
    assert not (tmp_path / "out").exists()


def test_ctrl_c_stops_the_files_that_follow_too(folder: Path, tmp_path: Path) -> None:
    started = list[str]()

    def interrupted(plan: VideoPlan, *_: object, **__: object) -> VideoSummary:
        started.append(plan.options.input.name)
        raise KeyboardInterrupt

    planned = batch_plan.plan([str(folder)], tmp_path / "out", options(folder))
    done = batch.run_jobs(planned, run=interrupted)
    assert ([outcome.state for outcome in done], started) == (["stopped"] * 3, ["b2.mp4"])
    assert batch.exit_code_of(done) == 130
