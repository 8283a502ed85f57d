"""The command ``brushstream``: options in, lines and exit codes out. Nothing else prints.

Each command imports what it needs when it runs, so that ``brushstream --help`` loads no numpy, no OpenCV
and no engine. ``train`` and ``export`` belong to the other two parts and are mounted by name.
"""

import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from pipeline.cli import about, files, video, webcam
from pipeline.cli.options import PLAIN, say
from pipeline.common import adapters
from pipeline.common.errors import EXIT_INTERRUPTED, BrushstreamError

app = typer.Typer(no_args_is_help=True, context_settings={"terminal_width": 100}, **PLAIN)  # type: ignore[arg-type]


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Stylizes webcam and video frames in real time with networks trained from paintings."""


app.command()(webcam.webcam)
app.command()(about.styles)
app.command()(about.doctor)
app.command()(about.bench)
app.command()(video.video)
app.command()(files.image)
app.command()(files.demo)

FOREIGN = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}


@app.command(context_settings={**FOREIGN, "help_option_names": []})
def train(context: typer.Context) -> None:
    """Train a style network from a painting (needs brushstream[train])."""
    run_mounted("training.cli.train", "train", context)


@app.command("train-study", context_settings={**FOREIGN, "help_option_names": []})
def train_study(context: typer.Context) -> None:
    """Compare loss weights on a sheet (needs brushstream[train])."""
    run_mounted("training.cli.train_study", "train_study", context)


@app.command(context_settings={**FOREIGN, "help_option_names": []})
def export(context: typer.Context) -> None:
    """Make a style file (needs brushstream[train]) or a TensorRT engine."""
    run_mounted("export.cli.export", "export", context)


@app.command("import", context_settings={**FOREIGN, "help_option_names": []})
def import_network(context: typer.Context) -> None:
    """Make a style of a network others trained (needs brushstream[train])."""
    run_mounted("export.cli.import_network", "import_network", context)


@app.command(context_settings={**FOREIGN, "help_option_names": []})
def evaluate(context: typer.Context) -> None:
    """Measure styles: a report with figures and pictures (needs brushstream[train])."""
    run_mounted("export.cli.evaluate", "evaluate", context)


@app.command(context_settings={**FOREIGN, "help_option_names": []})
def gatys(context: typer.Context) -> None:
    """Paint one photograph by optimising it (needs brushstream[train])."""
    run_mounted("training.cli.gatys", "gatys", context)


@app.command("gatys-study", context_settings={**FOREIGN, "help_option_names": []})
def gatys_study(context: typer.Context) -> None:
    """Compare gatys settings on a sheet (needs brushstream[train])."""
    run_mounted("training.cli.gatys_study", "gatys_study", context)


def run_mounted(module: str, function: str, context: typer.Context) -> None:
    """Hand the rest of the line to a command of another part, which parses and documents it itself."""
    needs_torch = "--tensorrt" not in context.args
    for package in (module.partition(".")[0], *(["torch"] if needs_torch else [])):
        adapters.require(str(context.info_name), package, "train")
    mounted = typer.Typer(**PLAIN)  # type: ignore[arg-type]
    mounted.command()(getattr(importlib.import_module(module), function))
    mounted(args=context.args, prog_name=context.command_path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; return the exit code (see ``pipeline.common.errors``)."""
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
    if isinstance(error, BrushstreamError):
        say(str(error))
        return error.exit_code
    hint = "" if show_traceback else "; run again with --debug for the traceback, and please report it"
    say(f"unexpected {type(error).__name__}: {error}{hint}")
    return 1
