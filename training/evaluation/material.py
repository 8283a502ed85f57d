"""What styles are judged on: photographs that training never saw, paintings, and real clips."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.common.errors import InputError
from training.feed_forward.data import (
    HELD_OUT_ONE_IN,
    IMAGE_SUFFIXES,
    RgbImage,
    center_square,
    find_photos,
    is_held_out,
    read_rgb,
    resize,
    to_tensor,
)

Pixels = NDArray[np.uint8]
"""A frame: (H, W, 3) uint8, BGR, C-contiguous."""
Paint = Callable[[Pixels], Pixels]
"""A style: frame in, frame of the same size out."""
Calm = Callable[[Sequence[Pixels], Sequence[Pixels]], list[Pixels]]
"""Frames of a clip and their paintings in, the paintings with less flicker out."""

T = TypeVar("T")
PHOTO_SIDE_PX = 512
HELD_OUT_RULE = (
    "held out: one in twenty by file name (in ten for styles trained between two folders), or the whole of a "
    "folder marked HELD_OUT"
)
EVERYTHING_RULE = "all of the folder, those of training among them"
CLIP_LONGEST_PX = 640
HELD_OUT_MARK = "HELD_OUT"
CLIP_SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v"})


@dataclass(frozen=True)
class Photo:
    """A photograph to judge on: its file's name, and its centre square as a frame."""

    name: str
    frame: Pixels


@dataclass(frozen=True)
class Clip:
    """Consecutive frames of one size of a video file."""

    name: str
    frames: list[Pixels]


def photos_to_judge(
    folder: Path, limit: int | None = None, side_px: int = PHOTO_SIDE_PX, one_in: int = HELD_OUT_ONE_IN
) -> list[Photo]:
    """Photographs of ``folder`` that training leaves aside, as squares of ``side_px``.

    They are the fixed one in so many of ``data.is_held_out``; all of a folder in which a file called
    ``HELD_OUT`` says that no training ever used it. With ``limit`` they are taken evenly from the list
    sorted by name, so that the same limit takes the same photographs. Unreadable ones are passed over.

    Raises:
        InputError: no folder, no picture, none held out, or none readable.
    """
    found = held_out(folder, one_in)
    readable = ((path, read_rgb(path)) for path in found)
    photos = [
        Photo(path.name, _bgr(center_square(rgb, side_px))) for path, rgb in readable if rgb is not None
    ]
    if not photos:
        raise InputError(f"--photos {folder}: none of the {len(found)} held-out photographs can be read")
    return spread(photos, limit)


def held_out(folder: Path, one_in: int = HELD_OUT_ONE_IN) -> list[Path]:
    """The paths that ``photos_to_judge`` may use. Raises InputError."""
    found = find_photos(folder)
    if (folder / HELD_OUT_MARK).exists():
        return found
    chosen = [path for path in found if is_held_out(path, one_in)]
    if not chosen:
        raise InputError(
            f"--photos {folder}: training leaves one photograph in {one_in} aside by its file's name, and "
            f"none of these {len(found)} is one. Give the folder of training or, where no training used "
            f"this one, put an empty file {HELD_OUT_MARK} into it"
        )
    return chosen


def spread(items: Sequence[T], limit: int | None) -> list[T]:
    """``limit`` of ``items`` at even distances, the first among them; all where there are no more."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[number * len(items) // limit] for number in range(limit)]


def find_painting(folder: Path, *names: str) -> Path | None:
    """The painting of the first of ``names`` that has one: ``NAME.jpg`` or another picture.

    Where none has, a painting whose name begins one of ``names`` will do, the longest first:
    ``great-wave.jpg`` for ``great-wave-johnson``.

    Raises:
        InputError: ``folder`` is none.
    """
    if not folder.is_dir():
        raise InputError(f"--paintings {folder}: a folder of paintings was expected, there is none")
    known = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES}
    for name in names:
        if name in known:
            return known[name]
    beginnings = (
        stem for stem in sorted(known, key=len, reverse=True) if any(begins(stem, n) for n in names)
    )
    return known.get(next(beginnings, ""))


def begins(stem: str, name: str) -> bool:
    """Whether ``name`` is ``stem`` and something more after a hyphen, dot or underscore."""
    return any(name.startswith(stem + mark) for mark in "-._")


def find_clips(folder: Path) -> list[Path]:
    """The videos in ``folder``, sorted by name.

    Raises:
        InputError: no folder, or no video in it.
    """
    if not folder.is_dir():
        raise InputError(f"--clips {folder}: a folder of videos was expected, there is none")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in CLIP_SUFFIXES)
    if not found:
        raise InputError(f"--clips {folder}: no video in it (looked for {', '.join(sorted(CLIP_SUFFIXES))})")
    return found


def read_clip(path: Path, frames: int, longest_px: int = CLIP_LONGEST_PX) -> Clip:
    """The first ``frames`` frames, the longest side scaled down to ``longest_px`` where it is longer.

    Raises:
        InputError: fewer than two frames can be read.
    """
    video = cv2.VideoCapture(str(path))
    read: list[Pixels] = []
    while len(read) < frames:
        more, pixels = video.read()
        if not more:
            break
        read.append(_at_most(pixels.astype(np.uint8, copy=False), longest_px))
    video.release()
    if len(read) < 2:
        raise InputError(f"{path}: two frames of video at least were expected, {len(read)} can be read")
    return Clip(path.name, read)


def _at_most(pixels: Pixels, longest_px: int) -> Pixels:
    factor = longest_px / max(pixels.shape[:2])
    return resize(pixels, factor) if factor < 1 else pixels


def image_of(frame: Pixels, device: torch.device | str = "cpu") -> Tensor:
    """A frame as an image (1, 3, H, W), float32, RGB in [0, 1]."""
    return to_tensor(np.ascontiguousarray(frame[:, :, ::-1])).unsqueeze(0).to(device)


def _bgr(rgb: RgbImage) -> Pixels:
    return np.ascontiguousarray(rgb[:, :, ::-1])


def frame_of(image: Tensor) -> Pixels:
    """An image (1, 3, H, W), RGB in [0, 1], as a frame."""
    rgb = image.detach()[0].float().clamp(0, 1).mul(255).add(0.5).byte().permute(1, 2, 0).cpu().numpy()
    return _bgr(rgb)
