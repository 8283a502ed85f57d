"""Make the README's picture: frames of clips beside what every style makes of them; or the gallery page.

python scripts/gallery.py CLIP[@SECONDS]... -o docs/gallery.jpg [--styles a,b] [--width 1600]
python scripts/gallery.py CLIP[@SECONDS]... --page docs/gallery.md --notes docs/gallery-footage.txt

The page has every style's card, figures and picture, of a style of several pictures of its mixtures, from the
first clip's next three seconds; pictures go beside it into a folder of its name. The
notes say where the footage comes from and under which licence; they stand at the page's foot.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from pipeline.api import Style, open_style  # noqa: E402 - the repository is no package on the path
from pipeline.common.contact_sheet import Cell, draw_sheet, fitted_wh  # noqa: E402
from pipeline.common.errors import BrushstreamError, InputError  # noqa: E402
from pipeline.frame import Pixels  # noqa: E402
from pipeline.images.writing import write_image  # noqa: E402
from pipeline.style import list_styles, style_paths  # noqa: E402
from pipeline.video.reading.video_file import VideoFileSource  # noqa: E402
from scripts.mixture_sheets import sheets_of  # noqa: E402

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


def panel(pixels: Pixels, size_wh: tuple[int, int], *caption: str) -> Cell:
    """A frame as a cell of a sheet."""
    return Cell(Image.fromarray(pixels[..., ::-1]).resize(size_wh), caption)


def sheet(clips: list[str], styles: list[Style], width: int) -> Pixels:
    """One row a clip: as filmed, then every style; (H, W, 3) uint8 BGR."""
    size_wh = fitted_wh(ROW_SIZE, min(1 + len(styles), 4), width)
    rows = []
    for clip in clips:
        frame = frame_at(clip)
        first = panel(frame, size_wh, "As filmed", Path(clip.partition("@")[0]).stem)
        cards = [style.card for style in styles]
        labels = [(card.title, f"{card.artist}, {card.year}") for card in cards]
        painted = zip(styles, labels, strict=True)
        rows.append([first, *(panel(style(frame), size_wh, *label) for style, label in painted)])
    return np.asarray(draw_sheet("", rows))[..., ::-1]


def strip(clips: list[str], style: Style, width: int) -> Pixels:
    """What one style makes of every clip's frame, in a row; (H, W, 3) uint8 BGR."""
    size_wh = fitted_wh(ROW_SIZE, len(clips), width)
    row = [panel(style(frame_at(clip)), size_wh) for clip in clips]
    return np.asarray(draw_sheet("", [row]))[..., ::-1]


def paragraph(style: Style, fast: bool) -> str:
    """A style's card in sentences."""
    card, recipe = style.card, style.card.recipe
    lines = [f"*{card.title}*, {card.artist}, {card.year}; {card.rights}. `--style {card.name}`"]
    lines.append(
        f"{card.network}, {card.parameters / 1e3:.0f} k parameters, {recipe['steps_taken']} steps of "
        f"{recipe['batch_size']} at {recipe['image_size']} px"
        + (f", begun from `{recipe['init_from']}`" if recipe.get("init_from") else "")
    )
    judged = {key: card.evaluation.get(f"held_out_{key}") for key in ("content", "style")}
    if None not in judged.values():
        lines.append(
            f"content {judged['content']:.2f} and style {judged['style']:.3f} on held-out photographs"
        )
    if fast:
        lines.append("has a second, smaller network: `--quality fast`")
    return ". ".join(lines) + "."


def chapter(style: Style, clips: list[str], folder: Path, fast: bool, width: int) -> list[str]:
    """The page's part about one style; writes its pictures."""
    name = style.card.name
    if not style.card.styles:
        write_image(folder / f"{name}.jpg", strip(clips, style, width), overwrite=True)
        return [f"## {name}", f"![{name}]({folder.name}/{name}.jpg)", paragraph(style, fast)]
    path, _, start = clips[0].partition("@")
    made = sheets_of(style, lambda seconds: frame_at(f"{path}@{float(start or 0) + seconds}"), width)
    parts = [f"## {name}", f"{style.card.title}. [How to mix them](mixing.md)."]
    for kind, (told, picture) in made.items():
        write_image(folder / f"{name}-{kind}.jpg", picture, overwrite=True)
        parts += [told, f"![{kind}]({folder.name}/{name}-{kind}.jpg)"]
    return parts


def write_page(page: Path, clips: list[str], styles: list[Style], notes: str, width: int) -> None:
    """The gallery page and its pictures."""
    folder = page.with_suffix("")
    folder.mkdir(exist_ok=True)
    fast = style_paths(quality="fast")
    parts = [
        "# Gallery",
        f"What the {len(styles)} bundled styles make of the same frames, as `brushstream` drew them.",
    ]
    for style in styles:
        parts += chapter(style, clips, folder, style.card.name in fast, width)
    page.write_text("\n\n".join([*parts, notes.strip()]) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Make the sheet or the page; 0 when it was written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("clips", nargs="+", metavar="CLIP[@SECONDS]")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("-o", "--output", type=Path, help="the sheet")
    target.add_argument("--page", type=Path, help="the page, NAME.md")
    parser.add_argument("--notes", type=Path, help="text file for the page's foot")
    parser.add_argument("--styles", help="names, with commas between; default all")
    parser.add_argument("--width", type=int, default=1600, help="of the sheet, px")
    options = parser.parse_args(arguments)
    names = options.styles.split(",") if options.styles else [s.card.name for s in list_styles()]
    try:
        styles = [open_style(name) for name in names]
        if options.page:
            notes = options.notes.read_text(encoding="utf-8") if options.notes else ""
            write_page(options.page, options.clips, styles, notes, options.width)
        else:
            write_image(options.output, sheet(options.clips, styles, options.width), overwrite=True)
    except BrushstreamError as error:
        print(f"gallery: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
