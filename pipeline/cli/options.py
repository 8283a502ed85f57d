"""What several commands share: options, how they are read, and how a line is told. Loads nothing heavy."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.common.errors import EXIT_DAMAGED_INPUT, EXIT_INTERRUPTED
from pipeline.engines import registry

if TYPE_CHECKING:
    from pipeline.engines.base import Precision

PLAIN = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}
"""Help without rich: half the time, and the same on every terminal."""


def parse_size(text: str) -> tuple[int, int]:
    """(height, width) from ``WIDTHxHEIGHT``; typer.BadParameter for anything else."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise typer.BadParameter(f"{text!r} is no size; write WIDTHxHEIGHT, 1280x720 for example")
    return int(height), int(width)


Size = Annotated[
    str | None, typer.Option("--size", metavar="WxH", help="Scale to this size; default: the input's.")
]
FrameSize = Annotated[str, typer.Option("--size", metavar="WxH", help="Frame size.")]
Strength = Annotated[
    float, typer.Option("--strength", min=0.0, max=1.0, help="0 leaves the frame, 1 is the style alone.")
]
KeepColors = Annotated[bool, typer.Option("--keep-colors", help="Keep the input's colours.")]
CALM = "Calm flicker, along what moves."
Steady = Annotated[
    bool | None, typer.Option("--steady/--no-steady", help=f"{CALM} Default: where something is painted.")
]
LiveSteady = Annotated[
    bool | None, typer.Option("--steady/--no-steady", help=f"{CALM} Default: where there is time.")
]
StyleName = Annotated[str, typer.Option("--style", help="Name of a style, or path of a style file.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", "-y", help="Replace what is there under that name.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@dataclass(frozen=True)
class TurnedStyle:
    """Which style, and how its controls stand."""

    style: StyleName = "starry-night"
    control: Annotated[
        list[str] | None,
        typer.Option("--control", metavar="NAME=V[,V...]", help="Of --style, where it has controls."),
    ] = None

    @property
    def text(self) -> str:
        """The style with its controls, as ``find_style`` reads it."""
        return "?".join((self.style, *(self.control or ())))

    def require_used(self, instead: str, given: str) -> None:
        """typer.BadParameter where controls are given and styles are taken from another option."""
        if given and self.control:
            raise typer.BadParameter(
                f"--control is of --style, which {instead} does not use; leave one of them out"
            )


@dataclass(frozen=True)
class StyleChoice(TurnedStyle):
    """Which style, and which of its networks."""

    quality: Annotated[
        Literal["best", "fast"],
        typer.Option("--quality", help="fast takes a style's smaller network, if it has one."),
    ] = "best"


@dataclass(frozen=True)
class LiveStyleChoice(TurnedStyle):
    """The same where a rate may have to be held."""

    quality: Annotated[
        Literal["auto", "best", "fast"],
        typer.Option("--quality", help="auto takes the network and scale that hold the live rate."),
    ] = "auto"


@dataclass(frozen=True)
class EngineChoice:
    """What a style is run by."""

    engine: Annotated[
        str,
        typer.Option(
            "--engine", help=f"auto, {', '.join(registry.ENGINES)}. A named engine never falls back."
        ),
    ] = "auto"
    device: Annotated[str | None, typer.Option("--device", help="For openvino: CPU, GPU or NPU.")] = None
    provider: Annotated[
        str | None, typer.Option("--provider", help="For onnxruntime: CPU, CUDA, CoreML or DirectML.")
    ] = None
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "fp16", "int8"],
        typer.Option("--precision", help="auto takes the fastest that keeps the picture."),
    ] = "auto"

    @property
    def name(self) -> str:
        """``auto``, ``openvino``, ``openvino:GPU``, ... as ``open_style`` takes it."""
        return registry.engine_on(self.engine, self.device, self.provider)

    @property
    def wanted_precision(self) -> "Precision | None":
        """What the engines take: None for ``auto``."""
        return None if self.precision == "auto" else self.precision


@dataclass(frozen=True)
class PaintingChoice:
    """How pictures of a file are painted."""

    size: Size = None
    strength: Strength = 1.0
    keep_colors: KeepColors = False
    overwrite: Overwrite = False


def painting(chosen: StyleChoice, by: EngineChoice, how: PaintingChoice) -> dict[str, Any]:
    """The style, and the values of ``PaintingOptions``, that a command line asks for."""
    return {
        "style": chosen.text,
        "quality": chosen.quality,
        "engine": by.name,
        "precision": by.wanted_precision,
        "size": parse_size(how.size) if how.size else None,
        "strength": how.strength,
        "keep_colors": how.keep_colors,
        "overwrite": how.overwrite,
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
