"""Make the README's picture: frames of clips beside what every style makes of them.

python scripts/gallery.py CLIP[@SECONDS]... -o docs/gallery.jpg [--styles a,b] [--width 1600]
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from pipeline.api import Style, open_style  # noqa: E402 - the repository is no package on the path
from pipeline.contact_sheet import Grid, Label  # noqa: E402
from pipeline.errors import BrushstreamError, InputError  # noqa: E402
from pipeline.frame import Pixels  # noqa: E402
from pipeline.sinks.images import write_image  # noqa: E402
from pipeline.sources.video_file import VideoFileSource  # noqa: E402
from pipeline.style import list_styles  # noqa: E402

ROW_SIZE = (480, 640)


def frame_at(clip: str) -> Pixels:
    """The frame of ``PATH@SECONDS`` (0 unless told), scaled and cropped to ROW_SIZE; uint8 BGR."""
    path, _, seconds = clip.partition("@")
    with VideoFileSource(Path(path)) as source:
        for frame in source:
            if frame.pts is not None and frame.pts >= float(seconds or 0):
                return fill(frame.pixels)
    raise InputError(f"{path} has no frame at {seconds} s; name an earlier moment")


def fill(pixels: Pixels) -> Pixels:
    """Cover ROW_SIZE: scale until both sides reach it, crop the middle."""
    import cv2

    height, width = ROW_SIZE
    factor = max(height / pixels.shape[0], width / pixels.shape[1])
    scaled = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
    return scaled[top : top + height, left : left + width].copy()  # type: ignore[return-value]


def sheet(clips: list[str], styles: list[Style], width: int) -> Pixels:
    """One row a clip: as filmed, then every style; (H, W, 3) uint8 BGR."""
    columns = 1 + len(styles)
    shape = Grid.of(min(columns, 4), ROW_SIZE, width)
    grid = Grid(shape.panel, columns, len(clips), shape.margin, shape.caption)
    labels, panels = [], []
    for clip in clips:
        frame = frame_at(clip)
        panels += [frame, *(style(frame) for style in styles)]
        labels += [Label("As filmed", Path(clip.partition("@")[0]).stem)]
        labels += [Label(s.card.title, f"{s.card.artist}, {s.card.year}") for s in styles]
    page = grid.background(labels)
    for number, panel in enumerate(panels):
        grid.place(page, number, panel)
    return page


def main(arguments: list[str]) -> int:
    """Make the sheet; 0 when it was written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", nargs="+", metavar="CLIP[@SECONDS]")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--styles", help="names, with commas between; default all")
    parser.add_argument("--width", type=int, default=1600, help="of the sheet, px")
    options = parser.parse_args(arguments)
    names = options.styles.split(",") if options.styles else [s.card.name for s in list_styles()]
    try:
        page = sheet(options.clips, [open_style(name) for name in names], options.width)
        write_image(options.output, page, overwrite=True)
    except BrushstreamError as error:
        print(f"gallery: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
