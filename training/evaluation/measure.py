"""All measurements of one style on given material, apart from speed, which is the engine's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from torch import Tensor

from pipeline.common.errors import CheckpointError
from training.evaluation import distances, objective, single_layers
from training.evaluation.flow_clips import FlowClip
from training.evaluation.kernel_distance import KernelDistance, cycle_error
from training.evaluation.material import Calm, Clip, Paint, Photo, Pixels, frame_of, image_of, spread
from training.evaluation.stability import Calmed, Motion, Stability, estimated_motions, flicker
from training.feed_forward.data import read_painting
from training.gatys.job import open_encoder
from training.gatys.recipe import RenderRecipe
from training.losses.encoder import VggEncoder
from training.losses.vgg_weights import layers_in

DEFAULT_BRUSH_PX = 512
EXACT_CLIPS = 3
FLICKER_PHOTOS = 3
PHOTOS_SHOWN, CLIPS_SHOWN, FRAMES_SHOWN = 6, 2, 6
OnProgress = Callable[[str], None]


@dataclass(frozen=True)
class Subject:
    """A style to be judged.

    Attributes:
        paint: frame in, painted frame out, any size.
        recipe: of its training, as its card tells; empty where unknown.
        painting: what it was trained on; None leaves out what needs it.
        back: the other direction of a pair trained between two folders; None leaves the cycle out.
        calm: what ``--steady`` does; None leaves it out.
    """

    name: str
    paint: Paint
    recipe: dict[str, Any] = field(default_factory=dict)
    painting: Path | None = None
    back: Paint | None = None
    calm: Calm | None = None


@dataclass(frozen=True)
class RealClip:
    """A real clip with its estimated motion, which is the same for every style."""

    clip: Clip
    motions: list[Motion]

    @classmethod
    def of(cls, clip: Clip) -> "RealClip":
        """Estimate the motion of ``clip``."""
        return cls(clip, estimated_motions(clip.frames))


@dataclass(frozen=True)
class Material:
    """What every style is judged on; ``rule`` tells how the photographs were chosen."""

    photos: Sequence[Photo]
    rule: str
    exact: Sequence[FlowClip] = ()
    real: Sequence[RealClip] = ()


@dataclass(frozen=True)
class Settings:
    """How it is judged.

    Attributes:
        folder: optimisations are kept there.
        iterations: of the optimisation; 0 leaves the objective ratio out.
        precision: of the encoder while optimising and judging the objective, ``fp32`` or ``bf16``.
        style_size: longest side in pixels every painting is looked at with; None takes that of training.
        targets: folder of pictures that results should be of the kind of; None leaves that out.
    """

    folder: Path
    vgg_weights: Path | None = None
    device: str = "cpu"
    iterations: int = 300
    precision: str = "fp32"
    style_size: int | None = None
    targets: Path | None = None


@dataclass
class Measured:
    """What was measured of one style.

    Attributes:
        photos: figures by photograph's name. exact, real, steady, flicker: (name, figure) of each clip.
        translation: kernel distances and cycle error, of styles trained between two folders.
        notes: what was left out, and why.
        painted, optimised: pictures by photograph's name, of those that a report shows.
        shown: consecutive painted frames by clip, likewise.
    """

    photos: dict[str, dict[str, Any]] = field(default_factory=dict)
    exact: list[tuple[str, Stability]] = field(default_factory=list)
    real: list[tuple[str, Stability]] = field(default_factory=list)
    flicker: list[tuple[str, Stability]] = field(default_factory=list)
    steady: list[tuple[str, Calmed]] = field(default_factory=list)
    translation: dict[str, float | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    painted: dict[str, Pixels] = field(default_factory=dict)
    optimised: dict[str, Pixels] = field(default_factory=dict)
    shown: dict[str, list[Pixels]] = field(default_factory=dict)


class Examiner:
    """Measures styles one after another; the encoder and the material are shared.

    Raises (every method):
        LayerMissingError, CheckpointError, InputError, TrainingError: the weights file.
    """

    def __init__(
        self, material: Material, settings: Settings, on_progress: OnProgress = lambda line: None
    ) -> None:
        self.material, self.settings, self.say = material, settings, on_progress
        self._untouched: dict[tuple[Path, int], list[float]] = {}

    @cached_property
    def encoder(self) -> VggEncoder:
        """VGG-19 in float32, for distances."""
        reached = layers_in(self.settings.vgg_weights)
        deep = [name for name in single_layers.LAYERS if name in reached]
        opened = VggEncoder((*distances.LAYERS, *deep), self.settings.vgg_weights)
        return opened.to(self.settings.device)

    @property
    def figures_left_out(self) -> list[str]:
        """Of which the weights file does not hold the layers, because it ends before them."""
        lacking = [name for name in single_layers.LAYERS if name not in self.encoder.layers]
        return [figure for name in lacking for figure in single_layers.figure_names(name)]

    def brush_px(self, subject: Subject) -> int:
        """Longest side the painting is looked at with: what was asked for, else the one of its training."""
        trained = int(subject.recipe.get("style_size") or DEFAULT_BRUSH_PX)
        return self.settings.style_size or trained

    def measure(self, subject: Subject) -> Measured:
        """Everything but speed. The cheap parts come first; the optimisation is kept as it goes."""
        measured = Measured()
        self._look(subject, measured)
        self._watch(subject, measured)
        if self.settings.targets is not None:
            self._compare_kinds(self.settings.targets, subject, measured)
        if subject.painting is None:
            measured.notes.append("no painting: style distance and objective ratio were left out")
        else:
            self._compare(subject.painting, subject, measured)
            self._optimise(subject.painting, subject, measured)
        self._keep_shown(measured)
        return measured

    def _keep_shown(self, measured: Measured) -> None:
        """Let go of the other pictures: of ten styles they would fill a gigabyte."""
        names = {photo.name for photo in spread(self.material.photos, PHOTOS_SHOWN)}
        for kept in (measured.painted, measured.optimised):
            for name in set(kept) - names:
                del kept[name]

    def _image(self, frame: Pixels) -> Tensor:
        return image_of(frame, self.settings.device)

    def _look(self, subject: Subject, measured: Measured) -> None:
        """Paint the photographs; what is left of them."""
        for photo in self.material.photos:
            self.say(f"{subject.name}: {photo.name}")
            painted = subject.paint(photo.frame)
            measured.painted[photo.name] = painted
            pair = self._image(photo.frame), self._image(painted)
            measured.photos[photo.name] = {
                **distances.content_figures(self.encoder, *pair),
                **single_layers.content_at_layer(self.encoder, *pair),
            }

    def _watch(self, subject: Subject, measured: Measured) -> None:
        """Stability on exact clips, real clips and noisy stills."""
        for clip in self.material.exact:
            self.say(f"{subject.name}: clip of {clip.name}")
            painted = [subject.paint(frame) for frame in clip.frames]
            measured.exact.append((clip.name, Stability.of(painted, clip.frames, clip.motions)))
        for real in self.material.real:
            self.say(f"{subject.name}: {real.clip.name}")
            painted = [subject.paint(frame) for frame in real.clip.frames]
            measured.real.append((real.clip.name, Stability.of(painted, real.clip.frames, real.motions)))
            if subject.calm is not None:
                calm = subject.calm(real.clip.frames, painted)
                measured.steady.append((real.clip.name, Calmed.of(calm, painted, real.motions)))
            if len(measured.shown) < CLIPS_SHOWN:
                measured.shown[real.clip.name] = middle(painted)
        for photo in self.material.photos[:FLICKER_PHOTOS]:
            measured.flicker.append((photo.name, flicker(subject.paint, photo.frame)))

    def _compare(self, painting: Path, subject: Subject, measured: Measured) -> None:
        """Distances to the painting, at the brush size of training."""
        self.say(f"{subject.name}: style distance")
        picture = read_painting(painting, self.brush_px(subject)).to(self.settings.device)
        grams = distances.GramDistance(self.encoder, picture)
        style = distances.StyleDistance(self.encoder, picture)
        layers = single_layers.LayerDistances(self.encoder, picture)
        untouched = self._untouched_distances((painting, self.brush_px(subject)), style)
        for photo, before in zip(self.material.photos, untouched, strict=True):
            image = self._image(measured.painted[photo.name])
            after = style(image)
            measured.photos[photo.name] |= {
                "gram": grams(image),
                **layers(image),
                "wasserstein": after,
                "wasserstein_untouched": before,
                "wasserstein_crops": style.own,
                "style_distance": style.normalized(after, median(untouched)),
            }

    def _compare_kinds(self, targets: Path, subject: Subject, measured: Measured) -> None:
        """Distances to the target folder of what came in and what came out, and what the way back loses."""
        self.say(f"{subject.name}: kernel distance")
        frames = [photo.frame for photo in self.material.photos]
        painted = [measured.painted[photo.name] for photo in self.material.photos]
        distance = KernelDistance(self.encoder, targets, frames[0].shape[0])
        measured.translation = {
            **distance(painted, "kernel_distance"),
            **distance(frames, "kernel_distance_untouched"),
            "cycle_error": cycle_error(frames, painted, subject.back) if subject.back else None,
        }

    def _untouched_distances(self, key: tuple[Path, int], style: distances.StyleDistance) -> list[float]:
        if key not in self._untouched:
            self._untouched[key] = [style(self._image(photo.frame)) for photo in self.material.photos]
        return self._untouched[key]

    def _optimise(self, painting: Path, subject: Subject, measured: Measured) -> None:
        """Objective ratio; the pictures that optimisation makes are kept in the folder."""
        settings = self.settings
        if not settings.iterations:
            measured.notes.append("--iterations 0: the objective ratio was left out")
            return
        side = self.material.photos[0].frame.shape[0]
        try:
            recipe = objective.optimisation(subject.recipe, side, settings.iterations, settings.precision)
        except CheckpointError as error:
            measured.notes.append(f"the objective ratio was left out: {error}")
            return
        encoder = open_encoder(recipe, settings.vgg_weights, settings.device)
        picture = read_painting(painting, self.brush_px(subject))
        for number, photo in enumerate(self.material.photos, start=1):
            place = f"{subject.name}: photo {number} of {len(self.material.photos)}, "
            judge = objective.Judge(recipe, encoder, picture, image_of(photo.frame))
            done = judge.optimised(settings.folder, lambda step, place=place: self._step(place, step))  # type: ignore[misc]
            network = judge.terms(image_of(measured.painted[photo.name]))
            measured.photos[photo.name]["objective"] = _objective_figures(network, done, recipe)
            measured.optimised[photo.name] = frame_of(done.image)

    def _step(self, place: str, step: int) -> None:
        if step % 25 == 0 or step == self.settings.iterations:
            self.say(f"{place}step {step} of {self.settings.iterations}")


def middle(frames: Sequence[Pixels]) -> list[Pixels]:
    """The consecutive frames of a clip that a report shows."""
    start = max(0, (len(frames) - FRAMES_SHOWN) // 2)
    return list(frames[start : start + FRAMES_SHOWN])


def _objective_figures(
    network: dict[str, float], done: objective.Optimised, recipe: RenderRecipe
) -> dict[str, Any]:
    total = network["total"]
    return {
        "ratio": objective.objective_ratio(total, done.losses),
        "equivalent_iterations": objective.equivalent_iterations(total, done.losses),
        "iterations": len(done.losses) - 1,
        "network": network,
        "optimised": {**done.terms, "lowest_total": min(done.losses)},
        "untouched_total": done.losses[0],
        "weights": {"content": recipe.content_weight, "style": recipe.style_weight, "tv": recipe.tv_weight},
    }


def median_of(measured: Measured, *keys: str) -> float | None:
    """Median over the photographs of a figure, such as ``"objective", "ratio"``; None where none has it."""
    found = [value for value in (_dig(row, keys) for row in measured.photos.values()) if value is not None]
    return median(found) if found else None


def _dig(row: Any, keys: Sequence[str]) -> float | None:
    for key in keys:
        row = row.get(key) if isinstance(row, dict) else None
    return None if row is None else float(row)
