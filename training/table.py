"""Tables and lists on disk, whole or not at all."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import OutputError


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write ``rows`` as CSV with the keys of the first as head; OutputError says why it cannot be."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    _write(path, text.getvalue())


def write_json(path: Path, content: object, indent: int | None = None) -> None:
    """Write ``content`` as JSON; OutputError says why it cannot be."""
    _write(path, json.dumps(content, indent=indent) + "\n")


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8", newline="")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(f"{path}: could not be written ({error.strerror})") from error
