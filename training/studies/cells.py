"""What a study keeps of its trials, in files that say what they are of, and shows of them."""

from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from pipeline.common.contact_sheet import Cell
from pipeline.common.reports import read_json, write_json
from training import image_io
from training.checkpoint import require_same_recipe

CELL_PX = 256


def claim(path: Path, identity: dict[str, Any]) -> None:
    """Write down what a trial is of; CheckpointError where ``path`` says that it is of something else."""
    if not path.exists():
        write_json(path, identity)
        return
    require_same_recipe(read_json(path), identity, path.parent, "give another folder with -o")


def file_name(label: str) -> str:
    """``label`` with everything but letters, digits, dots, dashes and underscores made a dash."""
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in label)


def cell(image: Tensor, *caption: str) -> Cell:
    """Of an image (1, 3, H, W), RGB in [0, 1], scaled so that its longest side fills a cell of a sheet."""
    picture = Image.fromarray(image_io.quantized(image, 8))
    factor = CELL_PX / max(picture.size)
    size_wh = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return Cell(picture.resize(size_wh, Image.Resampling.LANCZOS), caption, CELL_PX)
