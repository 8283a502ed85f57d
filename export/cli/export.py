"""The command ``brushstream export``. torch is imported when a checkpoint is exported, and only then."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import parse_size
from pipeline.common.adapters import require


def export(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A checkpoint (.safetensors); with --photos or --tensorrt a style (.onnx) too.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="NAME.onnx", help="The style; else beside FILE.")
    ] = None,
    photos: Annotated[
        Path | None, typer.Option(help="Folder of photographs: add an int8 graph, calibrated on them.")
    ] = None,
    tensorrt: Annotated[bool, typer.Option("--tensorrt", help="Build a TensorRT engine of a style.")] = False,
    size: Annotated[
        str | None, typer.Option("--size", metavar="WxH", help="The engine's frame size.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option("--precision", help="The engine's: fp16 (default) or fp32.")
    ] = None,
) -> None:
    """Make a style file of a trained network, or a TensorRT engine of a style file.

    A style file is written after the same frames went through torch, OpenVINO fp32 and ONNX Runtime. A
    difference above 0.1 grey level on average, or 1 at the 99.9th percentile, refuses the file.

    With --photos the file also holds the network in int8 (NNCF; extra `int8`), which OpenVINO runs by
    itself on CPUs with VNNI and without bf16. It is left out where it would show another picture. FILE may
    be a style that is there already; it is written anew.

    With --tensorrt --size WxH the engine for that size is built on this machine's GPU, compared with the
    style, and kept where `brushstream` finds it.
    """
    if tensorrt:
        if photos:
            raise typer.BadParameter("--photos goes without --tensorrt")
        _build_engine(source, size, precision, output)
    elif size or precision:
        raise typer.BadParameter("--size and --precision go with --tensorrt")
    else:
        if photos:
            require("int8", "nncf", "int8")
        style = source if source.suffix == ".onnx" and photos else _write_style(source, output)
        if photos:
            _add_int8(style, photos)


def _add_int8(style: Path, photos: Path) -> None:
    from export.quantized import add_int8

    card = add_int8(style, photos, on_report=print)
    kept = "holds an int8 graph" if card.int8 else "has no int8 graph: it would show another picture"
    print(f"{style} {kept}, {style.stat().st_size / 1e6:.2f} MB")


def _write_style(checkpoint: Path, output: Path | None) -> Path:
    from export.to_onnx import style_file_from_checkpoint
    from pipeline.common.errors import OutputError

    target = output or checkpoint.with_suffix(".onnx")
    if target.suffix != ".onnx":
        raise OutputError(f"-o {target}: a name ending in .onnx was expected")
    card = style_file_from_checkpoint(checkpoint, target, on_report=print)
    print(f"wrote {target}: style {card.name!r}, {card.network}, {target.stat().st_size / 1e6:.2f} MB")
    return target


def _build_engine(style: Path, size: str | None, precision: str | None, output: Path | None) -> None:
    from export.to_tensorrt import tensorrt_from_style

    if output is not None:
        raise typer.BadParameter("a TensorRT engine goes into the cache; leave -o out")
    if precision not in (None, "fp16", "fp32"):
        raise typer.BadParameter(f"--precision {precision}: fp16 or fp32 was expected")
    built = tensorrt_from_style(style, _height_width(size), precision)  # type: ignore[arg-type]
    height, width = built.size
    print(f"built for {width}x{height}: {built.description}")
    print(built.parity)
    if built.note:
        print(built.note)


def _height_width(size: str | None) -> tuple[int, int]:
    if size is None:
        raise typer.BadParameter("--tensorrt needs --size WIDTHxHEIGHT, 1280x720 for example")
    return parse_size(size)
