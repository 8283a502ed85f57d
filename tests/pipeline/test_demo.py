"""The demo: its files, its measurements, its page layout."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.common.contact_sheet import PAPER, Cell, draw_sheet, fitted_wh, placed, wrapped
from pipeline.common.errors import OutputError, StyleNotFoundError
from pipeline.demo import DemoOptions, StyleSpeed, frame_count, run_demo
from pipeline.drawing.text import plain
from pipeline.images.reading import read_image
from pipeline.live.sources.synthetic import SyntheticSource
from tests.support import make_media


@pytest.fixture
def styles(styles_folder: Path) -> tuple[str, ...]:
    return str(styles_folder / "invert.onnx"), str(styles_folder / "blur.onnx")


def test_a_video_and_a_sheet_of_every_style(tmp_path: Path, styles: tuple[str, ...]) -> None:
    told: list[StyleSpeed] = []
    options = DemoOptions(tmp_path / "demo", styles, size=(48, 64), rate=10, seconds=1.0)
    done = run_demo(options, on_style=lambda speed, number, styles: told.append(speed))
    assert sorted(p.name for p in (tmp_path / "demo").iterdir()) == ["contact-sheet.png", "demo.mp4"]
    shown = make_media.probe(done.video)
    assert (len(shown.times), done.frames) == (10, 10)
    assert tuple(told) == done.speeds
    assert [speed.name for speed in told] == ["invert", "blur"]
    assert all(speed.fps == pytest.approx(1000 / speed.frame_ms) for speed in told)
    sheet, rows = read_image(done.contact_sheet), [cells(3, (64, 48), "Original", WHAT)]
    assert sheet.shape[0] == draw_sheet("", rows).height
    assert shown.size[0] == sheet.shape[0]
    (left, top), (beside, _) = ((left, top) for _, left, top in list(placed("", rows))[:2])
    original, inverted = (sheet[top : top + 48, x : x + 64] for x in (left, beside))
    assert np.array_equal(original, SyntheticSource((48, 64), 10).frame(13).pixels)
    assert np.abs(original.astype(int) + inverted - 255).max() <= 1


WHAT = "a scene drawn by brushstream, 64x48"


def cells(count: int, size_wh: tuple[int, int], *caption: str) -> list[Cell]:
    return [Cell(Image.new("RGB", size_wh), caption)] * count


@pytest.mark.parametrize(("frame_ms", "frames"), [(0.0, 100), (300.0, 100), (600.0, 50), (60_000.0, 12)])
def test_a_slow_machine_makes_a_shorter_video(frame_ms: float, frames: int) -> None:
    assert frame_count(DemoOptions(), frame_ms) == frames
    assert frame_count(DemoOptions(seconds=2.0), frame_ms) == 50


def test_a_second_demo_replaces_the_first(tmp_path: Path, styles: tuple[str, ...]) -> None:
    options = DemoOptions(tmp_path, styles[:1], size=(16, 16), rate=5, seconds=0.4)
    run_demo(options)
    assert run_demo(options).frames == 2


def test_refusals(tmp_path: Path, styles: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OutputError, match="is a file"):
        run_demo(DemoOptions(file, styles))
    with pytest.raises(OutputError, match="does not exist"):
        run_demo(DemoOptions(tmp_path / "a" / "b", styles))
    with pytest.raises(StyleNotFoundError):
        run_demo(DemoOptions(tmp_path, ("no-such-style",)))
    monkeypatch.setattr("pipeline.demo.list_styles", list)
    with pytest.raises(StyleNotFoundError, match="no style to show"):
        run_demo(DemoOptions(tmp_path))


@pytest.mark.parametrize(
    ("count", "columns", "rows"), [(1, 1, 1), (3, 3, 1), (4, 4, 1), (5, 3, 2), (11, 4, 3)]
)
def test_a_sheet_holds_every_panel_apart(count: int, columns: int, rows: int) -> None:
    size_wh = fitted_wh((480, 640), columns, 1920)
    grid = wrapped(cells(count, size_wh, "title", "detail"), columns)
    assert (len(grid[0]), len(grid)) == (columns, rows)
    sheet = draw_sheet("", grid)
    assert sheet.width <= 1920
    assert (sheet.height % 2, sheet.width % 2) == (0, 0)
    page = np.zeros((sheet.height, sheet.width), np.uint8)
    width, height = size_wh
    for _, left, top in placed("", grid):
        part = page[top : top + height, left : left + width]
        assert part.shape == (height, width)
        assert not part.any()
        part[:] = 1


def test_labels_stay_under_their_panel() -> None:
    rows = [[*cells(1, (160, 120), "A very long title " * 9, "ab"), *cells(1, (160, 120))]]
    inked = np.any(np.asarray(draw_sheet("", rows)) != PAPER, axis=2)
    (_, left, top), (_, beside, _) = placed("", rows)
    inked[top : top + 120, left : left + 160] = inked[top : top + 120, beside : beside + 160] = False
    rows_inked, columns_inked = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    assert top + 120 < rows_inked[0]
    assert left <= columns_inked[0]
    assert columns_inked[-1] < beside


def test_labels_are_ascii() -> None:
    assert plain("Théo \N{EN DASH} Vásquez\N{RIGHT SINGLE QUOTATION MARK}s 神奈川") == "Theo - Vasquez's ???"
