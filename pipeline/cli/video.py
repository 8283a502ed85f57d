"""``brushstream video``: one video or many, here or on a cluster."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipeline.cli.options import (
    EngineChoice,
    PaintingChoice,
    Steady,
    StyleChoice,
    end_early,
    painting,
    say,
)
from pipeline.common.adapters import Adapter, load
from pipeline.common.option_groups import flattened

if TYPE_CHECKING:
    from pipeline.video.batch import Outcome
    from pipeline.video.job import RunVideo
    from pipeline.video.plan import VideoPlan
    from pipeline.video.progress import Event, Tell


CLUSTER = Adapter("pipeline.video.cluster:Cluster", "ray", "cluster")
"""What ``--cluster`` calls."""


def parse_fps(text: str | None) -> Fraction | None:
    """``25``, ``29.97`` or ``30000/1001``; typer.BadParameter for anything else."""
    if text is None:
        return None
    ntsc = {"23.976": "24000/1001", "23.98": "24000/1001", "29.97": "30000/1001", "59.94": "60000/1001"}
    try:
        return Fraction(ntsc.get(text, text))
    except (ValueError, ZeroDivisionError) as error:
        raise typer.BadParameter(f"{text!r} is no frame rate; write 25 or 30000/1001") from error


def check_output(output: Path, container: str | None, json_lines: bool) -> None:
    """Raise typer.BadParameter where ``--format`` or ``--json`` does not go with the output."""
    poured = str(output) == "-"
    if container is not None and not poured:
        raise typer.BadParameter(f"--format is for `-o -`; the name {output} chooses its own format")
    if poured and json_lines:
        raise typer.BadParameter("--json and `-o -` would both write to standard output; take one of them")


@flattened
def video(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="IN...", help="Videos, folders, glob patterns, shot/%06d.png, pipes, - or http addresses."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="mp4, mov, mkv, webm, avi, gif, %06d.png, - for standard output; for several inputs a "
            "folder, or a name such as {stem}-{style}.mp4.",
        ),
    ],
    chosen: StyleChoice,
    by: EngineChoice,
    how: PaintingChoice,
    steady: Steady = None,
    codec: Annotated[
        str, typer.Option(help="auto, h264, hevc, av1, vp9, prores, ffv1, or a hardware encoder's name.")
    ] = "auto",
    crf: Annotated[int, typer.Option(help="Quality: 0 lossless, 18 like the original, 51 worst.")] = 18,
    preset: Annotated[str, typer.Option(help="ultrafast to veryslow.")] = "veryfast",
    fps: Annotated[str | None, typer.Option(help="Even frame rate; default: every frame's own time.")] = None,
    deinterlace: Annotated[
        Literal["auto", "on", "off"], typer.Option(help="auto: where the first picture is marked so.")
    ] = "auto",
    hdr: Annotated[
        Literal["tone-map", "keep-tags"], typer.Option(help="HDR input becomes BT.709, or keeps its tags.")
    ] = "tone-map",
    schedule: Annotated[
        str, typer.Option(metavar="CUES", help='"0:starry-night, 12.5:great-wave, 20:great-wave@0.4".')
    ] = "",
    fade: Annotated[float, typer.Option(min=0.0, help="Seconds of a cross-fade.")] = 1.0,
    resume: Annotated[bool, typer.Option(help="Go on with unfinished work.")] = True,
    jobs: Annotated[int, typer.Option(min=1, help="Files at the same time.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done.")] = False,
    preview: Annotated[float, typer.Option(min=0.0, help="Seconds between preview pictures.")] = 0.0,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Spread over a Ray cluster: local, auto, address.")
    ] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="Progress as JSON lines.")] = False,
    container: Annotated[
        str | None, typer.Option("--format", help="Of `-o -`: mkv (default), webm, mp4, mov, gif.")
    ] = None,
) -> None:
    """Stylize videos; sound, subtitles and chapters are copied. Ctrl-C can be resumed."""
    from pipeline.cli import terminal
    from pipeline.video import batch, batch_plan
    from pipeline.video.options import VideoOptions

    check_output(output, container, json_lines)
    chosen.require_used("--schedule", schedule)
    if "" in sources:
        raise typer.BadParameter("the name of an input is empty; look at the variable that it comes from")
    wanted = VideoOptions(
        Path(sources[0]), output, named=sources[0], container=container or "mkv",
        crf=crf, preset=preset, codec=codec, fps=parse_fps(fps),
        deinterlace=deinterlace, hdr=hdr, schedule=schedule, fade_s=Fraction(str(fade)),
        resume=resume, preview_s=preview, steady=steady,
        **painting(chosen, by, how),
    )  # fmt: skip
    single = not batch_plan.is_batch(sources, output)
    planned = [batch_plan.plan_one(wanted)] if single else batch_plan.plan(sources, output, wanted)
    if dry_run:
        terminal.show(terminal.rows_table(batch_plan.plan_rows(planned), "input", "action", "output", "why"))
        return
    alone = single and not json_lines
    shown = events_as_bar(planned[0]) if alone else nullcontext(print_json if json_lines else say_event)
    with machines(cluster) as (run, at_once), shown as show_event:
        outcomes = batch.run_jobs(planned, max(jobs, at_once), show_event, run)
    if alone:
        sum_up(outcomes[0])
    elif not json_lines:
        rows = batch.rows(outcomes)
        terminal.show(terminal.rows_table(rows, "input", "state", "frames", "fps", "output"))
    raise typer.Exit(batch.exit_code_of(outcomes))


@contextmanager
def machines(cluster: str | None) -> "Iterator[tuple[RunVideo, int]]":
    """What one video is done with, and how many at once at least: here one, else a file a processor."""
    if cluster is None:
        from pipeline.video.job import run_plan

        yield run_plan, 1
        return
    with load("--cluster", CLUSTER)(cluster) as connected:
        yield connected.run, connected.processors


EVENT_LINES = {
    "start": "{action} {output}",
    "engine": "{engine}",
    "note": "{note}",
    "done": "done, {frames} frames, {fps} frames/s",
    "skipped": "skipped: {line}",
    "failed": "failed: {line}",
    "stopped": "stopped; the same command goes on",
}


def print_json(event: "Event") -> None:
    """One event as one line of JSON on standard output."""
    print(json.dumps(event.to_json(), ensure_ascii=False), flush=True)


def say_event(event: "Event") -> None:
    """An event of one of many files as a line; progress is left to ``--json``."""
    if event.kind in EVENT_LINES:
        say(f"{event.input}: {EVENT_LINES[event.kind].format_map(event.facts)}")
        if event.kind == "done" and "line" in event.facts:
            say(f"{event.input}: warning: {event.facts['line']}")


@contextmanager
def events_as_bar(plan: "VideoPlan") -> "Iterator[Tell]":
    """A bar for the only file; its engine and its notes are lines, its end is told by ``sum_up``."""
    from pipeline.cli.terminal import progress_bar

    with progress_bar(Path(plan.options.label).name) as show_progress:

        def show(event: "Event") -> None:
            if event.progress is not None:
                show_progress(event.progress)
            elif event.kind in ("engine", "note"):
                say(str(event.facts[event.kind]))

        yield show


def sum_up(outcome: "Outcome") -> None:
    """The only file's end: one line and the exit code, or its error."""
    done = outcome.summary
    if done is None:
        assert outcome.error is not None
        raise outcome.error
    height, width = done.size
    resumed = f", {done.resumed} of them by an earlier run" if done.resumed else ""
    say(
        f"{done.output}: {done.frames} frames of {width}x{height}{resumed}, in {done.seconds:.1f} s, "
        f"{done.fps:.1f} fps; busiest: {done.busiest} ({done.busy_share[done.busiest]:.0%})"
    )
    if done.interrupted:
        say("the same command goes on from the last whole segment; --no-resume begins anew")
    end_early(done.damage, done.interrupted)
