"""A name is a name where a file has it; long ones work or are refused at once; nothing is found out late."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from pipeline import style
from pipeline.cli import main
from pipeline.common.atomic_files import beside
from pipeline.common.errors import OutputError
from pipeline.video.batch_plan import find_inputs, is_batch
from pipeline.video.color import VideoColor
from pipeline.video.job import run_video
from pipeline.video.options import VideoOptions
from pipeline.video.outputs.base import OutputRequest
from pipeline.video.outputs.movie import MovieAssembler
from pipeline.video.picture_format import PictureFormat
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg


@pytest.fixture(autouse=True)
def _in_the_folder(tmp_path: Path, styles_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "bundled_folder", lambda: styles_folder)
    monkeypatch.chdir(tmp_path)


def video(*arguments: str) -> int:
    return main.run(["video", *arguments, "--style", "invert", "--engine", "identity"])


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "name",
    ["film [id].mp4", "my%20day.mp4", "50% off.mp4", "c%d.mp4", "Trip: day 1.mp4", "a {b}.mp4", "a*b?.mp4"],
)
def test_a_file_is_taken_by_its_name(tmp_path: Path, name: str) -> None:
    make_media.clip(tmp_path / "plain.mp4", seconds=0.2).rename(tmp_path / name)
    assert video(name, "-o", "rome.mp4") == 0
    assert files(tmp_path) == sorted([name, "rome.mp4"])


@pytest.mark.parametrize(
    "name", ["100%done.mp4", "my%20day.mkv", "b {c}.mp4", "Trip: out.mp4", "[x].webm", "at 50%.gif"]
)
def test_an_output_gets_its_name(tmp_path: Path, name: str) -> None:
    make_media.clip(tmp_path / "in.mp4", seconds=0.2)
    assert video("in.mp4", "-o", name) == 0
    assert files(tmp_path) == sorted([name, "in.mp4"])


def test_percent_signs_do_not_clash_in_a_batch(tmp_path: Path) -> None:
    for name in ("50% off.mp4", "50% on.mp4"):
        make_media.clip(tmp_path / name, seconds=0.2)
    assert video("50% off.mp4", "50% on.mp4", "-o", "out") == 0
    assert files(tmp_path / "out") == ["50% off-invert.mp4", "50% on-invert.mp4"]


def test_folders_with_brackets_hold_videos_patterns_and_sequences(tmp_path: Path) -> None:
    folder = tmp_path / "dir [x] {y} 5%"
    folder.mkdir()
    make_media.clip(folder / "1.mp4", seconds=0.2)
    assert find_inputs([str(folder)]) == find_inputs([str(folder / "*.mp4")]) == [folder / "1.mp4"]
    assert video(str(folder / "*.mp4"), "-o", str(folder / "{stem}-2.mp4")) == 0
    assert files(folder) == ["1-2.mp4", "1.mp4"]
    assert video(str(folder / "1.mp4"), "-o", "seq [1]/100%_%03d.png") == 0
    assert files(tmp_path / "seq [1]") == [f"100%_{number:03d}.png" for number in range(5)]
    assert not is_batch(["seq [1]/100%_%03d.png"], Path("back.mp4"))
    assert video("seq [1]/100%_%03d.png", "-o", "back.mp4") == 0
    assert len(make_media.probe(tmp_path / "back.mp4").times) == 5


@pytest.mark.parametrize("stem", ["あ" * 83, "x" * 250, "é" * 125])
@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_long_name_is_written(tmp_path: Path, stem: str, suffix: str) -> None:
    make_media.clip(tmp_path / "in.mp4", seconds=0.2)
    assert video("in.mp4", "-o", stem + suffix, "--preview", "0.001") == 0
    assert files(tmp_path) == sorted(["in.mp4", stem + suffix])
    assert video(stem + suffix, "-o", "again.mp4") == 0


@pytest.mark.parametrize("name", ["x" * 252 + ".mp4", "あ" * 84 + ".mp4", "y" * 300 + "/%03d.png"])
def test_a_name_that_is_too_long_is_refused_at_once(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_media.clip(tmp_path / "in.mp4", seconds=0.2)
    assert video("in.mp4", "-o", name) == 5
    assert video(name, "-o", "out.mp4") == 3
    assert "bytes, more than the file system allows; choose a shorter one" in capsys.readouterr().err
    assert files(tmp_path) == ["in.mp4"]


def test_neighbours_of_long_names_differ_and_stay() -> None:
    one, other = Path("a" * 250 + ".mp4"), Path("a" * 250 + ".mkv")
    assert beside(one, ".", ".work") == beside(one, ".", ".work") != beside(other, ".", ".work")
    assert len(beside(one, ".", ".work").name.encode()) == 255
    assert beside(Path("clip.mp4"), ".", ".work").name == ".clip.mp4.work"


def refused(source: Path, target: Path) -> str:
    """The refusal, which must come before an engine is loaded or a frame is made."""
    asked = VideoOptions(source, target, "invert", engine="identity")
    seen: list[object] = []
    before = sorted(source.parent.iterdir())
    with pytest.raises(OutputError) as error:
        run_video(asked, seen.append, on_engine=seen.append)
    assert seen == []
    assert sorted(source.parent.iterdir()) == before
    return str(error.value)


def test_what_the_container_refuses_at_its_end_is_refused_before_the_first_frame(tmp_path: Path) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "out.mp4"
    make_media.ffmpeg(*make_media.TESTSRC, "-c:v", "ffv1", "-metadata", "timecode=01:00:00:00", source)
    pictures = PictureFormat((48, 64), Fraction(60000), Fraction(1, 60000), VideoColor())
    assembler = MovieAssembler(OutputRequest(target, pictures, source=source))
    with pytest.raises(OutputError, match=r"out\.mp4 cannot be encoded"):
        assembler.rehearse()
    assert files(tmp_path) == ["in.mkv"]


def test_a_timecode_comes_along_without_a_line(tmp_path: Path) -> None:
    make_media.ffmpeg(
        *make_media.TESTSRC, "-c:v", "ffv1", "-metadata", "timecode=01:00:00:00", tmp_path / "in.mkv"
    )
    done = run_video(VideoOptions(tmp_path / "in.mkv", tmp_path / "out.mov", "invert", engine="identity"))
    assert done.notes == ()
    with av.open(str(tmp_path / "out.mov")) as container:
        assert container.streams.video[0].metadata["timecode"] == "01:00:00:00"


def test_a_picture_too_large_for_its_format_is_refused_before_the_first_frame(tmp_path: Path) -> None:
    source = make_media.lossless(tmp_path / "in.mkv", "16400x2", frames=1)
    assert "too large for .webp; try .png" in refused(source, tmp_path / "pictures" / "%03d.webp")
