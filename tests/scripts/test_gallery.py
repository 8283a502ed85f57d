"""The gallery page: every style with its card, its figures and a picture of its own."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.style import bundled_folder
from scripts import gallery
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg


@pytest.mark.slow
def test_the_page_shows_every_style_once(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    make_media.clip(clip, seconds=3.2)
    notes = tmp_path / "notes.txt"
    notes.write_text("Footage: drawn for this test.\n")
    page = tmp_path / "gallery.md"
    line = [str(clip), f"{clip}@0.2", "--page", str(page), "--notes", str(notes), "--width", "400"]
    assert gallery.main(line) == 0
    text = page.read_text()
    names = sorted(path.stem for path in bundled_folder().glob("*.onnx"))
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == names
    assert text.endswith("Footage: drawn for this test.\n")
    assert all((tmp_path / shown).is_file() for shown in re.findall(r"!\[.*\]\((.*)\)", text))
    pictures = [cv2.imread(str(tmp_path / "gallery" / f"{name}.jpg")) for name in names if name != "gallery"]
    assert all(picture is not None and picture.shape[1] <= 400 for picture in pictures)
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 5  # type: ignore[union-attr]


def test_a_clip_that_is_too_short_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "clip.mp4"
    make_media.clip(clip)
    assert gallery.main([f"{clip}@99", "-o", str(tmp_path / "sheet.jpg")]) == 3
    assert "has no frame at 99 s" in capsys.readouterr().err
