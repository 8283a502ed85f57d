"""Many videos: which file goes where, what is done already, and all of them one after another or at once."""

import glob
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import EXIT_DAMAGED_INPUT, EXIT_INTERRUPTED, BrushstreamError, InputError, OutputError
from pipeline.journal import unfinished_frames
from pipeline.progress import Progress
from pipeline.sources.images import natural_key
from pipeline.sources.picture_sequence import is_sequence
from pipeline.video_job import VideoOptions, VideoSummary, run_video

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".vob",
    ".wmv", ".flv", ".3gp", ".ogv", ".mxf", ".gif", ".dv", ".y4m",
)  # fmt: skip
"""File extensions taken from a folder; a file named directly may have any."""

DEFAULT_PATTERN = "{stem}-{style}.mp4"
_LOOK_EVERY_S = 0.2
Action = Literal["make", "resume", "skip", "refuse"]
Event = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Planned:
    """One file of a batch.

    Attributes:
        options: of its job.
        action: ``make`` from the start, ``resume`` unfinished work, ``skip`` what is done, ``refuse``.
        reason: why it is skipped or refused, or what an earlier run did; may be empty.
    """

    options: VideoOptions
    action: Action
    reason: str = ""

    @property
    def name(self) -> str:
        """What it is called in messages: the input's name."""
        return self.options.input.name


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    Attributes:
        planned: what was planned.
        state: ``done``, ``skipped``, ``failed``, or ``stopped`` by Ctrl-C.
        line: one line: the error, or why it was skipped.
        summary: of a job that ended with an output.
        exit_code: as the command would end with this file alone.
    """

    planned: Planned
    state: Literal["done", "skipped", "failed", "stopped"]
    line: str = ""
    summary: VideoSummary | None = None
    exit_code: int = 0


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
    if path.is_file() or "%" in path.name or (path.is_dir() and is_sequence(path)):
        return [path]
    if path.is_dir():
        return _videos(path)
    if not glob.has_magic(name):
        return [path]  # opening it says that it is not there
    matches = sorted((Path(match) for match in glob.glob(name, recursive=True)), key=str)  # noqa: PTH207 - any root
    videos = [match for match in matches if match.is_file()]
    if not videos:
        raise InputError(f"no file fits the pattern {name!r}; check it, and quote it for the shell")
    return videos


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
    single = len(names) == 1 and not glob.has_magic(names[0])
    folder = single and Path(names[0]).is_dir() and not is_sequence(Path(names[0]))
    return not single or folder or "{" in output.name


def plan(names: Sequence[str], output: Path, options: VideoOptions) -> list[Planned]:
    """One entry a file, in order.

    Args:
        output: a naming pattern with ``{stem}``, ``{name}``, ``{style}``, ``{parent}``, ``{number}``; or
            a folder, for ``{stem}-{style}.mp4`` in it.
        options: for every file; ``input`` and ``output`` are replaced.

    Raises:
        InputError: see ``find_inputs``.
        OutputError: the pattern has an unknown field, or two inputs would get one output.
    """
    pattern = output if "{" in output.name else output / DEFAULT_PATTERN
    planned: list[Planned] = []
    taken: dict[Path, Path] = {}
    for number, path in enumerate(find_inputs(names), 1):
        target = output_for(pattern, path, options, number)
        if target in taken:
            raise OutputError(
                f"{taken[target]} and {path} would both become {target}; put {{parent}} or {{number}} into "
                "the output's name"
            )
        taken[target] = path
        planned.append(_planned(replace(options, input=path, output=target)))
    return planned


def plan_one(options: VideoOptions) -> Planned:
    """The plan of a single file: never skipped, because the job itself refuses an output that is there."""
    planned = _planned(options)
    return replace(planned, action="make") if planned.action in ("skip", "refuse") else planned


def plan_rows(planned: Sequence[Planned]) -> Iterator[tuple[str, ...]]:
    """input, action, output, reason: one row a file for the plan's table."""
    for job in planned:
        yield str(job.options.input), job.action, str(job.options.final), job.reason


def output_for(pattern: Path, source: Path, options: VideoOptions, number: int = 1) -> Path:
    """The output's name for one input. Raises OutputError for a field nobody knows."""
    fields = {
        "stem": source.stem.split("%")[0].rstrip("-_.") or source.parent.name,
        "name": source.name,
        "style": "scheduled" if options.schedule else Path(options.style).stem,
        "parent": source.resolve().parent.name,
        "number": number,
    }
    try:
        return Path(str(pattern).format(**fields))
    except (KeyError, IndexError, ValueError) as error:
        known = ", ".join(f"{{{field}}}" for field in fields)
        raise OutputError(
            f"the output's name {pattern} has an unknown field ({error}); known: {known}"
        ) from error


