"""The command ``brushstream export``. torch is imported when it runs."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    checkpoint: Annotated[Path, typer.Argument(metavar="NAME.safetensors", help="A trained checkpoint.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="NAME.onnx")] = None,
) -> None:
    """Make a style file of a trained network, after checking that it shows the same picture.

    The same frames go through torch, OpenVINO fp32 and ONNX Runtime. A difference above 0.1 grey level
    on average, or 1 at the 99.9th percentile, refuses the file.
    """
    from export.to_onnx import style_file_from_checkpoint
    from pipeline.errors import OutputError

    target = output or checkpoint.with_suffix(".onnx")
    if target.suffix != ".onnx":
        raise OutputError(f"-o {target}: a name ending in .onnx was expected")
    card = style_file_from_checkpoint(checkpoint, target, on_report=print)
    print(f"wrote {target}: style {card.name!r}, {card.network}, {target.stat().st_size / 1e6:.2f} MB")
