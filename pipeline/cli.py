"""The command ``brushstream``: options in, lines and exit codes out. Nothing else prints.

Each command imports what it needs when it runs, so that ``brushstream --help`` loads no numpy, no OpenCV
and no engine. ``train`` and ``export`` belong to the other two parts and are mounted by name.
"""

import enum
import importlib
import json
import sys
import traceback
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline import live_cli, registry
from pipeline.cli_options import (
    DEFAULT_STYLE,
    PLAIN,
    DeviceName,
    EngineName,
    JsonFile,
    KeepColors,
    Overwrite,
    PrecisionName,
    PrecisionOption,
    ProviderName,
    Size,
    Strength,
    StyleName,
    parse_size,
    precision_of,
    say,
    write_json,
)
from pipeline.errors import EXIT_DAMAGED_INPUT, EXIT_INTERRUPTED, MissingPackageError

if TYPE_CHECKING:
    from pipeline.video_plan import VideoOptions

app = typer.Typer(no_args_is_help=True, context_settings={"terminal_width": 100}, **PLAIN)  # type: ignore[arg-type]


class DeinterlaceOption(enum.StrEnum):
    """Whether interlaced pictures are made whole."""

    auto = "auto"
    on = "on"
    off = "off"


def parse_fps(text: str | None) -> Fraction | None:
    """``25``, ``29.97`` or ``30000/1001``; typer.BadParameter for anything else."""
    if text is None:
        return None
    ntsc = {"23.976": "24000/1001", "23.98": "24000/1001", "29.97": "30000/1001", "59.94": "60000/1001"}
    try:
        return Fraction(ntsc.get(text, text))
    except (ValueError, ZeroDivisionError) as error:
        raise typer.BadParameter(f"{text!r} is no frame rate; write 25 or 30000/1001") from error


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Stylizes webcam and video frames in real time with networks trained from paintings."""


app.command()(live_cli.webcam)


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
    live: Annotated[
        bool, typer.Option("--live", help="Measure the age of frames from a source with a fixed rate.")
    ] = False,
    rate: live_cli.Rate = 30,
    plot: live_cli.Plot = None,
    self_test: live_cli.SelfTest = False,
    soak: live_cli.Soak = None,
    json_file: JsonFile = None,
) -> None:
    """Measure how long a frame takes on this machine."""
    from pipeline import terminal
    from pipeline.bench import BenchOptions, run_bench
    from pipeline.style import find_style

    frame_size = parse_size(size)
    if live or self_test or soak is not None:
        live_cli.bench_live(
            style, frame_size, registry.engine_on(engine, device, provider), precision_of(precision), rate,
            frames, warmup, plot, self_test, soak, json_file,
        )  # fmt: skip
        return
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
    sources: Annotated[
        list[str],
        typer.Argument(metavar="IN...", help="Videos, folders, glob patterns, shot/%06d.png."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="mp4, mov, mkv, webm, gif, %06d.png; for several inputs a folder, or a name such as "
            "{stem}-{style}.mp4.",
        ),
    ],
    style: StyleName = DEFAULT_STYLE,
    engine: EngineName = "auto",
    device: DeviceName = None,
    provider: ProviderName = None,
    precision: PrecisionName = PrecisionOption.auto,
    size: Size = None,
    strength: Strength = 1.0,
    keep_colors: KeepColors = False,
    steady: Annotated[bool, typer.Option("--steady", help="Calm flicker where nothing moves.")] = False,
    overwrite: Overwrite = False,
    codec: Annotated[
        str, typer.Option(help="auto, h264, hevc, av1, vp9, prores, ffv1, or a hardware encoder's name.")
    ] = "auto",
    crf: Annotated[int, typer.Option(help="Quality: 0 lossless, 18 like the original, 51 worst.")] = 18,
    preset: Annotated[str, typer.Option(help="ultrafast to veryslow.")] = "veryfast",
    fps: Annotated[str | None, typer.Option(help="Even frame rate; default: every frame's own time.")] = None,
    deinterlace: Annotated[DeinterlaceOption, typer.Option()] = DeinterlaceOption.auto,
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
) -> None:
    """Stylize videos; sound, subtitles and chapters are copied. Ctrl-C can be resumed."""
    from pipeline import jobs as batch
    from pipeline import terminal
    from pipeline.steady import Steadier
    from pipeline.video_plan import VideoOptions

    wanted = VideoOptions(
        Path(sources[0]), output, style, registry.engine_on(engine, device, provider),
        precision_of(precision), parse_size(size) if size else None, strength, keep_colors, overwrite,
        crf, preset, codec, fps=parse_fps(fps), deinterlace=deinterlace.value, schedule=schedule,
        fade_s=Fraction(str(fade)), resume=resume, preview_s=preview,
        steadier=Steadier if steady else None,
    )  # fmt: skip
    single = not batch.is_batch(sources, output)
    planned = [batch.plan_one(wanted)] if single else batch.plan(sources, output, wanted)
    if dry_run:
        terminal.show(terminal.plan_table(list(batch.plan_rows(planned))))
    elif single and not json_lines:
        video_file(wanted, cluster)
    else:
        outcomes = batch.run_jobs(planned, jobs, print_json if json_lines else say_event)
        if not json_lines:
            terminal.show(terminal.outcome_table(list(batch.rows(outcomes))))
        raise typer.Exit(batch.exit_code_of(outcomes))


def video_file(wanted: "VideoOptions", cluster: str | None) -> None:
    """One video, with a bar, its notes and one line at the end."""
    from pipeline.terminal import progress_bar
    from pipeline.video_job import run_video

    with progress_bar(wanted.input.name) as show_progress:
        if cluster is not None:
            done = registry.load("--cluster", registry.CLUSTER)(wanted, cluster, show_progress)
        else:
            done = run_video(wanted, show_progress, on_engine=say)
    for note in done.notes:
        say(note)
    height, width = done.size
    resumed = f", {done.resumed} of them by an earlier run" if done.resumed else ""
    say(
        f"{done.output}: {done.frames} frames of {width}x{height}{resumed}, in {done.seconds:.1f} s, "
        f"{done.fps:.1f} fps; busiest: {done.busiest} ({done.busy_share[done.busiest]:.0%})"
    )
    if done.interrupted:
        say("the same command goes on from the last whole segment; --no-resume begins anew")
    end_early(done.damage, done.interrupted)


def say_event(event: Mapping[str, object]) -> None:
    """A batch's events as lines; progress is left to ``--json``."""
    if event["event"] != "progress":
        told = {key: value for key, value in event.items() if key not in ("event", "input")}
        say(f"{event['input']}: {event['event']} " + ", ".join(f"{k} {v}" for k, v in told.items()))


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
    """Make a style file (needs brushstream[train]) or a TensorRT engine."""
    run_mounted("export.cli", "export", context)


@app.command(context_settings={**FOREIGN, "help_option_names": []})
def evaluate(context: typer.Context) -> None:
    """Measure styles: a report with figures and pictures (needs brushstream[train])."""
    run_mounted("export.evaluate_cli", "evaluate", context)


@app.command(context_settings={**FOREIGN, "help_option_names": []})
def gatys(context: typer.Context) -> None:
    """Paint one photograph by optimising it (needs brushstream[train])."""
    run_mounted("training.gatys_cli", "gatys", context)


@app.command("gatys-study", context_settings={**FOREIGN, "help_option_names": []})
def gatys_study(context: typer.Context) -> None:
    """Compare gatys settings on a sheet (needs brushstream[train])."""
    run_mounted("training.studies_cli", "gatys_study", context)


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


def print_json(event: Mapping[str, object]) -> None:
    """One event as one line of JSON on standard output."""
    print(json.dumps(event, ensure_ascii=False), flush=True)


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