def _planned(options: VideoOptions) -> Planned:
    final = options.final
    if final.exists() and not options.overwrite:
        same = options.input.exists() and final.samefile(options.input)
        if same:
            return Planned(options, "refuse", f"input and output are both {final}")
        return Planned(options, "skip", f"{final} is there; --overwrite makes it again")
    frames = unfinished_frames(final) if options.resume else 0
    if frames:
        return Planned(options, "resume", f"{frames} frames are done")
    return Planned(options, "make")


def run_jobs(planned: Sequence[Planned], at_once: int = 1, on_event: Event | None = None) -> list[Outcome]:
    """Run every file's job; one that fails does not stop the rest. Ctrl-C stops all of them, resumable.

    Args:
        at_once: how many run at the same time, in threads of this process.
        on_event: told what happens as JSON values, from several threads, one at a time: ``event`` is
            start, engine, progress, note, done, failed, skipped or stopped.

    Returns:
        One outcome a file, in order.
    """
    stop, lock = threading.Event(), threading.Lock()

    def tell(event: dict[str, Any]) -> None:
        if on_event is not None:
            with lock:
                on_event(event)

    with ThreadPoolExecutor(max(1, at_once), thread_name_prefix="brushstream-job") as pool:
        futures = [pool.submit(_run, job, tell, stop) for job in planned]
        _wait(futures, stop)
        return [future.result() for future in futures]


def _wait(futures: Sequence[Future[Outcome]], stop: threading.Event) -> None:
    waiting = set(futures)
    while waiting:
        try:
            waiting = wait(waiting, _LOOK_EVERY_S, FIRST_COMPLETED).not_done
        except KeyboardInterrupt:
            stop.set()


def _run(job: Planned, tell: Event, stop: threading.Event) -> Outcome:
    try:
        outcome = _outcome(job, tell, stop)
    except BrushstreamError as error:
        outcome = Outcome(job, "failed", str(error), exit_code=error.exit_code)
    except KeyboardInterrupt:
        outcome = Outcome(job, "stopped", exit_code=EXIT_INTERRUPTED)
    except Exception as error:  # one file's fault, whatever it is, must not end the others
        outcome = Outcome(job, "failed", f"unexpected {type(error).__name__}: {error}", exit_code=1)
    tell({"event": outcome.state, "input": str(job.options.input), **_facts(outcome)})
    return outcome


def _outcome(job: Planned, tell: Event, stop: threading.Event) -> Outcome:
    name = str(job.options.input)
    if job.action == "skip":
        return Outcome(job, "skipped", job.reason)
    if job.action == "refuse":
        raise OutputError(f"{job.reason}; choose another output")
    if stop.is_set():
        raise KeyboardInterrupt
    _make_folder(job.options.final.parent)
    tell({"event": "start", "input": name, "output": str(job.options.final), "action": job.action})
    summary = run_video(
        job.options,
        lambda progress: tell({"event": "progress", "input": name, **standing(progress)}),
        on_engine=lambda engine: tell({"event": "engine", "input": name, "engine": engine}),
        stop=stop,
    )
    for note in summary.notes:
        tell({"event": "note", "input": name, "note": note})
    if summary.interrupted:
        return Outcome(job, "stopped", "", summary, EXIT_INTERRUPTED)
    return Outcome(job, "done", summary.damage or "", summary, EXIT_DAMAGED_INPUT if summary.damage else 0)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder {folder} cannot be made ({error.strerror}); choose another") from error


def standing(progress: Progress) -> dict[str, Any]:
    """A progress line's values."""
    return {
        "frames": progress.frames,
        "expected": progress.expected,
        "resumed": progress.resumed,
        "fps": round(progress.fps, 2),
    }


def _facts(outcome: Outcome) -> dict[str, Any]:
    summary = outcome.summary
    facts: dict[str, Any] = {"line": outcome.line} if outcome.line else {}
    if summary is not None:
        facts |= {"output": str(summary.output), "frames": summary.frames, "resumed": summary.resumed}
        facts |= {"seconds": round(summary.seconds, 3), "fps": round(summary.fps, 2)}
    return {**facts, "exit_code": outcome.exit_code}


def exit_code_of(outcomes: Sequence[Outcome]) -> int:
    """0 where every file is done or skipped; 130 after Ctrl-C; one failure's own code; 1 for several kinds.

    A damaged input (10) counts only where nothing failed.
    """
    codes = {outcome.exit_code for outcome in outcomes} - {0}
    if EXIT_INTERRUPTED in codes:
        return EXIT_INTERRUPTED
    failures = codes - {EXIT_DAMAGED_INPUT}
    if not failures:
        return max(codes, default=0)
    return failures.pop() if len(failures) == 1 else 1


def rows(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, ...]]:
    """input, state, frames, frames a second, output or reason: one row a file for the summary table."""
    for outcome in outcomes:
        summary = outcome.summary
        frames = str(summary.frames) if summary else ""
        fps = f"{summary.fps:.1f}" if summary else ""
        where = str(summary.output) if summary and not outcome.line else outcome.line
        yield outcome.planned.name, outcome.state, frames, fps, where
