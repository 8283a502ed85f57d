"""Videos, one or many, one after another or at once: what happens to each, and what becomes of it."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.common.atomic_files import make_folder
from pipeline.common.errors import EXIT_DAMAGED_INPUT, EXIT_INTERRUPTED, BrushstreamError, OutputError
from pipeline.video.job import RunVideo, VideoSummary, run_plan
from pipeline.video.plan import VideoPlan
from pipeline.video.progress import Event, Tell

_LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    Attributes:
        plan: what was planned.
        state: ``done``, ``skipped``, ``failed``, or ``stopped`` by Ctrl-C.
        line: one line: the error, or why it was skipped.
        summary: of a job that ended with an output.
        exit_code: as the command would end with this file alone.
        error: what ended the job, where it has no summary.
    """

    plan: VideoPlan
    state: Literal["done", "skipped", "failed", "stopped"]
    line: str = ""
    summary: VideoSummary | None = None
    exit_code: int = 0
    error: BaseException | None = None


def run_jobs(
    plans: Sequence[VideoPlan],
    at_once: int = 1,
    on_event: Tell | None = None,
    run: RunVideo = run_plan,
) -> list[Outcome]:
    """Run every file's job; one that fails does not stop the rest. Ctrl-C stops all of them, resumable.

    Args:
        at_once: how many run at the same time, in threads of this process; one at a time runs in the
            caller's own, so that Ctrl-C ends the opening of an engine too.
        on_event: told what happens, one event at a time, of several files from several threads.
        run: what one video is done with, ``run_plan`` or a cluster's.

    Returns:
        One outcome a file, in order.
    """
    stop, lock = threading.Event(), threading.Lock()

    def tell(event: Event) -> None:
        if on_event is not None:
            with lock:
                on_event(event)

    if min(at_once, len(plans)) <= 1:
        return [_run(plan, run, tell, stop) for plan in plans]
    with ThreadPoolExecutor(at_once, thread_name_prefix="brushstream-job") as pool:
        futures = [pool.submit(_run, plan, run, tell, stop) for plan in plans]
        _wait(futures, stop)
        return [future.result() for future in futures]


def _wait(futures: Sequence[Future[Outcome]], stop: threading.Event) -> None:
    waiting = set(futures)
    while waiting:
        try:
            waiting = wait(waiting, _LOOK_EVERY_S, FIRST_COMPLETED).not_done
        except KeyboardInterrupt:
            stop.set()


def _run(plan: VideoPlan, run: RunVideo, tell: Tell, stop: threading.Event) -> Outcome:
    try:
        outcome = _outcome(plan, run, tell, stop)
    except BrushstreamError as error:
        outcome = Outcome(plan, "failed", str(error), exit_code=error.exit_code, error=error)
    except KeyboardInterrupt as error:
        outcome = Outcome(plan, "stopped", exit_code=EXIT_INTERRUPTED, error=error)
    except Exception as error:  # one file's fault, whatever it is, must not end the others
        line = f"unexpected {type(error).__name__}: {error}"
        outcome = Outcome(plan, "failed", line, exit_code=1, error=error)
    if outcome.state == "stopped":
        stop.set()
    tell(Event(outcome.state, plan.options.label, _facts(outcome)))
    return outcome


def _outcome(plan: VideoPlan, run: RunVideo, tell: Tell, stop: threading.Event) -> Outcome:
    name, final = plan.options.label, plan.options.final
    if plan.action == "skip":
        return Outcome(plan, "skipped", plan.reason)
    if plan.action == "refuse":
        raise OutputError(f"{plan.reason}; choose another output")
    if stop.is_set():
        raise KeyboardInterrupt
    if plan.makes_folder:
        make_folder(final.parent, parents=True)
    tell(Event("start", name, {"output": str(final), "action": plan.action}))
    summary = run(plan, tell, stop)
    for note in summary.notes:
        tell(Event("note", name, {"note": note}))
    if summary.interrupted:
        return Outcome(plan, "stopped", "", summary, EXIT_INTERRUPTED)
    return Outcome(plan, "done", summary.damage or "", summary, EXIT_DAMAGED_INPUT if summary.damage else 0)


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
        yield Path(outcome.plan.options.label).name, outcome.state, frames, fps, where
