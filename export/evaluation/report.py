"""The report of ``brushstream evaluate``: what was measured of each style, in files and on the terminal."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from export.evaluation.candidates import Candidate, cost, write_evaluation
from export.to_onnx import own_version
from pipeline.api import Style
from pipeline.common.contact_sheet import write_sheet
from pipeline.common.reports import write_json
from pipeline.frame import Pixels
from pipeline.stylize.steady import Steady
from training.evaluation import sheets
from training.evaluation.figures import FIGURES, for_card, style_report, summary
from training.evaluation.measure import Examiner, Material, Measured, OnProgress, Settings, Subject


class Report:
    """Gathers what was measured of each style, and writes it into a folder."""

    def __init__(
        self,
        folder: Path,
        photos: Path,
        material: Material,
        settings: Settings,
        engine: str,
        on_progress: OnProgress,
    ) -> None:
        self.folder, self.photos, self.material, self.settings = folder, photos, material, settings
        self.engine = engine
        self.measured: dict[str, Measured] = {}
        self.figures: dict[str, dict[str, float | None]] = {}
        self.engines: dict[str, str] = {}
        self.files: dict[str, str] = {}
        self._examiner = Examiner(material, settings, on_progress)

    def add(self, one: Candidate, painting: Path | None) -> None:
        """Measure one style."""
        self._examiner.say(f"{one.name}: service time")
        costs, self.engines[one.name] = cost(one.file, self.engine)
        with contextlib.ExitStack() as opened:
            paint = opened.enter_context(Style(one.file, engine=self.engine))
            back = one.way_back if self.settings.targets else None
            other = opened.enter_context(Style(back, engine=self.engine)) if back else None
            subject = Subject(one.name, paint, one.recipe, painting, other, calmed)
            self.measured[one.name] = self._examiner.measure(subject)
        self.figures[one.name] = summary(self.measured[one.name], costs)
        self.files[one.name] = one.file.path.name

    def write(self, paintings: dict[str, Path | None]) -> None:
        """Everything into the folder, and a table on the terminal.

        Raises:
            OutputError: the folder cannot be written.
        """
        write_json(self.folder / "report.json", self._content(paintings), indent=1)
        shown = sheets.contact_sheet(self.material.photos, self.measured, paintings)
        write_sheet(self.folder / "contact-sheet.png", shown)
        if self.material.real:
            write_sheet(self.folder / "frames.png", sheets.frame_strips(self.material.real, self.measured))
        plot = sheets.pareto_plot(self.figures)
        if plot is not None:
            write_sheet(self.folder / "pareto.png", plot)
        self._print(plot is not None)

    def write_cards(self, found: list[Candidate]) -> None:
        """Store the figures in the style files that were given by their path."""
        for one in found:
            if one.given is None:
                print(f"{one.name}: no card was written; only a style file given as NAME.onnx gets one")
                continue
            write_evaluation(one.given, for_card(self.figures[one.name], self._about(one.name)))
            print(f"{one.given}: the figures are in its card")

    def _about(self, name: str) -> dict[str, str | int]:
        return {
            "photos": len(self.material.photos),
            "photo_side_px": self.material.photos[0].frame.shape[0],
            "iterations": self.settings.iterations,
            "brushstream": own_version(),
            "engine": self.engines[name],
        }

    def _content(self, paintings: dict[str, Path | None]) -> dict[str, Any]:
        material = self.material
        return {
            "format": 1,
            "photos": {
                "folder": self.photos.name,
                "count": len(material.photos),
                "files": [photo.name for photo in material.photos],
                "rule": material.rule,
                "side_px": material.photos[0].frame.shape[0],
            },
            "clips": {
                "exact": [clip.name for clip in material.exact],
                "real": {real.clip.name: len(real.clip.frames) for real in material.real},
            },
            "optimisation": {"iterations": self.settings.iterations, "precision": self.settings.precision},
            "style_size_px": self.settings.style_size,
            "figures_left_out": self._examiner.figures_left_out,
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
        console = Console(markup=False, highlight=False)
        if not console.is_terminal:
            console = Console(width=max(80, 28 + 18 * len(self.figures)), markup=False, highlight=False)
        console.print(table(self.figures))
        photos = self.material.photos
        print(f"{len(photos)} held-out photographs of {self.photos}: {', '.join(p.name for p in photos)}")
        left_out = self._examiner.figures_left_out
        if left_out:
            print(f"left out, because the VGG-19 weights end before their layers: {', '.join(left_out)}")
        for name, found in self.measured.items():
            print("".join(f"{name}: {note}\n" for note in found.notes), end="")
        names = ["report.json", "contact-sheet.png"]
        names += ["frames.png"] if self.material.real else []
        names += ["pareto.png"] if plotted else []
        print(f"wrote {', '.join(names)} into {self.folder}")


def calmed(frames: Sequence[Pixels], painted: Sequence[Pixels]) -> list[Pixels]:
    """A painted clip as ``--steady`` shows it."""
    steady = Steady()
    return [steady(frame, stylized) for frame, stylized in zip(frames, painted, strict=True)]


def table(figures: dict[str, dict[str, float | None]]) -> Table:
    """A rich table: a row a figure, a column a style; a dash where it was left out."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("")
    for name in figures:
        shown.add_column(name, justify="right", overflow="fold")
    for figure in FIGURES:
        values = (row[figure.name] for row in figures.values())
        shown.add_row(figure.label, *("-" if value is None else f"{value:{figure.form}}" for value in values))
    return shown
