"""Of a training: what shapes it (recipe), where it reads and writes (run), what it tells (progress)."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.common.errors import TrainingError
from training import networks
from training.feed_forward import optimizer
from training.losses import functional
from training.losses.layer_weights import equal_shares, placed
from training.losses.objective import LossSpec

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu3_4")
CONTENT_LAYER = "relu3_3"
LARGEST_SCALE = 2.3


@dataclass(frozen=True)
class TrainingRecipe:
    """Every setting that shapes the weights. Stored in checkpoint and card; resuming needs the same.

    Attributes:
        network: key into ``training.networks.NETWORKS``.
        content_weight, tv_weight: see ``losses.objective.LossSpec``.
        style_weight: the same; with a ``content_goal`` the value the search for the balance begins at,
            and in a finished checkpoint the value it ended at.
        content_goal: the relative content term at which the balance of style and content settles
            (``training.feed_forward.balance``); None keeps ``style_weight`` as it is.
        temporal_weight: of the relative temporal term (``temporal``); 0 switches it off.
        repetition_weight: of the term against cells on plain ground (``plain_ground``); 0 switches it off.
        style_size: longest side of the painting in px; larger means larger strokes.
        image_size: side of the square content crops in px, as the loss sees them.
        encoder_padding: of VGG-19's convolutions: ``zeros``, its own, or ``reflect`` (``VggEncoder``).
        batch_size, steps: how much is seen.
        optimizer: ``adam`` or ``muon`` (``training.feed_forward.optimizer``).
        learning_rate: the optimizer's, reached after ``warmup_steps``.
        decay: ``cosine``, a half one down to a fiftieth, or ``none``.
        clip_norm: largest norm of a step's gradient; 0 leaves gradients as they are.
        octaves: levels of the Gaussian pyramid that style layers without a size are compared on.
        style_layers, content_layer: VGG-19 layers; ``relu4_1/2`` is looked at on half the size alone, which
            costs a quarter.
        style_layer_weights: one for each style layer, in order; empty for equal shares of 1.
        normalization, tv_form, pixel_range: see ``losses.objective.LossSpec``.
        plain_share: share of flat, dark and gradient pictures among the content.
        largest_scale: photographs are scaled so that their short side is one to this many crops long.
        largest_shift_px: see ``feed_forward.shift``.
        precision: ``bf16`` (autocast, encoder in bfloat16), ``fp16`` (CUDA, loss scaling) or ``fp32``.
        seed: of initialisation, crops, shifts and motions.
        repeat_after: steps after which the same crops come again, whose features are kept meanwhile; 0 draws
            new ones at every step.
        trained: ``all`` weights, or only the ``norms`` of a network that was begun from another.
    """

    network: str = networks.DEFAULT_NETWORK
    content_weight: float = 1.0
    style_weight: float = 10.0
    content_goal: float | None = None
    tv_weight: float = 0.0
    temporal_weight: float = 0.0
    repetition_weight: float = 0.0
    style_size: int = 512
    image_size: int = 224
    encoder_padding: str = "zeros"
    batch_size: int = 4
    steps: int = 8000
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    decay: str = "cosine"
    clip_norm: float = 5.0
    octaves: int = 3
    style_layers: tuple[str, ...] = STYLE_LAYERS
    style_layer_weights: tuple[float, ...] = ()
    content_layer: str = CONTENT_LAYER
    normalization: str = "relative"
    tv_form: str = "l1-mean"
    pixel_range: float = 1.0
    plain_share: float = 0.08
    largest_scale: float = LARGEST_SCALE
    largest_shift_px: int = 3
    precision: str = "bf16"
    seed: int = 0
    repeat_after: int = 0
    trained: str = "all"

    def __post_init__(self) -> None:
        """Refuse what no training could follow; TrainingError names the setting and what would do."""
        choices = {
            "normalization": tuple(functional.GRAM_DISTANCES),
            "tv_form": functional.TV_FORMS,
            "optimizer": optimizer.KINDS,
            "decay": ("cosine", "none"),
            "encoder_padding": ("zeros", "reflect"),
            "trained": ("all", "norms"),
        }
        for setting, known in choices.items():
            if getattr(self, setting) not in known:
                raise TrainingError(
                    f"{setting.replace('_', ' ')} {getattr(self, setting)!r}: choose {', '.join(known)}"
                )
        if self.style_layer_weights and len(self.style_layer_weights) != len(self.style_layers):
            raise TrainingError(
                f"{len(self.style_layer_weights)} weights for {len(self.style_layers)} style layers: one for "
                "each was expected, or none"
            )
        if self.content_goal is not None and self.normalization != "relative":
            raise TrainingError(
                f"--content-goal {self.content_goal:g} is about relative terms, and this recipe's are not; "
                "give --style-weight"
            )
        placed(tuple((layer, 1.0) for layer in (self.content_layer, *self.style_layers)))

    @property
    def spec(self) -> LossSpec:
        """The objective but for the temporal term."""
        weighted = tuple(zip(self.style_layers, self.style_layer_weights, strict=False))
        return LossSpec(
            placed(((self.content_layer, 1.0),)),
            placed(weighted or equal_shares(self.style_layers), self.octaves),
            self.content_weight,
            self.style_weight,
            self.tv_weight,
            self.normalization,
            tv_form=self.tv_form,
            pixel_range=self.pixel_range,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}


@dataclass(frozen=True)
class TrainingProgress:
    """What the loop tells about step ``step`` of ``steps``: terms are means since the last report.

    Attributes:
        held_out: terms over photographs that training never saw, where they were just measured.
        warnings: artefacts found in the held-out pictures (``training.feed_forward.artefacts``), a line each.
    """

    step: int
    steps: int
    terms: dict[str, float]
    held_out: dict[str, float] | None
    seconds_per_step: float
    broken_photos: int
    warnings: tuple[str, ...] = ()

    @property
    def eta_s(self) -> float:
        """Seconds to go at the present pace."""
        return (self.steps - self.step) * self.seconds_per_step


@dataclass(frozen=True)
class TrainingRun:
    """Where a run reads and writes, and how often it reports; none of it shapes the weights.

    Attributes:
        output: the checkpoint to export from; ``NAME.resume.safetensors`` beside it resumes the run.
        checkpoint_interval, report_interval, preview_interval: in steps; 0 switches previews off.
        stop_after: end early after this step, as if interrupted, with a checkpoint to resume from.
        init_from: start from the weights of another checkpoint or style file of the same network.
        further_paintings: of a network of several styles; ``painting`` is its first.
        photograph_row: it has one row more, which leaves photographs as they are.
        artwork, styles: what is known of the painting; of several, of each row in order.
        preview_interval_s: seconds between previews, in place of steps.
    """

    painting: Path
    photos: Path
    output: Path
    vgg_weights: Path | None = None
    device: str = "cpu"
    workers: int = 1
    checkpoint_interval: int = 500
    report_interval: int = 25
    held_out_interval: int = 500
    preview_interval: int = 500
    stop_after: int | None = None
    init_from: Path | None = None
    artwork: dict[str, Any] = field(default_factory=dict)
    photo_terms: str = ""
    further_paintings: tuple[Path, ...] = ()
    photograph_row: bool = False
    styles: tuple[dict[str, Any], ...] = ()
    preview_interval_s: float | None = None

    @property
    def paintings(self) -> tuple[Path, ...]:
        """All of them, in the order of the rows."""
        return self.painting, *self.further_paintings

    @property
    def rows(self) -> int:
        """Rows of the network's tables; 0 for a network of one style."""
        several = bool(self.further_paintings or self.photograph_row)
        return 1 + len(self.further_paintings) + self.photograph_row if several else 0

    @property
    def resume_file(self) -> Path:
        """Network, optimizer and step, to go on from."""
        return self.output.with_name(self.output.stem + ".resume.safetensors")
