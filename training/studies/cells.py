"""What a study keeps of its trials: files that say what they are of, so that none is taken for another."""

from pathlib import Path
from typing import Any

from pipeline.common.errors import CheckpointError
from pipeline.common.reports import read_json, write_json


def claim(path: Path, identity: dict[str, Any]) -> None:
    """Write down what a trial is of; CheckpointError where ``path`` says that it is of something else."""
    if not path.exists():
        write_json(path, identity)
        return
    kept = read_json(path)
    differing = [key for key in identity if kept.get(key) != identity[key]]
    if differing:
        changes = ", ".join(f"{key} {kept.get(key)} -> {identity[key]}" for key in differing)
        raise CheckpointError(
            f"{path.parent}: this render was made with other settings ({changes}); use the same, or give "
            "another folder with -o"
        )


def file_name(label: str) -> str:
    """``label`` with everything but letters, digits, dots, dashes and underscores made a dash."""
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in label)
