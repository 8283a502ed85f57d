"""The page of reproductions: made whole from data drawn here, gone on with, and its figures read back."""

from pathlib import Path

import cv2
import pytest

from scripts import reproduce
from scripts.reproduction_figures import Scale
from scripts.reproduction_page import markdown_table, read_notes
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg
TINY = Scale(64, 100, 1, 1, 1, 128)


@pytest.fixture
def data(tmp_path: Path, painting: Path, photos: Path) -> Path:
    """Clips, paintings, photographs and portraits, as the script wants them."""
    folder = tmp_path / "data"
    for name in ("clips", "styles", "faces/old", "faces/young"):
        (folder / name).mkdir(parents=True)
    make_media.clip(folder / "clips" / "webcam-person.mkv", seconds=2)
    picture = cv2.resize(cv2.imread(str(painting)), (400, 300))
    for name in ("styles/starry-night", "styles/tahiti", "faces/old/1", "faces/young/1"):
        cv2.imwrite(str(folder / f"{name}.jpg"), cv2.flip(picture, 1) if "young" in name else picture)
    photos.rename(folder / "photos")
    return folder


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduce, "QUICK", TINY)


@pytest.mark.slow
def test_the_page_holds_every_figure_with_its_picture_and_portraits_without(
    data: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("# Notes\n\n## tv\n\nIt is smooth.\n\n## portraits\n\nNobody grew younger.\n")
    out, page = tmp_path / "out", tmp_path / "page.md"
    names = "tv,content-layers,faces,portraits"
    line = [str(data), "-o", str(out), "--quick", "--only", names, "--page", str(page), "--notes", str(notes)]
    assert reproduce.main(line) == 0
    text = page.read_text()
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "Optimisation with total variation",
        "Content rebuilt from white noise",
        "A face with another face as style",
        "An old face with a young face as style",
    ]
    assert "**Seen.** It is smooth." in text
    assert text.endswith("domain.\n")
    pictures = sorted(path.name for path in (tmp_path / "page").iterdir())
    assert pictures == ["content-layers.jpg", "faces.jpg", "tv.jpg"]
    assert "| gamma 1e+07 | 2 |" in text
    made = {path: path.stat().st_mtime_ns for path in out.rglob("0*.png")}
    assert len(made) == 5 + 5 + 1 + 1
    assert reproduce.main(line) == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("0*.png")} == made


@pytest.mark.slow
def test_a_network_is_trained_and_stands_beside_the_renders(data: Path, tmp_path: Path) -> None:
    line = [str(data), "-o", str(tmp_path / "out"), "--quick", "--only", "feed-forward"]
    assert reproduce.main(line) == 0
    text = (tmp_path / "out" / "reproduction.md").read_text()
    assert "a short run: 1 steps" in text
    assert "| network | 0 |" in text
    assert (tmp_path / "out" / "network.safetensors").exists()


def test_a_wrong_name_and_a_folder_that_lacks_something_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["-o", str(tmp_path / "out")]
    assert reproduce.main([str(tmp_path), *out, "--only", "x"]) == 3
    assert "--only x: choose among tv, iterations" in capsys.readouterr().err
    assert reproduce.main([str(tmp_path), *out]) == 3
    assert "it lacks clips, styles, photos, faces" in capsys.readouterr().err


def test_notes_that_are_not_there_are_missed_before_the_work(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, notes = tmp_path / "out", tmp_path / "absent.md"
    assert reproduce.main([str(data), "-o", str(out), "--notes", str(notes)]) == 3
    assert f"--notes {notes}: a file with a part ## NAME" in capsys.readouterr().err
    assert not list(out.rglob("*.png"))


def test_tables_and_notes(tmp_path: Path) -> None:
    assert markdown_table([{"trial": "a", "total": "0.000123456"}]).splitlines() == [
        "| trial | total |",
        "| --- | --- |",
        "| a | 0.0001235 |",
    ]
    notes = tmp_path / "notes.md"
    notes.write_text("Head\n\n## one\n\nText.\n\n## two\nMore.\n")
    assert read_notes(notes) == {"one": "Text.", "two": "More."}
