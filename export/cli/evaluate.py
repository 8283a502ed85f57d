"""The command ``brushstream evaluate``: styles in, a report out. torch is imported when it runs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from export.evaluation.candidates import Candidate
    from training.evaluation.measure import Material, Measured, Settings


def evaluate(
    styles: Annotated[
        list[str], typer.Argument(metavar="STYLE...", help="Names, style files (.onnx), checkpoints.")
    ],
    photos: Annotated[Path, typer.Option(help="Folder of photographs; only held-out ones are used.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="REPORT_DIR", help="Where it goes.")],
    clips: Annotated[Path | None, typer.Option(help="Folder of real clips.")] = None,
    paintings: Annotated[
        Path | None, typer.Option(help="Folder with NAME.jpg for every style, to compare with.")
    ] = None,
    iterations: Annotated[
        int, typer.Option(min=0, help="Of the optimisation compared with; 0 leaves it out.")
    ] = 300,
    limit_photos: Annotated[int | None, typer.Option(min=1, help="Use so many photographs.")] = None,
    clip_frames: Annotated[int, typer.Option(min=2, help="Frames of each real clip.")] = 24,
    vgg_weights: Annotated[
        Path | None, typer.Option(help="VGG-19 as safetensors; else torchvision's.")
    ] = None,
    device: Annotated[str, typer.Option(help="Of the encoder: auto, cpu, cuda, ...")] = "auto",
    precision: Annotated[str, typer.Option(help="Of the optimisation: auto, bf16 or fp32.")] = "auto",
    engine: Annotated[str, typer.Option(help="That paints and is timed: auto, openvino, ...")] = "auto",
    write_cards: Annotated[
        bool, typer.Option("--write-cards", help="Store the figures in the .onnx files given by path.")
    ] = False,
) -> None:
    """Measure styles and put them side by side.

    Writes report.json, contact-sheet.png, frames.png and pareto.png into REPORT_DIR. Only photographs
    that training leaves aside are used: a fixed one in twenty, chosen by file name, or all of a folder
    that holds a file called HELD_OUT. Optimisations are kept in REPORT_DIR/optimised, so that the same
    command goes on where it was stopped. What the figures mean is written in docs/evaluation.md.
    """
    from export.evaluation.candidates import candidates
    from training.evaluation.measure import Settings
    from training.image_io import make_folder

    make_folder(output)
    chosen_device = _device(device)
    settings = Settings(
        folder=output / "optimised",
        vgg_weights=vgg_weights,
        device=chosen_device,
        iterations=iterations,
        precision=_precision(precision, chosen_device),
    )
    found = candidates(styles, output / "exported")
    where = {one.name: _painting_of(one, paintings) for one in found}
    material = _material(photos, clips, limit_photos, clip_frames)
    report = Report(output, photos, material, settings, engine)
    for one in found:
        report.add(one, where[one.name])
    _progress("")
    report.write(where)
    if write_cards:
        report.write_cards(found)


def _device(requested: str) -> str:
    from training.cli.train import pick_device

    return pick_device(requested)


def _precision(requested: str, device: str) -> str:
    """bf16 under ``auto`` on a CPU that has it, where it takes less than half the time; fp32 elsewhere."""
    from training.cli.train import pick_precision

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


def _material(photos: Path, clips: Path | None, limit: int | None, frames: int) -> "Material":
    from training.evaluation import flow_clips, material
    from training.evaluation.measure import EXACT_CLIPS, Material, RealClip

    squares = material.photos_to_judge(photos)
    exact = flow_clips.clips_from_photos(squares, EXACT_CLIPS)
    paths = material.find_clips(clips) if clips else []
    real = [RealClip.of(material.read_clip(path, frames)) for path in paths]
    return Material(material.spread(squares, limit), exact, real)


class Report:
    """Gathers what was measured of each style, and writes it into a folder."""

    def __init__(
        self, folder: Path, photos: Path, material: "Material", settings: "Settings", engine: str
    ) -> None:
        from training.evaluation.measure import Examiner

        self.folder, self.photos, self.material, self.settings = folder, photos, material, settings
        self.engine = engine
        self.measured: dict[str, Measured] = {}
        self.figures: dict[str, dict[str, float | None]] = {}
        self.engines: dict[str, str] = {}
        self.files: dict[str, str] = {}
        self._examiner = Examiner(material, settings, _progress)

    def add(self, one: "Candidate", painting: Path | None) -> None:
        """Measure one style."""
        from export.evaluation.candidates import cost
        from pipeline.api import Style
        from training.evaluation.figures import summary
        from training.evaluation.measure import Subject

        _progress(f"{one.name}: service time")
        costs, self.engines[one.name] = cost(one.file, self.engine)
        with Style(one.file, engine=self.engine) as paint:
            self.measured[one.name] = self._examiner.measure(Subject(one.name, paint, one.recipe, painting))
        self.figures[one.name] = summary(self.measured[one.name], costs)
        self.files[one.name] = one.file.path.name

    def write(self, paintings: dict[str, Path | None]) -> None:
        """Everything into the folder, and a table on the terminal.

        Raises:
            OutputError: the folder cannot be written.
        """
        from training.evaluation import sheets
        from training.studies.sheet import write_sheet
        from training.table import write_json

        write_json(self.folder / "report.json", self._content(paintings), indent=1)
        shown = sheets.contact_sheet(self.material.photos, self.measured, paintings)
        write_sheet(self.folder / "contact-sheet.png", shown)
        if self.material.real:
            write_sheet(self.folder / "frames.png", sheets.frame_strips(self.material.real, self.measured))
        plot = sheets.pareto_plot(self.figures)
        if plot is not None:
            write_sheet(self.folder / "pareto.png", plot)
        self._print(plot is not None)

    def write_cards(self, found: list["Candidate"]) -> None:
        """Store the figures in the style files that were given by their path."""
        from export.evaluation.candidates import write_evaluation
        from training.evaluation.figures import for_card

        for one in found:
            if one.given is None:
                print(f"{one.name}: no card was written; only a style file given as NAME.onnx gets one")
                continue
            write_evaluation(one.given, for_card(self.figures[one.name], self._about(one.name)))
            print(f"{one.given}: the figures are in its card")

    def _about(self, name: str) -> dict[str, str | int]:
        from export.to_onnx import own_version

        return {
            "photos": len(self.material.photos),
            "photo_side_px": self.material.photos[0].frame.shape[0],
            "iterations": self.settings.iterations,
            "brushstream": own_version(),
            "engine": self.engines[name],
        }

    def _content(self, paintings: dict[str, Path | None]) -> dict[str, Any]:
        from training.evaluation.figures import style_report

        material = self.material
        return {
            "format": 1,
            "photos": {
                "folder": self.photos.name,
                "count": len(material.photos),
                "files": [photo.name for photo in material.photos],
                "rule": "held out: one in twenty by file name, or the whole of a folder marked HELD_OUT",
                "side_px": material.photos[0].frame.shape[0],
            },
            "clips": {
                "exact": [clip.name for clip in material.exact],
                "real": {real.clip.name: len(real.clip.frames) for real in material.real},
            },
            "optimisation": {"iterations": self.settings.iterations, "precision": self.settings.precision},
            "styles": {
                name: {
                    "file": self.files[name],
                    "painting": painting.name if (painting := paintings[name]) else None,
                    "engine": self.engines[name],
                    **style_report(found, self.figures[name]),
                }
                for name, found in self.measured.items()
            },
        }

    def _print(self, plotted: bool) -> None:
        from rich.console import Console

        console = Console(markup=False, highlight=False)
        if not console.is_terminal:
            console = Console(width=max(80, 28 + 18 * len(self.figures)), markup=False, highlight=False)
        console.print(table(self.figures))
        photos = self.material.photos
        print(f"{len(photos)} held-out photographs of {self.photos}: {', '.join(p.name for p in photos)}")
        for name, found in self.measured.items():
            print("".join(f"{name}: {note}\n" for note in found.notes), end="")
        names = ["report.json", "contact-sheet.png"]
        names += ["frames.png"] if self.material.real else []
        names += ["pareto.png"] if plotted else []
        print(f"wrote {', '.join(names)} into {self.folder}")


def table(figures: dict[str, dict[str, float | None]]) -> Any:
    """A rich table: a row a figure, a column a style; a dash where it was left out."""
    from rich.table import Table

    from training.evaluation.figures import FIGURES

    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("")
    for name in figures:
        shown.add_column(name, justify="right", overflow="fold")
    for figure in FIGURES:
        values = (row[figure.name] for row in figures.values())
        shown.add_row(figure.label, *("-" if value is None else f"{value:{figure.form}}" for value in values))
    return shown


def _progress(line: str) -> None:
    """Where it stands: over itself on a terminal, where nothing clears it; a line each elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
    elif line:
        print(line, file=sys.stderr, flush=True)
