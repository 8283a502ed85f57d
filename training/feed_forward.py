"""Training of a feed-forward style network (Johnson et al. 2016): one loop to read top to bottom."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training import checkpoint as checkpoints
from training import networks
from training.checkpoint import Checkpoint
from training.data import (
    PhotoSamples,
    batches,
    find_photos,
    read_painting,
    read_rgb,
    resize,
    split_photos,
    to_tensor,
)
from training.encoder import Encoder
from training.errors import CheckpointError, ImageInputError, TrainingError
from training.losses import LossWeights, PerceptualLoss, StyleTarget

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu3_4")
CONTENT_LAYER = "relu3_3"
GRADIENT_CLIP_NORM = 5.0
HELD_OUT_SIDE_PX = 256
HELD_OUT_PHOTOS = 16


@dataclass(frozen=True)
class Recipe:
    """Every setting that shapes the weights. Stored in checkpoint and card; resuming needs the same.

    Attributes:
        network: key into ``training.networks.NETWORKS``.
        content_weight, style_weight, tv_weight: see ``losses.LossWeights``.
        style_size: longest side of the painting in px; larger means larger strokes.
        image_size: side of the square content crops in px.
        batch_size, steps: how much is seen.
        learning_rate: Adam's, reached after ``warmup_steps``, then a half cosine down to a fiftieth.
        octaves: levels of the Gaussian pyramid the style is compared on.
        style_layers, content_layer: VGG-19 layers.
        plain_share: share of flat, dark and gradient pictures among the content.
        precision: ``bf16`` (autocast, encoder in bfloat16), ``fp16`` (CUDA, loss scaling) or ``fp32``.
        seed: of initialisation, crops and shifts.
    """

    network: str = networks.DEFAULT_NETWORK
    content_weight: float = 1.0
    style_weight: float = 10.0
    tv_weight: float = 0.0
    style_size: int = 512
    image_size: int = 224
    batch_size: int = 4
    steps: int = 8000
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    octaves: int = 3
    style_layers: tuple[str, ...] = STYLE_LAYERS
    content_layer: str = CONTENT_LAYER
    plain_share: float = 0.08
    precision: str = "bf16"
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {**asdict(self), "style_layers": list(self.style_layers)}


@dataclass(frozen=True)
class Progress:
    """What the loop tells about step ``step`` of ``steps``: terms are means since the last report."""

    step: int
    steps: int
    terms: dict[str, float]
    held_out: dict[str, float] | None
    seconds_per_step: float
    broken_photos: int

    @property
    def eta_s(self) -> float:
        """Seconds to go at the present pace."""
        return (self.steps - self.step) * self.seconds_per_step


@dataclass(frozen=True)
class Run:
    """Where a run reads and writes, and how often it reports; none of it shapes the weights.

    Attributes:
        output: the checkpoint to export from; ``NAME.resume.safetensors`` beside it resumes the run.
        checkpoint_interval, report_interval, preview_interval: in steps; 0 switches previews off.
        stop_after: end early after this step, as if interrupted, with a checkpoint to resume from.
        init_from: start from the weights of another checkpoint of the same network.
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

    @property
    def resume_file(self) -> Path:
        """Network, optimizer and step, to go on from."""
        return self.output.with_name(self.output.stem + ".resume.safetensors")


OnProgress = Callable[[Progress], None]
OnPreview = Callable[[int, Tensor, Tensor], None]


def learning_rate_factor(step: int, warmup_steps: int, steps: int) -> float:
    """Linear warm-up to 1, then a half cosine to 0.02 at the last step."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = min(1.0, (step - warmup_steps) / max(1, steps - warmup_steps))
    return 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * progress))


def shift(step: int, seed: int) -> tuple[int, int]:
    """The 0-3 px (down, across) by which step ``step`` moves its pictures before the encoder sees them.

    A pixel shuffle can hide a grid that is in phase with the encoder's pooling; it cannot once the
    phase is random.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    down, across = torch.randint(0, 4, (2,), generator=generator).tolist()
    return down, across


