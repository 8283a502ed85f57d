"""What several commands share: options, how they are read, and how a line is told. Loads nothing heavy."""

import enum
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.common.errors import EXIT_DAMAGED_INPUT, EXIT_INTERRUPTED
from pipeline.engines import registry

if TYPE_CHECKING:
    from pipeline.engines.base import Precision

PLAIN = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}
"""Help without rich: half the time, and the same on every terminal."""

DEFAULT_STYLE = "starry-night"


class PrecisionOption(enum.StrEnum):
    """Precisions an engine may be asked for."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"
    int8 = "int8"


def parse_size(text: str) -> tuple[int, int]:
    """(height, width) from ``WIDTHxHEIGHT``; typer.BadParameter for anything else."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise typer.BadParameter(f"{text!r} is no size; write WIDTHxHEIGHT, 1280x720 for example")
    return int(height), int(width)


class QualityOption(enum.StrEnum):
    """Networks a style's name may stand for."""

    best = "best"
    fast = "fast"


StyleName = Annotated[str, typer.Option("--style", help="Name of a style, or path of a style file.")]
Quality = Annotated[
    QualityOption, typer.Option("--quality", help="fast takes a style's smaller network, if it has one.")
]
EngineName = Annotated[
    str,
    typer.Option("--engine", help=f"auto, {', '.join(registry.ENGINES)}. A named engine never falls back."),
]
DeviceName = Annotated[str | None, typer.Option("--device", help="For openvino: CPU, GPU or NPU.")]
ProviderName = Annotated[
    str | None, typer.Option("--provider", help="For onnxruntime: CPU, CUDA, CoreML or DirectML.")
]
PrecisionName = Annotated[
    PrecisionOption, typer.Option("--precision", help="auto takes the fastest that keeps the picture.")
]
Size = Annotated[
    str | None, typer.Option("--size", metavar="WxH", help="Scale to this size; default: the input's.")
]
Strength = Annotated[
    float, typer.Option("--strength", min=0.0, max=1.0, help="0 leaves the frame, 1 is the style alone.")
]
KeepColors = Annotated[bool, typer.Option("--keep-colors", help="Keep the input's colours.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", "-y", help="Replace what is there under that name.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Also write the report to this file.")]


def precision_of(option: PrecisionOption) -> "Precision | None":
    """What the engines take: None for ``auto``."""
    return None if option is PrecisionOption.auto else option.value  # type: ignore[return-value]


def painting(
    quality: QualityOption,
    engine: str,
    device: str | None,
    provider: str | None,
    precision: PrecisionOption,
    size: str | None,
    strength: float,
    keep_colors: bool,
    overwrite: bool,
) -> dict[str, Any]:
    """The values of ``PaintingOptions`` that a command line asks for."""
    return {
        "quality": quality.value,
        "engine": registry.engine_on(engine, device, provider),
        "precision": precision_of(precision),
        "size": parse_size(size) if size else None,
        "strength": strength,
        "keep_colors": keep_colors,
        "overwrite": overwrite,
    }


def say(line: str) -> None:
    """One line to the person, apart from the results on standard output."""
    print(f"brushstream: {line}", file=sys.stderr, flush=True)


def end_early(damage: str | None, interrupted: bool) -> None:
    """Leave with the exit code of a job whose result is only a part of what was wanted."""
    if interrupted:
        say("stopped; what was made until then was kept")
        raise typer.Exit(EXIT_INTERRUPTED)
    if damage is not None:
        say(f"warning: {damage}")
        raise typer.Exit(EXIT_DAMAGED_INPUT)
