"""What a training tells besides its weights: the artwork it learns, previews, a line of progress."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor

from pipeline.common.atomic_files import make_folder, written
from pipeline.common.errors import InputError
from pipeline.common.progress import time_left
from training.feed_forward.many_styles import PHOTOGRAPH
from training.feed_forward.recipe import TrainingProgress


def artwork_of(painting: Path, told: dict[str, Any]) -> dict[str, Any]:
    """Title, artist, year, rights and source: as told, else from ``styles.json`` beside the painting.

    ``styles.json`` is a list of objects with ``name`` (the painting's file name without its suffix) and
    those five keys.

    Raises:
        InputError: the file is there and is no such list.
    """
    found: dict[str, Any] = {}
    listing = painting.parent / "styles.json"
    if listing.is_file():
        try:
            entries = {entry["name"]: entry for entry in json.loads(listing.read_text(encoding="utf-8"))}
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(
                f"{listing}: a list of objects with a name was expected ({error}); mend or remove it"
            ) from error
        found = entries.get(painting.stem, {})
    known = {key: found.get(key) for key in told} | {k: v for k, v in told.items() if v is not None}
    return {"name": painting.stem, **{key: value for key, value in known.items() if value is not None}}


def styles_of(paintings: Sequence[Path], photograph_row: bool) -> tuple[dict[str, Any], ...]:
    """What is known of each row of a network of several styles, in order.

    Raises:
        InputError: two have one name, or see ``artwork_of``.
    """
    nothing = dict.fromkeys(("title", "artist", "year", "rights", "source"))
    found = [artwork_of(painting, nothing) for painting in paintings]
    if photograph_row:
        found.append({"name": PHOTOGRAPH, "title": "the photograph as it is"})
    names = [style["name"] for style in found]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"two paintings are called {twice[0]!r}; a row is mixed by name: rename one of them")
    return tuple(found)


def write_preview(path: Path, *shown: Tensor) -> None:
    """A PNG with a row for each batch, the content photographs above and the stylized ones below.

    Args:
        shown: (N, 3, H, W) of one shape, RGB in [0, 1].

    Raises:
        OutputError: the picture cannot be written.
    """
    rows = [torch.cat(list(image), dim=2) for image in shown]
    pixels = (torch.cat(rows, dim=1) * 255.0 + 0.5).clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
    make_folder(path.parent, parents=True)
    with written(path) as part:
        part.write_bytes(cv2.imencode(".png", pixels[:, :, ::-1])[1].tobytes())


def describe(progress: TrainingProgress) -> str:
    """One line: step, terms, pace, time to go, held-out terms and broken photographs where there are any."""
    parts = [f"step {progress.step}/{progress.steps}"]
    shown = [
        name for name in ("content", "style", "temporal", "repetition", "total") if name in progress.terms
    ]
    parts += [f"{name} {progress.terms[name]:.4f}" for name in shown]
    parts.append(f"style weight {progress.terms['style_weight']:.2f}")
    parts += [f"{progress.seconds_per_step:.2f} s/step", time_left(progress.eta_s)]
    if progress.held_out:
        held_out = progress.held_out
        parts.append(f"held out: content {held_out['content']:.4f}, style {held_out['style']:.4f}")
    if progress.broken_photos:
        parts.append(f"{progress.broken_photos} broken photographs skipped")
    return ", ".join(parts)
