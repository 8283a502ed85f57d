"""The command ``brushstream``: options in, lines and exit codes out. Nothing else prints.

Each command imports what it needs when it runs, so that ``brushstream --help`` loads no numpy, no OpenCV
and no engine. Commands of the other two parts are mounted in the same way.
"""

import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from pipeline.cli.options import PLAIN, say
from pipeline.common import adapters
from pipeline.common.errors import EXIT_INTERRUPTED, BrushstreamError

WIDTH = {"terminal_width": 100}
app = typer.Typer(no_args_is_help=True, context_settings=WIDTH, **PLAIN)  # type: ignore[arg-type]


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Stylizes webcam and video frames in real time with networks trained from paintings."""


COMMANDS = {
    "webcam": ("pipeline.cli.webcam", "Stylize a camera in a window, live. h shows the keys."),
    "serve": ("pipeline.cli.serve", "Stylize visitors' cameras on a page in the browser."),
    "styles": ("pipeline.cli.styles", "List the styles: artist, year, rights, network, size."),
    "doctor": ("pipeline.cli.doctor", "Show what is installed and which engine will run."),
    "bench": ("pipeline.cli.bench", "Measure how long a frame takes on this machine."),
    "video": ("pipeline.cli.video", "Stylize videos; sound, subtitles and chapters are copied."),
    "image": ("pipeline.cli.image", "Stylize pictures."),
    "demo": ("pipeline.cli.demo", "Stylize a scene it draws itself with every style: no input needed."),
    "train": ("training.cli.train", "Train a style network from a painting (needs brushstream[train])."),
    "train-cycle": (
        "training.cli.train_cycle",
        "Train two networks between two folders of pictures (needs brushstream[train]).",
    ),
    "train-study": ("training.cli.train_study", "Compare loss weights (needs brushstream[train])."),
    "learn": ("export.cli.learn", "Learn one more painting in ten minutes (needs brushstream[train])."),
    "export": ("export.cli.export", "Make a style file (needs brushstream[train]) or a TensorRT engine."),
    "import": (
        "export.cli.import_network",
        "Make a style of a network others trained (needs brushstream[train]).",
    ),
    "evaluate": (
        "export.cli.evaluate",
        "Measure styles: a report with figures and pictures (needs brushstream[train]).",
    ),
    "gatys": ("training.cli.gatys", "Paint one photograph by optimising it (needs brushstream[train])."),
    "gatys-study": (
        "training.cli.gatys_study",
        "Compare gatys settings on a sheet (needs brushstream[train]).",
    ),
}
"""Every command: its module, whose last name is also its function's, and its line in the list of commands."""


def mount(name: str, module: str, summary: str) -> None:
    """Add a command that hands its whole line to ``module``, which is loaded when it is run."""

    def forward(context: typer.Context) -> None:
        run_mounted(module, context)

    foreign = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
    app.command(name, help=summary, context_settings={**foreign, "help_option_names": []})(forward)


for _name, (_module, _summary) in COMMANDS.items():
    mount(_name, _module, _summary)


def run_mounted(module: str, context: typer.Context) -> None:
    """Load a command, which parses and documents its line itself, and hand it over.

    Raises:
        MissingPackageError: it belongs to another part, and that or torch is not installed.
    """
    if not module.startswith("pipeline."):
        require_training(module.partition(".")[0], context)
    mounted = typer.Typer(context_settings=WIDTH, **PLAIN)  # type: ignore[arg-type]
    mounted.command()(getattr(importlib.import_module(module), module.rpartition(".")[2]))
    mounted(args=context.args, prog_name=context.command_path)


def require_training(part: str, context: typer.Context) -> None:
    """Raise MissingPackageError unless the part that has the command is there, and torch if it needs it."""
    needs_torch = "--tensorrt" not in context.args
    for package in (part, *(["torch"] if needs_torch else [])):
        adapters.require(str(context.info_name), package, "train")


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
