"""The command ``brushstream``: options in, lines and exit codes out. Nothing else prints.

Each command imports what it needs when it runs, so that ``brushstream --help`` loads no numpy, no OpenCV
and no engine. ``train`` and ``export`` belong to the other two parts and are mounted by name.
"""

import enum
import importlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline import registry
from pipeline.errors import (
    EXIT_DAMAGED_INPUT,
    EXIT_INTERRUPTED,
    MissingPackageError,
    OutputError,
)

if TYPE_CHECKING:
    from pipeline.engines.base import Precision

PLAIN = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}
"""Help without rich: half the time, and the same on every terminal."""

DEFAULT_STYLE = "starry-night"

app = typer.Typer(no_args_is_help=True, **PLAIN)  # type: ignore[arg-type]


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


StyleName = Annotated[str, typer.Option("--style", help="Name of a style, or path of a style file.")]
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


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Stylizes webcam and video frames in real time with networks trained from paintings."""


@app.command()
def styles(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, the whole cards.")] = False,
) -> None:
    """List the styles: artist, year, rights, network, size."""
    from pipeline import style, terminal

    found = style.list_styles(on_damaged=lambda error: say(f"warning: {error}"))
    if as_json:
        print(json.dumps([json.loads(s.card.to_json()) for s in found], indent=2, ensure_ascii=False))
        return
    terminal.show(terminal.styles_table(found))
    if not found:
        print(f"no style in {style.bundled_folder()} nor in {style.user_folder()}")


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show what is installed and which engine will run."""
    from pipeline import terminal
    from pipeline.doctor import examine

    findings = examine()
    if as_json:
        print(json.dumps(findings.to_dict(), indent=2))
    else:
        terminal.show(terminal.doctor_tables(findings))
    if findings.problems:
        raise typer.Exit(1)


@app.command()
def bench(
    style: StyleName = DEFAULT_STYLE,
    engine: EngineName = "auto",
    device: DeviceName = None,
    provider: ProviderName = None,
    precision: PrecisionName = PrecisionOption.auto,
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Frame size.")] = "640x480",
    frames: Annotated[int, typer.Option(min=1, help="Measured frames; a p99 wants 1000.")] = 1000,
    warmup: Annotated[int, typer.Option(min=0, help="Frames before them, kept apart.")] = 20,
    json_file: JsonFile = None,
) -> None:
    """Measure how long a frame takes on this machine."""
    from pipeline import terminal
    from pipeline.bench import BenchOptions, run_bench
    from pipeline.style import find_style

    frame_size = parse_size(size)
    report = run_bench(
        BenchOptions(
            find_style(style),
            frame_size,
            registry.engine_on(engine, device, provider),
            precision_of(precision),
            frames,
            warmup,
        )
    )
    terminal.show(terminal.bench_table(report))
    if json_file is not None:
        write_json(json_file, report.to_dict())


@app.command()
def video(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A video file.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="mp4, mov, mkv or webm.")],
    style: StyleName = DEFAULT_STYLE,
    engine: EngineName = "auto",
    device: DeviceName = None,
    provider: ProviderName = None,
    precision: PrecisionName = PrecisionOption.auto,
    size: Size = None,
    strength: Strength = 1.0,
    keep_colors: KeepColors = False,
    overwrite: Overwrite = False,
) -> None:
    """Stylize a video; its sound is copied. Ctrl-C keeps what was made."""
    from pipeline.terminal import progress_bar
    from pipeline.video_job import VideoOptions, run_video

    wanted = VideoOptions(
        source, output, style, registry.engine_on(engine, device, provider), precision_of(precision),
        parse_size(size) if size else None, strength, keep_colors, overwrite,
    )  # fmt: skip
    with progress_bar(source.name) as show_progress:
        done = run_video(wanted, show_progress, on_engine=say)
    for note in done.notes:
        say(note)
    height, width = done.size
    say(
        f"{done.output}: {done.frames} frames of {width}x{height} in {done.seconds:.1f} s, "
        f"{done.fps:.1f} fps; busiest: {done.busiest} ({done.busy_share[done.busiest]:.0%})"
    )
    end_early(done.damage, done.interrupted)


