"""A video from a pipe or an address, or for standard output, as a job that knows only files."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from pipeline.common.atomic_files import write_error
from pipeline.common.errors import BrushstreamError
from pipeline.common.scratch_folders import scratch_folder
from pipeline.video.options import VideoOptions, check_options
from pipeline.video.outputs.standard_output import is_standard_output
from pipeline.video.plan import VideoPlan
from pipeline.video.progress import Event, Tell
from pipeline.video.reading.spooling import is_stream, spool


@contextmanager
def as_files(plan: VideoPlan, tell: Tell, stop: threading.Event) -> Iterator[VideoPlan]:
    """The plan with files in place of streams; they are removed when the block ends.

    Args:
        tell: told in one line that the input is read into a file first.
        stop: ends the reading.

    Raises:
        As ``check_options`` and ``spool``; what the block raises names the stream, not the file.
    """
    check_options(plan.options)
    with ExitStack() as opened:
        settled = _with_files(plan.options, opened, tell, stop)
        try:
            yield replace(plan, options=settled)
        except BrushstreamError as error:
            raise _named(error, settled, plan.options) from error


def _named(error: BrushstreamError, settled: VideoOptions, asked: VideoOptions) -> BrushstreamError:
    """The error with the stream's name in place of its file's."""
    text = str(error)
    if settled.input != asked.input:
        text = text.replace(str(settled.input), asked.label)
    if settled.output != asked.output:
        text = text.replace(str(settled.output), "standard output")
    return type(error)(text)


def _with_files(options: VideoOptions, opened: ExitStack, tell: Tell, stop: threading.Event) -> VideoOptions:
    if is_standard_output(options.output):
        folder = _folder(opened, None)
        options = replace(options, output=folder / f"output.{options.container}", poured=True)
    name = options.name
    if not is_stream(name):
        return options
    folder = _folder(opened, options.final.parent)
    line = f"{options.label} is read to its end into a file first, since it can be read only once"
    tell(Event("note", options.label, {"note": line}))
    return replace(options, input=spool(name, folder, stop.is_set), named=name)


def _folder(opened: ExitStack, beside: Path | None) -> Path:
    """A private one, where the output will be: there is room for it, if anywhere."""
    try:
        return opened.enter_context(scratch_folder(beside))
    except OSError as error:
        raise write_error((beside or Path(tempfile.gettempdir())) / "input", error) from error