def train(
    recipe: Recipe, run: Run, on_progress: OnProgress | None = None, on_preview: OnPreview | None = None
) -> Checkpoint:
    """Train one network for one painting; resumes where ``run.resume_file`` left off.

    The same recipe, seed and machine give the same weights whether interrupted or not.

    Args:
        on_progress: called every ``run.report_interval`` steps and at the end.
        on_preview: called with (step, content, stylized), both (N, 3, H, W) in [0, 1], of held-out photos.

    Returns:
        The final checkpoint, also written to ``run.output``.

    Raises:
        TrainingError: the run diverged (which term, at which step), or the recipe names what is not there.
        ImageInputError, CheckpointError, ResultError: see ``training.errors``.
        KeyboardInterrupt: passed on after a checkpoint to resume from was written.
    """
    torch.manual_seed(recipe.seed)
    device = torch.device(run.device)
    train_photos, held_out_photos = split_photos(find_photos(run.photos))
    encoder = Encoder((*recipe.style_layers, recipe.content_layer), run.vgg_weights)
    encoder = encoder.to(device, _encoder_dtype(recipe.precision)).to(memory_format=torch.channels_last)
    painting = read_painting(run.painting, recipe.style_size).to(device)
    style = StyleTarget(encoder, painting, recipe.style_layers, recipe.octaves)
    weights = LossWeights(recipe.content_weight, recipe.style_weight, recipe.tv_weight)
    criterion = PerceptualLoss(encoder, style, recipe.content_layer, weights)
    network = networks.build(recipe.network).to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), recipe.learning_rate)
    state = _start(recipe, run, network, optimizer)
    scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "fp16")
    samples = PhotoSamples(train_photos, recipe.image_size, recipe.seed, recipe.plain_share)
    held_out = held_out_batch(held_out_photos).to(device)
    about = replace(state, training_data=_describe_photos(run, train_photos))
    meter, history, step = _Meter(), list(state.history), state.step
    last = min(recipe.steps, run.stop_after or recipe.steps)

    try:
        for content in batches(samples, recipe.batch_size, step, last, run.workers):
            _set_learning_rate(optimizer, recipe, step)
            content = content.to(device, memory_format=torch.channels_last, non_blocking=True)
            with _autocast(device, recipe.precision):
                stylized = network(content)
            down, across = shift(step, recipe.seed)
            terms = criterion(_shifted(stylized.float(), down, across), _shifted(content, down, across))
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(terms["total"]).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_CLIP_NORM)
            scaler.step(optimizer)
            scaler.update()
            step += 1
            meter.add(terms)
            if step % run.report_interval == 0 or step == last:
                means = meter.means()
                _stop_if_diverged(means, step)
                at_interval = step % run.held_out_interval == 0 or step == recipe.steps
                judged = judge(network, criterion, held_out, recipe) if at_interval else None
                history.append({"step": step, **means, **_prefixed(judged)})
                if on_progress:
                    pace = meter.seconds_per_step()
                    on_progress(Progress(step, recipe.steps, means, judged, pace, samples.broken))
            if on_preview and run.preview_interval and step % run.preview_interval == 0:
                on_preview(step, held_out[:6], stylize(network, held_out[:6], recipe))
            if step % run.checkpoint_interval == 0 and step < last:
                _save_resume(run, about, network, optimizer, step, history)
    except KeyboardInterrupt:
        _save_resume(run, about, network, optimizer, step, history)
        raise
    if last < recipe.steps:
        _save_resume(run, about, network, optimizer, step, history)
        return replace(about, network=_weights(network), step=step, history=history)
    final = replace(about, network=_weights(network), step=step, history=history, optimizer={})
    checkpoints.save(run.output, final)
    run.resume_file.unlink(missing_ok=True)
    return final


