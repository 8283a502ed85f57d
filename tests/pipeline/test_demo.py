"""The demo: its files, its measurements, its page layout."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.common.errors import OutputError, StyleNotFoundError
from pipeline.demo import DemoOptions, StyleSpeed, run_demo
from pipeline.drawing.contact_sheet import PAPER, Grid, Label, plain
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
    sheet, grid = read_image(done.contact_sheet), Grid.of(3, (48, 64), 2400)
    assert sheet.shape[:2] == grid.size == shown.size
    original, inverted = panel(sheet, grid, 0), panel(sheet, grid, 1)
    assert np.array_equal(original, SyntheticSource((48, 64), 10).frame(13).pixels)
    assert np.abs(original.astype(int) + inverted - 255).max() <= 1


def panel(page: np.ndarray, grid: Grid, number: int) -> np.ndarray:
    top, left = grid.corner(number)
    return page[top : top + grid.panel[0], left : left + grid.panel[1]]


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
    ("panels", "columns", "rows"), [(1, 1, 1), (3, 3, 1), (4, 4, 1), (5, 3, 2), (11, 4, 3)]
)
def test_a_grid_holds_every_panel_apart(panels: int, columns: int, rows: int) -> None:
    grid = Grid.of(panels, (480, 640), 1920)
    assert (grid.columns, grid.rows) == (columns, rows)
    height, width = grid.size
    assert width <= 1920
    assert (height % 2, width % 2) == (0, 0)
    page = np.zeros((height, width), np.uint8)
    for number in range(panels):
        top, left = grid.corner(number)
        part = page[top : top + grid.panel[0] + grid.caption, left : left + grid.panel[1]]
        assert part.shape == (grid.panel[0] + grid.caption, grid.panel[1])
        assert not part.any()
        part[:] = 1


def test_labels_stay_under_their_panel() -> None:
    grid = Grid.of(2, (120, 160), 1920)
    page = grid.background([Label("A very long title " * 9, "ab"), Label("")])
    inked = np.any(page != PAPER, axis=2)
    top, left = grid.corner(0)
    allowed = np.zeros_like(inked)
    bottom = top + grid.panel[0]
    allowed[bottom : bottom + grid.caption + grid.margin, left - 2 : left + grid.panel[1] + grid.margin] = (
        True
    )
    assert inked.any()
    assert not (inked & ~allowed).any()


def test_labels_are_ascii() -> None:
    assert plain("Théo \N{EN DASH} Vásquez\N{RIGHT SINGLE QUOTATION MARK}s 神奈川") == "Theo - Vasquez's ???"
