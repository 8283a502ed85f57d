"""A new painting in minutes: from a network that holds several styles, only what is new is trained."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import torch
from numpy.random import default_rng

from export.to_onnx import style_file_from_checkpoint
from pipeline.common.errors import InputError
from pipeline.drawing.dead_leaves import dead_leaves
from pipeline.drawing.scene import Scene
from pipeline.engines.parity import ParityReport
from pipeline.frame import Pixels
from pipeline.images.reading import read_picture
from pipeline.lookup import find_style
from pipeline.style import StyleCard
from pipeline.video.reading.video_file import VideoFileSource
from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint
from training.feed_forward import loop, presets, report
from training.feed_forward.data import find_photos, read_painting, require_strokes, split_photos
from training.feed_forward.many_styles import PHOTOGRAPH
from training.feed_forward.recipe import TrainingProgress, TrainingRecipe, TrainingRun
from training.feed_forward.style_weights import checkpoint_from_style_file
from training.feed_forward.validation import held_out_batch, stylize
from training.losses.encoder import VggEncoder
from training.losses.objective import Objective
from training.networks.rows import mixed

BASE = "gallery"
STEPS = 800
CROP_PX = 208
PREVIEW_EVERY_S = 30.0
DIFFERENT_CROPS = 200
DRAWN = 96
VIDEO_FRAMES = 160
SMALLEST_PX = 64
_TRIED_ON = 2


@dataclass(frozen=True)
class Lesson:
    """What ``brushstream learn`` was asked for.

    Attributes:
        photos: a folder of photographs to learn on; or ``video``, whose frames are; neither draws scenes.
        base: the style of several that is begun from.
        told: title, artist, year, rights and source of the painting, as far as known.
    """

    painting: Path
    output: Path
    photos: Path | None = None
    video: Path | None = None
    base: str = BASE
    steps: int = STEPS
    vgg_weights: Path | None = None
    device: str = "cpu"
    precision: str = "fp32"
    told: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def preview(self) -> Path:
        """The picture that shows how far it is, above the photographs and below their painting."""
        return self.output.with_suffix(".preview.png")


def learn(
    lesson: Lesson,
    tell: Callable[[str], None],
    on_progress: Callable[[TrainingProgress], None],
    on_report: Callable[[ParityReport], None] | None = None,
) -> StyleCard:
    """Train a style from ``lesson.base`` and write its style file.

    Raises:
        InputError: the painting cannot be read, is animated, of one colour or under 64 px; or no photographs.
        StyleNotFoundError, StyleError, CheckpointError: the base is none.
        TrainingError, ParityError, OutputError: see ``training.feed_forward.loop`` and ``export.to_onnx``.
    """
    pixels = readable_painting(lesson.painting)
    base = checkpoint_from_style_file(find_style(lesson.base).path)
    with TemporaryDirectory(prefix="brushstream-learn-") as scratch:
        folder = Path(scratch)
        painting = folder / f"{lesson.output.stem}.png"
        cv2.imwrite(str(painting), pixels)
        photos = lesson.photos or folder / "photos"
        if lesson.photos is None:
            written = write_pictures(photos, lesson.video)
            tell(f"no folder of photographs: {written}")
        run = TrainingRun(
            painting, photos, folder / "learned.safetensors", lesson.vgg_weights, lesson.device,
            artwork={**report.artwork_of(lesson.painting, lesson.told), "name": lesson.output.stem},
            init_from=folder / "start.safetensors", report_interval=10, held_out_interval=lesson.steps,
            checkpoint_interval=lesson.steps, preview_interval_s=PREVIEW_EVERY_S,
        )  # fmt: skip
        recipe = recipe_for(base, lesson)
        row, start = nearest_row(base, recipe, run)
        tell(f"begins from {row}; a preview every {PREVIEW_EVERY_S:.0f} s in {lesson.preview}")
        checkpoints.save(folder / "start.safetensors", start)

        def show(step: int, content: torch.Tensor, stylized: torch.Tensor) -> None:
            report.write_preview(lesson.preview, content, stylized)

        loop.train(recipe, run, on_progress, show)
        return style_file_from_checkpoint(run.output, lesson.output, on_report)


def recipe_for(base: Checkpoint, lesson: Lesson) -> TrainingRecipe:
    """That of ``balanced``, shorter, of smaller crops, and of few: their features are kept."""
    return dataclasses.replace(
        presets.PRESETS["balanced"].recipe, network=base.network_name, steps=lesson.steps,
        image_size=CROP_PX, precision=lesson.precision, warmup_steps=10, repeat_after=DIFFERENT_CROPS,
    )  # fmt: skip


def readable_painting(path: Path) -> Pixels:
    """(H, W, 3) uint8 BGR of a picture that a style can be learned from.

    Raises:
        InputError: it cannot be read, is animated, or under 64 px on its short side.
    """
    picture = read_picture(path)
    height, width = picture.pixels.shape[:2]
    if any("animated" in note for note in picture.notes):
        raise InputError(
            f"{path} is animated; a style is learned from one still picture: save one of its frames"
        )
    if min(height, width) < SMALLEST_PX:
        raise InputError(f"{path} has {width}x{height} pixels; {SMALLEST_PX} on the short side are needed")
    require_strokes(path, picture.pixels)
    return picture.pixels


def write_pictures(folder: Path, video: Path | None) -> str:
    """Pictures to learn on, from a video or drawn; returns what they are.

    Raises:
        InputError: the video cannot be read.
    """
    folder.mkdir()
    frames = _frames_of(video) if video else _drawn()
    count = 0
    for count, pixels in enumerate(frames, 1):
        cv2.imwrite(str(folder / f"{count:04d}.png"), pixels)
    return (
        f"{count} frames of {video}"
        if video
        else f"{count} drawn pictures (see docs/mixing.md for what that costs)"
    )


def _frames_of(video: Path) -> Iterator[Pixels]:
    source = VideoFileSource(video, fps=Fraction(2))
    try:
        for frame in islice(source, VIDEO_FRAMES):
            yield frame.pixels
    finally:
        source.close()


def _drawn() -> Iterator[Pixels]:
    """Landscapes and shapes of anything, in turn."""
    size = (360, 480)
    for seed in range(DRAWN):
        yield Scene(*size, seed).draw(seed * 0.7) if seed % 2 else dead_leaves(default_rng(seed), size)


@torch.no_grad()
def nearest_row(base: Checkpoint, recipe: TrainingRecipe, run: TrainingRun) -> tuple[str, Checkpoint]:
    """The row whose pictures are nearest to the painting, by name, and its weights as one style's.

    Raises:
        InputError, EncoderWeightsError, LayerMissingError: see ``training.losses.encoder`` and ``data``.
    """
    encoder = VggEncoder(recipe.spec.layers, run.vgg_weights, reflect=True)
    target = Objective(recipe.spec, encoder, [read_painting(run.painting, recipe.style_size)])
    photos = held_out_batch(split_photos(find_photos(run.photos))[1])[:_TRIED_ON]
    distances: dict[str, float] = {}
    starts: dict[str, Checkpoint] = {}
    for place, style in enumerate(base.styles):
        if style["name"] == PHOTOGRAPH:
            continue
        weights = mixed(base.network, torch.eye(len(base.styles))[place])
        starts[style["name"]] = Checkpoint(base.network_name, weights)
        painted = stylize(starts[style["name"]].build_network(), photos, recipe)
        distances[style["name"]] = float(target.terms(painted, photos)["style"])
    nearest = min(distances, key=lambda name: distances[name])
    return nearest, starts[nearest]
