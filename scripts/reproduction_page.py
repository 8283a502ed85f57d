"""The page of ``reproduce.py``: for each figure of the literature what it says, what was run, what came."""

import csv
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from pipeline.common import machine
from pipeline.common.atomic_files import written
from pipeline.common.errors import InputError
from training.losses.vgg_weights import source_of

INTRODUCTION = """# The early literature, run again

Each part puts what the early literature reports beside what this program gives, by the recipes that
`brushstream gatys` and `brushstream train` have for it. One command makes all of it; stopped, it goes on:

    python scripts/reproduce.py -o FOLDER --page docs/reproduction.md --notes docs/reproduction-notes.md

`--quick` takes minutes instead, at half the size and a tenth of the steps. Where runs are shorter than the
literature's, the part says so."""
FOOTER = """Footage: “webcam-person” of intel-iot-devkit/sample-videos, CC BY 4.0. All paintings are in the
public domain."""
LEFT_OUT = ("study", "size_px")
JPEG_QUALITY = 80


@dataclass(frozen=True)
class Section:
    """One part of the page: what the literature says, what was run, its figures and its picture."""

    name: str
    title: str
    literature: str
    settings: str
    figures: list[dict[str, Any]]
    sheet: Path | None = None


def figures_of(table: Path, steps: Container[int] | None = None) -> list[dict[str, Any]]:
    """Rows of a study's table (those after ``steps`` where given), without columns that say nothing."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if steps is None or int(row["step"]) in steps]
    told = [
        key
        for key in rows[0]
        if key not in LEFT_OUT and any(row[key] not in ("", "0", "0.0") for row in rows)
    ]
    return [{key.replace("_", " "): row[key] for key in told} for row in rows]


def write_page(page: Path, sections: list[Section], notes: dict[str, str], device: str) -> None:
    """The page, and its pictures as JPEG in the folder of its name; OutputError where that cannot be.

    Args:
        notes: what is seen in each section's picture, by the section's name.
    """
    folder = page.with_suffix("")
    parts = [INTRODUCTION, made_on(device)]
    for section in sections:
        parts += [f"## {section.title}", f"**The literature.** {section.literature}"]
        parts.append(f"**Here.** {section.settings[0].upper()}{section.settings[1:]}.")
        if section.sheet:
            write_picture(folder / f"{section.name}.jpg", section.sheet)
            parts.append(f"![{section.title}]({folder.name}/{section.name}.jpg)")
        parts.append(markdown_table(section.figures))
        if section.name in notes:
            parts.append(f"**Seen.** {notes[section.name]}")
    with written(page) as part:
        part.write_text("\n\n".join([*parts, FOOTER]) + "\n", encoding="utf-8")


def made_on(device: str) -> str:
    """A sentence on the machine and the weights."""
    about = machine.describe()
    cpu = f"{about['cpu']}, {about['cores']} cores; {', '.join(machine.cpu_features() or ('unknown',))}"
    return (
        f"Made on `{device}` ({cpu}). VGG-19: {source_of(None)}. "
        "Seconds are those of one run, on a machine that may have had other work."
    )


def read_notes(path: Path) -> dict[str, str]:
    """``## NAME`` and the text below it, by name; InputError where there is no such file."""
    if not path.is_file():
        raise InputError(f"--notes {path}: a file with a part ## NAME a study was expected, there is none")
    parts = path.read_text(encoding="utf-8").split("\n## ")[1:]
    return {name.strip(): text.strip() for name, _, text in (part.partition("\n") for part in parts)}


def write_picture(path: Path, sheet: Path) -> None:
    """A sheet as JPEG."""
    with Image.open(sheet) as opened, written(path) as part:
        opened.convert("RGB").save(part, "JPEG", quality=JPEG_QUALITY)


def markdown_table(rows: list[dict[str, Any]]) -> str:
    """Rows with the keys of the first as head; numbers of four digits."""
    lines = [
        list(rows[0]),
        ["---"] * len(rows[0]),
        *([_short(value) for value in row.values()] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _short(value: object) -> str:
    try:
        return f"{float(str(value)):.4g}"
    except ValueError:
        return str(value)
