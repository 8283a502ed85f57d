"""CSV tables."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.errors import ResultError


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write ``rows`` with the keys of the first as head, whole or not at all.

    Raises:
        ResultError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ResultError(f"{path}: the table could not be written ({error.strerror})") from error
