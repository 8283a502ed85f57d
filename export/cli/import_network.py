"""The command ``brushstream import``. Everything that needs torch is imported when it runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import Overwrite


def import_network(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The network: .pth, .onnx, a folder, ...")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="NAME.onnx", help="The style file.")],
    licence: Annotated[
        str | None,
        typer.Option(
            "--licence", "--license", metavar="TEXT", help="Terms of the network; asked for on a terminal."
        ),
    ] = None,
    title: Annotated[str, typer.Option("--title", help="Of the artwork it paints like.")] = "",
    artist: Annotated[str, typer.Option("--artist", help="Of the artwork it paints like.")] = "",
    year: Annotated[int | None, typer.Option("--year", help="Of the artwork it paints like.")] = None,
    origin: Annotated[str, typer.Option("--source", metavar="TEXT", help="Where the network is from.")] = "",
    painting: Annotated[
        Path | None, typer.Option(help="The painting, for a network that paints like any picture.")
    ] = None,
    predictor: Annotated[
        Path | None, typer.Option(metavar="FILE.onnx", help="The other half of such a network.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Make a style file of a network that somebody else trained.

    Known are the fast_neural_style networks of pytorch/examples and of the ONNX model zoo, ResNet
    generators of pytorch-CycleGAN-and-pix2pix, networks of lengstrom's fast-style-transfer (a folder), and
    of Magenta's the one of 26 styles and the pair that paints like any picture (--painting, --predictor). A
    file is known by the weights in it, not by its name; one that holds code is refused. The style is
    written after the same frames went through the original network, OpenVINO fp32 and ONNX Runtime, and
    showed the same picture.
    """
    _check_output(output, overwrite)
    if (painting is None) != (predictor is None):
        raise typer.BadParameter("--painting and --predictor belong together; give both or neither")
    terms = _terms(licence)
    from export.foreign.magenta_arbitrary import Example
    from export.foreign.style_file import Provenance, style_file_from_foreign

    example = Example(painting, predictor) if painting and predictor else None
    known = Provenance(terms, title, artist, year, origin)
    card = style_file_from_foreign(source, output, known, on_report=print, example=example)
    low, high = card.origin["value_range"]
    print(
        f"wrote {output}: style {card.name!r}, {card.network}, {output.stat().st_size / 1e6:.2f} MB; read as "
        f"{card.origin['layout']}, RGB in {low:g}..{high:g}; licence: {card.licence}"
    )


def _check_output(output: Path, overwrite: bool) -> None:
    from pipeline.common.errors import OutputError

    if output.suffix != ".onnx":
        raise OutputError(f"-o {output}: a name ending in .onnx was expected")
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists; choose another name, or --overwrite")


def _terms(licence: str | None) -> str:
    """The licence, from the option or from the person at the terminal; never empty."""
    if licence is None and sys.stdin.isatty():
        licence = str(
            typer.prompt('Under which terms may this network be used ("unknown" where you do not know)')
        )
    if licence is None or not licence.strip():
        raise typer.BadParameter(
            'the terms of the network are stored in the style: --licence "BSD-3-Clause", "research only", '
            '"unknown", ...'
        )
    return licence.strip()
