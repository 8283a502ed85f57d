"""Of a training between two folders: what shapes it, where it reads and writes, what it tells."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.common.errors import TrainingError
from training import networks
from training.cycle.augmentation import KINDS
from training.cycle.losses import ADVERSARIAL_FORMS
from training.losses.vgg_weights import layer_indices

DIRECTIONS = ("a2b", "b2a")
RELU_LAYERS = tuple(name for name in layer_indices() if name.startswith("relu"))
INITIALISATIONS = ("default", "normal")


@dataclass(frozen=True)
class CycleRecipe:
    """Every setting that shapes the weights. Stored in checkpoint and card; resuming needs the same.

    Attributes:
        network: of both generators, key into ``training.networks.NETWORKS``.
        initialisation: ``normal`` draws every network's weights from N(0, 0.02), ``default`` leaves
            PyTorch's.
        discriminator_width, discriminator_layers: channels after the PatchGAN's first convolution, and how
            many strided ones it has; 64 and 3 are the paper's 70x70 patches.
        discriminator_features: layers of VGG-19 on whose features further heads discriminate.
        discriminator_steps: the first so many steps teach the discriminators alone to tell the two folders
            apart; a generator has nothing to learn from one that cannot.
        adversarial: ``least-squares`` or ``log`` (``cycle.losses``).
        cycle_weight, identity_weight: of equation 2 and of L_identity; the paper's 10 and half of that.
        guide_weight: of what the heads as they stood after ``discriminator_steps`` make of results: they know
            the two folders, and no generator has led them astray.
        shift_weight: of how far results' features move on average, beside how far the folders' lie apart
            (``cycle.shift``).
        content_weight: of the relative difference of result and source at ``content_layer`` of VGG-19.
        smoothness_weight: against clouds: changes that begin where there is no edge (``cycle.losses``).
        temporal_weight: against flicker (``feed_forward.temporal``), the two directions taking turns.
        augmentation: of what the discriminators see (``cycle.augmentation``).
        history: how many generated pictures are kept for the discriminators.
        image_size: side of the square crops in px.
        smallest_scale, largest_scale: how many crops long a picture's short side is before it is cropped.
        learning_rate, discriminator_rate: Adam's, constant for the first half of the steps, then falling
            linearly to zero. beta1: Adam's.
        average: share of the old in the running mean of the generators' weights, which is what is saved; 0
            saves the weights themselves.
        precision: ``bf16``, ``fp16`` (CUDA) or ``fp32``. seed: of everything drawn at random.
    """

    network: str = "hourglass"
    initialisation: str = "default"
    discriminator_width: int = 64
    discriminator_layers: int = 3
    discriminator_features: tuple[str, ...] = ()
    discriminator_steps: int = 0
    adversarial: str = "least-squares"
    cycle_weight: float = 10.0
    identity_weight: float = 5.0
    guide_weight: float = 0.0
    shift_weight: float = 0.0
    content_weight: float = 0.0
    content_layer: str = "relu4_1"
    smoothness_weight: float = 0.0
    temporal_weight: float = 0.0
    augmentation: tuple[str, ...] = ()
    history: int = 50
    image_size: int = 256
    smallest_scale: float = 286 / 256
    largest_scale: float = 286 / 256
    batch_size: int = 1
    steps: int = 20_000
    learning_rate: float = 2e-4
    discriminator_rate: float = 2e-4
    beta1: float = 0.5
    average: float = 0.0
    precision: str = "bf16"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no training could follow; TrainingError names the setting and what would do."""
        choices = {"adversarial": ADVERSARIAL_FORMS, "initialisation": INITIALISATIONS}
        for setting, known in choices.items():
            if getattr(self, setting) not in known:
                raise TrainingError(f"{setting} {getattr(self, setting)!r}: choose {', '.join(known)}")
        if self.guide_weight and not (self.discriminator_features and self.discriminator_steps):
            raise TrainingError(
                "--guide-weight: discriminators that learned alone are its guides; give "
                "--discriminator-steps 1000 or so, and layers of VGG-19 as --discriminator-features"
            )
        if self.shift_weight and not self.discriminator_features:
            raise TrainingError("--shift-weight: give layers of VGG-19 as --discriminator-features")
        unknown = [name for name in self.discriminator_features if name not in RELU_LAYERS]
        if unknown:
            raise TrainingError(
                f"--discriminator-features {', '.join(unknown)}: choose of {', '.join(RELU_LAYERS)}"
            )
        unknown = [kind for kind in self.augmentation if kind not in KINDS]
        if unknown:
            raise TrainingError(f"augmentation {', '.join(unknown)}: choose of {', '.join(KINDS)}")
        network = networks.build(self.network)
        multiple, shortest = networks.size_multiple(network), networks.shortest_side(network)
        if self.image_size % multiple or self.image_size < shortest:
            raise TrainingError(
                f"--image-size {self.image_size}: {self.network} takes multiples of {multiple} from "
                f"{shortest} on; give {max(shortest, round(self.image_size / multiple) * multiple)}"
            )

    @property
    def encoder_layers(self) -> tuple[str, ...]:
        """Layers of VGG-19 that are looked at; none where the recipe does without it."""
        content = (self.content_layer,) if self.content_weight else ()
        return tuple(dict.fromkeys((*self.discriminator_features, *content)))

    def rate_factor(self, step: int) -> float:
        """Of both learning rates at ``step``: 1, from half of the steps on linearly to 0."""
        constant = self.steps // 2
        return 1.0 if step < constant else 1.0 - (step - constant) / max(1, self.steps - constant)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}


@dataclass(frozen=True)
class CycleRun:
    """Where a run reads and writes, and how often it reports; none of it shapes the weights.

    Attributes:
        folder_a, folder_b: pictures of either side, nested or not.
        output: a name without suffix; ``checkpoint_of`` and ``resume_file`` add theirs.
        checkpoint_interval, report_interval, preview_interval: in steps; 0 switches previews off.
        stop_after: end early after this step, as if interrupted, with a checkpoint to resume from.
        init_from: both generators start from this checkpoint or style file of the same kind of network.
        terms_a, terms_b: licence or terms of the pictures, for the card.
    """

    folder_a: Path
    folder_b: Path
    output: Path
    vgg_weights: Path | None = None
    device: str = "cpu"
    workers: int = 1
    checkpoint_interval: int = 500
    report_interval: int = 25
    preview_interval: int = 500
    stop_after: int | None = None
    init_from: Path | None = None
    terms_a: str = ""
    terms_b: str = ""

    @property
    def resume_file(self) -> Path:
        """Four networks, both optimizers, the histories and the step, to go on from."""
        return self.output.with_name(self.output.name + ".resume.safetensors")

    def checkpoint_of(self, direction: str) -> Path:
        """The finished generator of ``a2b`` or ``b2a``, to export from."""
        return self.output.with_name(f"{self.output.name}-{direction}.safetensors")


@dataclass(frozen=True)
class CycleProgress:
    """What the loop tells about step ``step`` of ``steps``: terms are means since the last report.

    Attributes:
        warnings: signs of a collapse (``cycle.collapse``), a line each.
    """

    step: int
    steps: int
    terms: dict[str, float]
    seconds_per_step: float
    broken_pictures: int
    warnings: tuple[str, ...] = ()

    @property
    def eta_s(self) -> float:
        """Seconds to go at the present pace."""
        return (self.steps - self.step) * self.seconds_per_step