@app.command()
def image(
    inputs: Annotated[list[Path], typer.Argument(metavar="IN...", help="Pictures, or folders of pictures.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="A picture, or a folder.")],
    style: StyleName = DEFAULT_STYLE,
    engine: EngineName = "auto",
    device: DeviceName = None,
    provider: ProviderName = None,
    precision: PrecisionName = PrecisionOption.auto,
    size: Size = None,
    strength: Strength = 1.0,
    keep_colors: KeepColors = False,
    overwrite: Overwrite = False,
) -> None:
    """Stylize pictures; one that cannot be read does not stop the rest."""
    from pipeline.image_job import ImageOptions, run_images
    from pipeline.terminal import count_bar

    wanted = ImageOptions(
        tuple(inputs), output, style, registry.engine_on(engine, device, provider), precision_of(precision),
        parse_size(size) if size else None, strength, keep_colors, overwrite,
    )  # fmt: skip
    with count_bar("pictures") as show_progress:
        done = run_images(wanted, show_progress)
    for path, reason in done.skipped:
        say(f"skipped {path}: {reason}")
    say(f"{len(done.written)} written to {output}, {len(done.skipped)} skipped; {done.engine}")
    end_early(f"{len(done.skipped)} inputs were skipped" if done.skipped else None, done.interrupted)


@app.command()
def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where video and contact sheet go.")
    ] = Path("brushstream-demo"),
    style: Annotated[
        list[str] | None, typer.Option("--style", help="Only this style; may be repeated.")
    ] = None,
    engine: EngineName = "auto",
    device: DeviceName = None,
    provider: ProviderName = None,
    precision: PrecisionName = PrecisionOption.auto,
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Frame size.")] = "640x480",
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of the video.")] = 4.0,
) -> None:
    """Stylize a scene it draws itself with every style: no input needed."""
    from pipeline.demo import DemoOptions, run_demo
    from pipeline.terminal import progress_bar

    wanted = DemoOptions(
        output,
        tuple(style or ()),
        registry.engine_on(engine, device, provider),
        precision_of(precision),
        parse_size(size),
        seconds=seconds,
    )
    with progress_bar("demo") as show_progress:
        done = run_demo(
            wanted,
            show_progress,
            lambda s: say(f"{s.name}: {s.frame_ms:.1f} ms a frame, {s.fps:.0f} frames/s; {s.engine}"),
        )
    say(f"{done.frames} frames in {done.seconds:.1f} s")
    print(f"video          {done.video}\ncontact sheet  {done.contact_sheet}")
    end_early(None, done.interrupted)


def end_early(damage: str | None, interrupted: bool) -> None:
    """Leave with the exit code of a job whose result is only a part of what was wanted."""
    if interrupted:
        say("stopped; what was made until then was kept")
        raise typer.Exit(EXIT_INTERRUPTED)
    if damage is not None:
        say(f"warning: {damage}")
        raise typer.Exit(EXIT_DAMAGED_INPUT)


FOREIGN = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}


@app.command(context_settings={**FOREIGN, "help_option_names": []})
def train(context: typer.Context) -> None:
    """Train a style network from a painting (needs brushstream[train])."""
    run_mounted("training.cli", "train", context)


@app.command(context_settings={**FOREIGN, "help_option_names": []})
def export(context: typer.Context) -> None:
    """Make a style file of a trained network (needs brushstream[train]), or a TensorRT engine of a style."""
    run_mounted("export.cli", "export", context)


def run_mounted(module: str, function: str, context: typer.Context) -> None:
    """Hand the rest of the line to a command of another part, which parses and documents it itself."""
    needs_torch = "--tensorrt" not in context.args
    for package in (module.partition(".")[0], *(["torch"] if needs_torch else [])):
        if not registry.is_installed(package):
            raise MissingPackageError(
                f"{function} needs {package}, not installed here; run pip install 'brushstream[train]'"
            )
    mounted = typer.Typer(**PLAIN)  # type: ignore[arg-type]
    mounted.command()(getattr(importlib.import_module(module), function))
    mounted(args=context.args, prog_name=context.command_path)


def precision_of(option: PrecisionOption) -> "Precision | None":
    """What the engines take: None for ``auto``."""
    return None if option is PrecisionOption.auto else option.value  # type: ignore[return-value]


def write_json(path: Path, content: object) -> None:
    """Write a report, whole or not at all; OutputError says why not."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path} ({error.strerror}); choose another file") from error


def say(line: str) -> None:
    """One line to the person, apart from the results on standard output."""
    print(f"brushstream: {line}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; return the exit code (see ``pipeline.errors``)."""
    try:
        app(args=[a for a in arguments if a != "--debug"], prog_name="brushstream")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:
        say("stopped")
        return EXIT_INTERRUPTED
    except Exception as error:
        return report_error(error, show_traceback="--debug" in arguments)
    return 0


def report_error(error: Exception, show_traceback: bool) -> int:
    """Print one line for an error, after its traceback where that was asked for; return the exit code."""
    if show_traceback:
        traceback.print_exception(error)
    exit_code = getattr(error, "exit_code", None)  # training has an error tree of its own
    if isinstance(exit_code, int):
        say(str(error))
        return exit_code
    hint = "" if show_traceback else "; run again with --debug for the traceback, and please report it"
    say(f"unexpected {type(error).__name__}: {error}{hint}")
    return 1
