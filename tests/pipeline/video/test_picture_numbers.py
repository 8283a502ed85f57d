"""Folders of pictures: what else lies in them, where their numbers begin, and what is missing."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.images.writing import write_image
from pipeline.video.job import VideoOptions, run_video
from pipeline.video.reading.picture_sequence import PictureSequenceSource, is_picture_sequence
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg


def pictures(folder: Path, *numbers: int) -> Path:
    folder.mkdir()
    for number in numbers:
        write_image(folder / f"frame_{number:04d}.png", np.full((48, 64, 3), number % 256, np.uint8))
    return folder


@pytest.fixture
def style(styles_folder: Path) -> str:
    return str(styles_folder / "invert.onnx")


@pytest.mark.parametrize("name", ["Thumbs.db", "notes.md", "desktop.ini", "README", "sound.wav"])
def test_foreign_files_beside_pictures_are_passed_over(tmp_path: Path, style: str, name: str) -> None:
    folder = pictures(tmp_path / "in", 1, 2, 3)
    (folder / name).write_bytes(b"something else")
    assert is_picture_sequence(folder)
    done = run_video(VideoOptions(folder, tmp_path / "out.mp4", style, engine="identity"))
    assert (done.frames, done.notes) == (3, ())


def test_a_folder_with_a_video_is_no_sequence(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", 1, 2)
    make_media.clip(folder / "film.mp4")
    assert not is_picture_sequence(folder)


@pytest.mark.parametrize("source", ["in", "in/frame_%04d.png"])
def test_numbers_are_kept_and_gaps_told(tmp_path: Path, style: str, source: str) -> None:
    pictures(tmp_path / "in", 1001, 1002, 1005, 1006)
    target = tmp_path / "out" / "%06d.png"
    done = run_video(VideoOptions(tmp_path / source, target, style, engine="identity"))
    assert sorted(p.name for p in target.parent.iterdir()) == [
        "001001.png", "001002.png", "001005.png", "001006.png"
    ]  # fmt: skip
    assert any("no picture has the number 1003 to 1004:" in note for note in done.notes)


def test_names_without_numbers_are_counted(tmp_path: Path, style: str) -> None:
    folder = pictures(tmp_path / "in", 7)
    (folder / "frame_0007.png").rename(folder / "title.png")
    run_video(VideoOptions(folder, tmp_path / "out" / "%03d.png", style, engine="identity"))
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["000.png"]
    with PictureSequenceSource(folder) as source:
        assert source.notes == []


@pytest.mark.parametrize(
    ("size", "notes"),
    [
        ((24, 32), []),
        ((25, 34), []),
        ((32, 32), ["pictures of 64x48 were pressed into 32x32, as --size asks"]),
    ],
)
def test_a_size_of_another_shape_is_told(tmp_path: Path, size: tuple[int, int], notes: list[str]) -> None:
    write_image(tmp_path / "1.png", np.zeros((48, 64, 3), np.uint8))
    with PictureSequenceSource(tmp_path, size) as source:
        assert (source.info.size, source.notes) == (size, notes)