class _Meter:
    """Means of the terms and the pace since the last report."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._count = 0
        self._since = time.monotonic()
        self._pace = 0.0

    def add(self, terms: dict[str, Tensor]) -> None:
        for name, value in terms.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value.detach()
        self._count += 1

    def means(self) -> dict[str, float]:
        means = {name: float(value) / self._count for name, value in self._sums.items()}
        now = time.monotonic()
        self._pace = (now - self._since) / self._count
        self._sums, self._count, self._since = {}, 0, now
        return means

    def seconds_per_step(self) -> float:
        return self._pace


def _start(recipe: Recipe, run: Run, network: nn.Module, optimizer: torch.optim.Optimizer) -> Checkpoint:
    """The state to begin from: an interrupted run's, another network's weights, or fresh ones."""
    fresh = Checkpoint(recipe.network, {}, recipe.to_dict(), artwork=run.artwork)
    if run.resume_file.exists():
        earlier = checkpoints.load(run.resume_file)
        _require_same_recipe(earlier.recipe, fresh.recipe, run.resume_file)
        network.load_state_dict(earlier.network)
        checkpoints.restore_optimizer(optimizer, earlier.optimizer)
        return earlier
    if run.init_from:
        other = checkpoints.load(run.init_from)
        if other.network_name != recipe.network:
            raise CheckpointError(
                f"--init-from {run.init_from}: a {other.network_name} network; {recipe.network} was asked for"
            )
        network.load_state_dict(other.network)
        return replace(fresh, recipe={**fresh.recipe, "init_from": run.init_from.stem})
    return fresh


def _require_same_recipe(earlier: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    differing = [key for key in now if earlier.get(key) != now[key]]
    if differing:
        changes = ", ".join(f"{key} {earlier.get(key)} -> {now[key]}" for key in differing)
        raise CheckpointError(
            f"{path}: an interrupted run with another recipe ({changes}); use the same options to go on, "
            "or delete this file to start again"
        )


def _save_resume(
    run: Run,
    about: Checkpoint,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    step: int,
    history: list[dict[str, float]],
) -> None:
    moments = checkpoints.optimizer_tensors(optimizer)
    state = replace(about, network=_weights(network), optimizer=moments, step=step, history=history)
    checkpoints.save(run.resume_file, state)


def _weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().float().cpu() for name, value in network.state_dict().items()}


def _describe_photos(run: Run, photos: list[Path]) -> dict[str, Any]:
    return {"photos": len(photos), "terms": run.photo_terms or "not stated"}


def _encoder_dtype(precision: str) -> torch.dtype:
    # fp16 activations of VGG overflow in the Gram sums; under fp16 the encoder stays in float32.
    return torch.bfloat16 if precision == "bf16" else torch.float32


def _autocast(device: torch.device, precision: str) -> torch.autocast:
    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(device.type, dtype, enabled=precision != "fp32")


def _set_learning_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, step: int) -> None:
    factor = learning_rate_factor(step, recipe.warmup_steps, recipe.steps)
    for group in optimizer.param_groups:
        group["lr"] = recipe.learning_rate * factor


def _shifted(image: Tensor, down: int, across: int) -> Tensor:
    height, width = image.shape[2] - 4, image.shape[3] - 4
    return image[:, :, down : down + height, across : across + width]


def _stop_if_diverged(means: dict[str, float], step: int) -> None:
    bad = [name for name, value in means.items() if not math.isfinite(value)]
    if bad:
        raise TrainingError(
            f"training diverged before step {step}: {', '.join(bad)} is not a finite number; the last "
            "checkpoint is kept. Lower --lr or the weight of that term"
        )
    if means["content"] > 20 or means["style"] > 1e4:
        raise TrainingError(
            f"training diverged before step {step}: content {means['content']:.3g}, style "
            f"{means['style']:.3g} (1 is a blank picture); the last checkpoint is kept. Lower --lr"
        )


def held_out_batch(photos: list[Path]) -> Tensor:
    """Centre squares of up to 16 held-out photographs, (N, 3, 256, 256), RGB in [0, 1].

    Raises:
        ImageInputError: none of them is readable.
    """
    squares = list(_squares(photos))
    if not squares:
        raise ImageInputError("none of the photographs set aside for judging can be read")
    return torch.stack(squares)


def _squares(photos: list[Path]) -> Iterator[Tensor]:
    found = 0
    for path in photos:
        pixels = read_rgb(path)
        if pixels is None:
            continue
        pixels = resize(pixels, HELD_OUT_SIDE_PX / min(pixels.shape[:2]))
        top, left = ((length - HELD_OUT_SIDE_PX) // 2 for length in pixels.shape[:2])
        yield to_tensor(pixels[top : top + HELD_OUT_SIDE_PX, left : left + HELD_OUT_SIDE_PX])
        found += 1
        if found == HELD_OUT_PHOTOS:
            return


@torch.no_grad()
def stylize(network: nn.Module, image: Tensor, recipe: Recipe) -> Tensor:
    """(N, 3, H, W) -> the same, clamped to [0, 1]."""
    with _autocast(image.device, recipe.precision):
        stylized: Tensor = network(image.contiguous(memory_format=torch.channels_last))
    return stylized.float().clamp(0.0, 1.0)


@torch.no_grad()
def judge(
    network: nn.Module, criterion: PerceptualLoss, held_out: Tensor, recipe: Recipe
) -> dict[str, float]:
    """Mean terms over photographs that training never saw."""
    sums: dict[str, float] = {}
    for part in torch.split(held_out, 4):
        for name, value in criterion(stylize(network, part, recipe), part).items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(part) / len(held_out)
    return sums


def _prefixed(judged: dict[str, float] | None) -> dict[str, float]:
    return {f"held_out_{name}": value for name, value in (judged or {}).items()}
