"""``video``, ``image`` and ``demo`` from the command line to the finished file and its exit code."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline import style
from pipeline.cli import main, options
from pipeline.common.errors import EngineError
from pipeline.frame import Frame

Capture = pytest.CaptureFixture[str]
FRAMES = 12


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Twelve grey frames of 96x64, each brighter than the last, at 12 frames a second."""
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", Fraction(12))
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index in range(FRAMES):
            picture = np.full((64, 96, 3), 40 + 10 * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "bgr24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(autouse=True)
def _bundled(styles_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "bundled_folder", lambda: styles_folder)


def mean_levels(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]


def test_video_is_stylized_and_says_what_ran(clip: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "out.mp4"
    line = ["video", str(clip), "-o", str(output), "--style", "invert", "--engine", "onnxruntime"]
    assert main.run([*line, "--no-steady"]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "brushstream: onnxruntime " in told.err
    assert f"{FRAMES} frames of 96x64" in told.err
    levels = mean_levels(output)
    assert len(levels) == FRAMES
    np.testing.assert_allclose(levels, [255 - (40 + 10 * i) for i in range(FRAMES)], atol=4)


def test_a_terminal_shows_a_bar_and_then_the_same_lines(
    clip: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # stands for a terminal
    line = ["video", str(clip), "-o", str(tmp_path / "out.mp4"), "--style", "invert", "--engine", "identity"]
    assert main.run(line) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert f"/{FRAMES} frames" in told.err
    assert told.err.index("brushstream: identity 1") < told.err.index(f"{FRAMES} frames of 96x64")


def test_av1_says_nothing_of_its_own(clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    line = ["video", str(clip), "-o", str(tmp_path / "out.webm"), "--codec", "av1", "--style", "invert"]
    assert main.run([*line, "--engine", "identity"]) == 0
    assert all(told.startswith("brushstream: ") for told in capfd.readouterr().err.splitlines())


def test_video_takes_size_and_strength(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    line = ["video", str(clip), "-o", str(output), "--style", "invert", "--size", "48x32", "--strength", "0"]
    assert main.run([*line, "--no-steady"]) == 0
    np.testing.assert_allclose(mean_levels(output), [40 + 10 * i for i in range(FRAMES)], atol=4)
    with av.open(str(output)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (48, 32)


@pytest.fixture
def still(tmp_path: Path) -> Path:
    """300 noisy frames of two flat scenes without any motion; a cut at 100, and back at 260."""
    path, dice = tmp_path / "still.mkv", np.random.default_rng(3)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for index in range(300):
            level = 180 if 100 <= index < 260 else 60
            picture = (level + dice.integers(-6, 7, (48, 64, 3))).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "bgr24")))
        container.mux(stream.encode())
    return path


def pictures(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]).astype(int)


def test_steady_calms_what_is_still_and_nothing_crosses_a_cut(still: Path, tmp_path: Path) -> None:
    line = ["video", str(still), "--style", "invert", "--engine", "identity", "--codec", "ffv1"]
    assert main.run([*line, "-o", str(tmp_path / "steady.mkv"), "--steady"]) == 0
    before, calm = pictures(still), pictures(tmp_path / "steady.mkv")
    for begin, end in ((0, 100), (100, 250), (260, 300)):
        np.testing.assert_array_equal(calm[begin], before[begin])  # nothing of the scene before is in it
        change = [np.abs(np.diff(frames[begin + 5 : end], axis=0)).mean() for frames in (calm, before)]
        assert change[0] < 0.92 * change[1]  # of single pixels; strokes are calmed by more


def test_a_steady_job_that_was_cut_off_gives_the_same_frames(
    still: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    from pipeline.stylize.scheduled import ScheduledStylizer

    def run(name: str) -> int:
        line = ["video", str(still), "--style", "invert", "--engine", "identity", "--codec", "ffv1"]
        return main.run([*line, "-o", str(tmp_path / name), "--steady"])

    def cut_off(self: ScheduledStylizer, frame: Frame) -> None:
        if frame.index == 290:
            raise EngineError("cut off")
        submit(self, frame)

    submit = ScheduledStylizer.submit
    assert run("whole.mkv") == 0
    with monkeypatch.context() as patch:
        patch.setattr(ScheduledStylizer, "submit", cut_off)
        assert run("cut.mkv") == 6
    assert run("cut.mkv") == 0
    assert "300 frames of 64x48, 250 of them by an earlier run" in capsys.readouterr().err
    np.testing.assert_array_equal(pictures(tmp_path / "cut.mkv"), pictures(tmp_path / "whole.mkv"))


def test_an_output_that_is_there_is_kept_unless_told(clip: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "out.mp4"
    output.write_bytes(b"precious")
    line = ["video", str(clip), "-o", str(output), "--style", "invert"]
    assert main.run(line) == 5
    assert "--overwrite" in capsys.readouterr().err
    assert output.read_bytes() == b"precious"
    assert main.run([*line, "--overwrite"]) == 0
    assert len(mean_levels(output)) == FRAMES


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, 3), (b"", 3), (b"this is no video" * 100, 3)],
    ids=["missing", "empty", "text"],
)
def test_what_is_no_video_is_one_line(
    content: bytes | None, code: int, tmp_path: Path, capsys: Capture
) -> None:
    source, output = tmp_path / "in.mp4", tmp_path / "out.mp4"
    if content is not None:
        source.write_bytes(content)
    assert main.run(["video", str(source), "-o", str(output), "--style", "invert"]) == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert "in.mp4" in lines[0]
    assert not output.exists()


def test_an_output_folder_that_is_missing_is_named(clip: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main.run(["video", str(clip), "-o", str(tmp_path / "no" / "out.mp4"), "--style", "invert"]) == 5
    assert str(tmp_path / "no") in capsys.readouterr().err


def test_an_empty_name_is_not_the_folder_one_stands_in(tmp_path: Path, capsys: Capture) -> None:
    assert main.run(["video", "", "-o", str(tmp_path / "out.mp4"), "--style", "invert"]) == 2
    assert "name of an input is empty" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize("option", [["--strength", "1.5"], ["--precision", "fp99"], ["--size", "big"]])
def test_wrong_options_are_usage_errors(option: list[str], clip: Path, tmp_path: Path) -> None:
    assert main.run(["video", str(clip), "-o", str(tmp_path / "out.mp4"), "--style", "invert", *option]) == 2


@pytest.mark.parametrize(
    ("damage", "interrupted", "code"), [(None, False, 0), ("cut short", False, 10), ("cut short", True, 130)]
)
def test_a_partial_result_has_its_code(damage: str | None, interrupted: bool, code: int) -> None:
    app = main.typer.Typer()
    app.command()(lambda: options.end_early(damage, interrupted))
    with pytest.raises(SystemExit) as ended:
        app([])
    assert ended.value.code == code


def test_images_are_stylized_and_bad_ones_told(tmp_path: Path, capsys: Capture) -> None:
    from pipeline.images.writing import write_image

    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    write_image(folder / "grey.png", np.full((50, 70, 3), 100, np.uint8))
    (folder / "broken.png").write_bytes(b"broken")
    assert main.run(["image", str(folder), "-o", str(output), "--style", "invert"]) == 10
    told = capsys.readouterr().err
    assert "broken.png" in told
    assert "1 written" in told
    with av.open(str(output / "grey.png")) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="bgr24")
    assert picture.shape == (50, 70, 3)
    assert np.abs(picture.astype(int) - 155).max() <= 1


def test_demo_writes_video_and_contact_sheet(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "demo"
    line = ["demo", "-o", str(folder), "--style", "invert", "--size", "96x64", "--seconds", "0.2"]
    assert main.run(line) == 0
    told = capsys.readouterr()
    assert "invert: " in told.err
    assert "frames/s" in told.err
    for name in ("demo.mp4", "contact-sheet.png"):
        assert (folder / name).stat().st_size > 0
        assert name in told.out
