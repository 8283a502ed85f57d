"""Many videos: which file goes where, what is done already, what is left to do."""

import glob
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.common.atomic_files import name_fault
from pipeline.common.errors import InputError, OutputError
from pipeline.images.reading import natural_key
from pipeline.video.options import VideoOptions
from pipeline.video.outputs.standard_output import is_standard_output
from pipeline.video.plan import ScheduledStyles, VideoPlan
from pipeline.video.reading.picture_sequence import VIDEO_SUFFIXES, is_picture_sequence, name_without_number
from pipeline.video.reading.spooling import is_stream

DEFAULT_PATTERN = "{stem}-{style}.mp4"
_FIELD = re.compile(r"\{(?:stem|name|style|parent|number)[^{}]*\}")


def find_inputs(names: Sequence[str]) -> list[Path]:
    """Files as named, glob patterns (``**`` too) as what they match, folders as the videos in them.

    A folder of pictures, or a pattern such as ``shot/%06d.png``, is one input.

    Raises:
        InputError: nothing fits a pattern, or a folder holds no video.
    """
    found = [path for name in names for path in _find(name)]
    return list(dict.fromkeys(found))


def _find(name: str) -> list[Path]:
    path = Path(name)
    if is_stream(name):
        return [path]
    fault = name_fault(path)
    if fault is not None:
        raise InputError(fault)
    if path.is_file() or is_picture_sequence(path):
        return [path]
    if path.is_dir():
        return _videos(path)
    if not glob.has_magic(name):
        return [path]  # opening it says that it is not there
    pattern = _without_magic_in_folders(path)
    matches = sorted((Path(match) for match in glob.glob(pattern, recursive=True)), key=str)  # noqa: PTH207 - any root
    videos = [match for match in matches if match.is_file()]
    if not videos:
        raise InputError(f"no file fits the pattern {name!r}; check it, and quote it for the shell")
    return videos


def _without_magic_in_folders(path: Path) -> str:
    """A glob pattern in which the folders that are there stand for themselves, brackets and all."""
    folder = next((parent for parent in path.parents if parent.is_dir()), Path())
    return str(Path(glob.escape(str(folder))) / path.relative_to(folder))


def _videos(folder: Path) -> list[Path]:
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    if not found:
        raise InputError(f"the folder {folder} holds no video; looked for {' '.join(VIDEO_SUFFIXES)}")
    return sorted(found, key=natural_key)


def is_batch(names: Sequence[str], output: Path) -> bool:
    """Whether the inputs are several, or may be: then the output is a folder or a naming pattern."""
    if is_standard_output(output) and len(names) == 1:
        return False
    return len(names) != 1 or _may_be_several(names[0]) or _FIELD.search(output.name) is not None


def _may_be_several(name: str) -> bool:
    path = Path(name)
    if is_stream(name) or name_fault(path) is not None or path.is_file() or is_picture_sequence(path):
        return False
    return path.is_dir() or glob.has_magic(name)


def plan(names: Sequence[str], output: Path, options: VideoOptions) -> list[VideoPlan]:
    """One entry a file, in order.

    Args:
        output: a naming pattern with ``{stem}``, ``{name}``, ``{style}``, ``{parent}``, ``{number}``; or
            a folder, for ``{stem}-{style}.mp4`` in it.
        options: for every file; ``input`` and ``output`` are replaced.

    Raises:
        InputError: see ``find_inputs``, and for a schedule that makes no sense.
        StyleError: a style is not to be had.
        OutputError: the pattern has an unknown field, or two inputs would get one output.
    """
    pattern = output if "{" in output.name else output / DEFAULT_PATTERN
    planned, styles = list[VideoPlan](), ScheduledStyles.of(options)
    taken: dict[Path, Path] = {}
    if is_standard_output(output):
        raise OutputError("standard output takes one video; name a folder, or a name such as {stem}.mp4")
    streams = {Path(name): name for name in names if is_stream(name)}
    for number, path in enumerate(find_inputs(names), 1):
        target = output_for(pattern, path, options, number)
        if target in taken:
            raise OutputError(
                f"{taken[target]} and {path} would both become {target}; put {{parent}} or {{number}} into "
                "the output's name"
            )
        taken[target] = path
        planned.append(
            replace(
                VideoPlan.of(
                    replace(options, input=path, named=streams.get(path, ""), output=target), styles
                ),
                makes_folder=True,
            )
        )
    return planned


def plan_one(options: VideoOptions) -> VideoPlan:
    """The plan of a single file: never skipped, because the job itself refuses an output that is there."""
    planned = VideoPlan.of(options)
    return replace(planned, action="make") if planned.action in ("skip", "refuse") else planned


def plan_rows(planned: Sequence[VideoPlan]) -> Iterator[tuple[str, ...]]:
    """input, action, output, reason: one row a file for the plan's table."""
    for job in planned:
        yield job.options.label, job.action, str(job.options.final), job.reason


def output_for(pattern: Path, source: Path, options: VideoOptions, number: int = 1) -> Path:
    """The output's name for one input. Raises OutputError for a field nobody knows."""
    fields = {
        "stem": name_without_number(source),
        "name": source.name,
        "style": "scheduled" if options.schedule else Path(options.style).stem,
        "parent": source.resolve().parent.name,
        "number": number,
    }
    try:
        folder = _FIELD.sub(lambda field: field.group().format(**fields), str(pattern.parent))
        return Path(folder) / pattern.name.format(**fields)
    except (KeyError, IndexError, ValueError) as error:
        known = ", ".join(f"{{{field}}}" for field in fields)
        raise OutputError(
            f"the output's name {pattern} has an unknown field ({error}); known: {known}"
        ) from error
