"""Many videos, one after another or at once; what becomes of each."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.common.errors import EXIT_DAMAGED_INPUT, EXIT_INTERRUPTED, BrushstreamError, OutputError
from pipeline.video.batch_plan import Planned
from pipeline.video.job import RunVideo, VideoSummary, run_video
from pipeline.video.progress import Progress

_LOOK_EVERY_S = 0.2
Event = Callable[[dict[str, Any]], None]


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


def run_jobs(
    planned: Sequence[Planned],
    at_once: int = 1,
    on_event: Event | None = None,
    run: RunVideo = run_video,
) -> list[Outcome]:
    """Run every file's job; one that fails does not stop the rest. Ctrl-C stops all of them, resumable.

    Args:
        at_once: how many run at the same time, in threads of this process.
        on_event: told what happens as JSON values, from several threads, one at a time: ``event`` is
            start, engine, progress, note, done, failed, skipped or stopped.
        run: what one video is done with, ``run_video`` or a cluster's.

    Returns:
        One outcome a file, in order.
    """
    stop, lock = threading.Event(), threading.Lock()

    def tell(event: dict[str, Any]) -> None:
        if on_event is not None:
            with lock:
                on_event(event)

    with ThreadPoolExecutor(max(1, at_once), thread_name_prefix="brushstream-job") as pool:
        futures = [pool.submit(_run, job, run, tell, stop) for job in planned]
        _wait(futures, stop)
        return [future.result() for future in futures]


def _wait(futures: Sequence[Future[Outcome]], stop: threading.Event) -> None:
    waiting = set(futures)
    while waiting:
        try:
            waiting = wait(waiting, _LOOK_EVERY_S, FIRST_COMPLETED).not_done
        except KeyboardInterrupt:
            stop.set()


def _run(job: Planned, run: RunVideo, tell: Event, stop: threading.Event) -> Outcome:
    try:
        outcome = _outcome(job, run, tell, stop)
    except BrushstreamError as error:
        outcome = Outcome(job, "failed", str(error), exit_code=error.exit_code)
    except KeyboardInterrupt:
        outcome = Outcome(job, "stopped", exit_code=EXIT_INTERRUPTED)
    except Exception as error:  # one file's fault, whatever it is, must not end the others
        outcome = Outcome(job, "failed", f"unexpected {type(error).__name__}: {error}", exit_code=1)
    tell({"event": outcome.state, "input": str(job.options.input), **_facts(outcome)})
    return outcome


def _outcome(job: Planned, run: RunVideo, tell: Event, stop: threading.Event) -> Outcome:
    name = str(job.options.input)
    if job.action == "skip":
        return Outcome(job, "skipped", job.reason)
    if job.action == "refuse":
        raise OutputError(f"{job.reason}; choose another output")
    if stop.is_set():
        raise KeyboardInterrupt
    _make_folder(job.options.final.parent)
    tell({"event": "start", "input": name, "output": str(job.options.final), "action": job.action})
    summary = run(
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
