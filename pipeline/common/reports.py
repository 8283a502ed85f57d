"""Figures on disk, as JSON or as a table: whole or not at all."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.common.atomic_files import written
from pipeline.common.errors import CheckpointError


def write_json(path: Path, content: object, indent: int | None = None) -> None:
    """Write ``content`` as JSON; OutputError says why it cannot be."""
    with written(path) as part:
        part.write_text(json.dumps(content, indent=indent) + "\n", encoding="utf-8", newline="")


def read_json(path: Path) -> Any:
    """What ``write_json`` wrote; CheckpointError where it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise CheckpointError(f"{path}: damaged ({error}); delete it to have it made again") from error


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write ``rows`` as CSV with the keys of the first as head; OutputError says why it cannot be."""
    with written(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
