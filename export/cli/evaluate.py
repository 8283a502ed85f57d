"""The command ``brushstream evaluate``: styles in, a report out. torch is imported when it runs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.common.adapters import require
from pipeline.common.atomic_files import make_folder
from pipeline.common.option_groups import flattened
from training.cli.options import EncoderOptions

if TYPE_CHECKING:
    from export.evaluation.candidates import Candidate
    from training.evaluation.measure import Material


@flattened
def evaluate(
    styles: Annotated[
        list[str], typer.Argument(metavar="STYLE...", help="Names, style files (.onnx), checkpoints.")
    ],
    photos: Annotated[Path, typer.Option(help="Folder of photographs; only held-out ones are used.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="REPORT_DIR", help="Folder of the report.")
    ],
    encoder: EncoderOptions,
    clips: Annotated[Path | None, typer.Option(help="Folder of real clips.")] = None,
    paintings: Annotated[
        Path | None, typer.Option(help="Folder with NAME.jpg for every style, to compare with.")
    ] = None,
    targets: Annotated[
        Path | None, typer.Option(help="Folder that results of `train-cycle` should look like.")
    ] = None,
    all_photos: Annotated[
        bool, typer.Option("--all-photos", help="Those of training too, where held-out ones are too few.")
    ] = False,
    iterations: Annotated[
        int, typer.Option(min=0, help="Steps of the optimisation to compare with; 0 leaves it out.")
    ] = 300,
    limit_photos: Annotated[int | None, typer.Option(min=1, help="Use so many photographs.")] = None,
    clip_frames: Annotated[int, typer.Option(min=2, help="Frames of each real clip.")] = 24,
    style_size: Annotated[
        int | None,
        typer.Option(min=64, metavar="PX", help="Longest side of every painting; else that of training."),
    ] = None,
    precision: Annotated[str, typer.Option(help="Of the optimisation: auto, bf16 or fp32.")] = "auto",
    engine: Annotated[
        str, typer.Option(help="The one that paints and is timed: auto, openvino, ...")
    ] = "auto",
    write_cards: Annotated[
        bool, typer.Option("--write-cards", help="Store the figures in the .onnx files given by path.")
    ] = False,
) -> None:
    """Measure styles and put them side by side.

    Writes report.json, contact-sheet.png, frames.png and pareto.png into REPORT_DIR. Only photographs
    that training leaves aside are used: a fixed one in twenty, chosen by file name (one in ten for styles of
    `train-cycle`, seen at the size of their training), or all of a folder that holds a file called
    HELD_OUT; --all-photos takes those of training too, and the report says so. Optimisations are kept in
    REPORT_DIR/optimised, so that the same command goes on where it was stopped. What the figures mean is
    written in docs/evaluation.md.
    """
    if all_photos and write_cards:
        raise typer.BadParameter("--all-photos: cards carry figures of held-out pictures; leave out one")
    require("the report's plot", "matplotlib", "train")
    from export.evaluation.candidates import candidates
    from export.evaluation.report import Report
    from training.devices import pick_device
    from training.evaluation import distances
    from training.evaluation.measure import Settings
    from training.losses.encoder import VggEncoder
    from training.losses.vgg_weights import source_of

    print(f"VGG-19: {source_of(encoder.vgg_weights)}", flush=True)
    VggEncoder(distances.LAYERS, encoder.vgg_weights)  # what does not fit is told before any work
    make_folder(output, parents=True)
    chosen_device = pick_device(encoder.device)
    settings = Settings(
        folder=output / "optimised",
        vgg_weights=encoder.vgg_weights,
        device=chosen_device,
        iterations=iterations,
        precision=_precision(precision, chosen_device),
        style_size=style_size,
        targets=targets,
    )
    found = candidates(styles, output / "exported")
    where = {one.name: _painting_of(one, paintings) for one in found}
    material = _material(photos, clips, limit_photos, clip_frames, found, all_photos)
    report = Report(output, photos, material, settings, engine, _progress)
    for one in found:
        report.add(one, where[one.name])
    _progress("")
    report.write(where)
    if write_cards:
        report.write_cards(found)


def _precision(requested: str, device: str) -> str:
    """bf16 under ``auto`` on a CPU that has it, where it takes less than half the time; fp32 elsewhere."""
    from training.devices import pick_precision

    if requested not in ("auto", "bf16", "fp32"):
        raise typer.BadParameter(f"--precision {requested}: auto, bf16 or fp32 was expected")
    if requested == "auto" and device != "cpu":
        return "fp32"
    return pick_precision(requested, device)


def _painting_of(one: "Candidate", paintings: Path | None) -> Path | None:
    from training.evaluation.material import find_painting

    if paintings is None:
        return None
    painting = find_painting(paintings, *one.painting_names)
    if painting is None:
        print(
            f"{one.name}: no painting {' or '.join(one.painting_names)} (.jpg, .png, ...) in {paintings}; "
            "style distance and objective ratio are left out",
            flush=True,
        )
    return painting


def _material(
    photos: Path,
    clips: Path | None,
    limit: int | None,
    frames: int,
    styles: "list[Candidate]",
    everything: bool,
) -> "Material":
    from training.cycle.data import HELD_OUT_ONE_IN as OF_TWO_FOLDERS
    from training.evaluation import flow_clips, material
    from training.evaluation.measure import EXACT_CLIPS, Material, RealClip
    from training.feed_forward.data import HELD_OUT_ONE_IN

    sides = [side for one in styles if (side := one.trained_side_px) is not None]
    between_folders = len(sides) == len(styles)
    side_px = min(sides) if between_folders else material.PHOTO_SIDE_PX
    one_in = 1 if everything else OF_TWO_FOLDERS if between_folders else HELD_OUT_ONE_IN
    squares = material.photos_to_judge(photos, side_px=side_px, one_in=one_in)
    exact = flow_clips.clips_from_photos(squares, EXACT_CLIPS)
    paths = material.find_clips(clips) if clips else []
    real = [RealClip.of(material.read_clip(path, frames)) for path in paths]
    rule = material.EVERYTHING_RULE if everything else material.HELD_OUT_RULE
    return Material(material.spread(squares, limit), rule, exact, real)


def _progress(line: str) -> None:
    """Where it stands: over itself on a terminal, where nothing clears it; a line each elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
    elif line:
        print(line, file=sys.stderr, flush=True)
