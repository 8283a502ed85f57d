"""The command ``brushstream train``: options in, progress lines out. torch is imported when it runs."""

import contextlib
import ctypes
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from torch import Tensor

    from training.feed_forward.recipe import Progress, Recipe, Run

Layers = Annotated[str | None, typer.Option("--style-layers", metavar="NAME[:W],...", help="VGG-19's.")]


def train(
    painting: Annotated[Path, typer.Argument(metavar="STYLE.jpg", help="The painting to learn.")],
    photos: Annotated[Path, typer.Option(help="Folder of content photographs, nested or not.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="NAME.safetensors")],
    preset: Annotated[
        str, typer.Option(help="balanced, johnson-2016 or johnson-2016-vgg19; see docs/training.md.")
    ] = "balanced",
    network: Annotated[
        str | None, typer.Option(help="hourglass, detail-64, johnson, ...; else the preset's.")
    ] = None,
    content_weight: Annotated[float | None, typer.Option(min=0.0, help="Of the content term.")] = None,
    style_weight: Annotated[
        float | None,
        typer.Option(min=0.0, help="Of the style term, fixed; with --content-goal, where the search begins."),
    ] = None,
    content_goal: Annotated[
        float | None,
        typer.Option(min=0.05, max=1.0, help="How far from the photograph: 0 it, 1 none of it."),
    ] = None,
    tv_weight: Annotated[float | None, typer.Option(min=0.0, help="Of the total variation.")] = None,
    temporal_weight: Annotated[float | None, typer.Option(min=0.0, help="Against flicker.")] = None,
    no_temporal: Annotated[bool, typer.Option("--no-temporal", help="Train without the term above.")] = False,
    content_layer: Annotated[str | None, typer.Option(help="Of VGG-19: relu3_3")] = None,
    style_layers: Layers = None,
    brush_size: Annotated[
        int | None, typer.Option(min=64, help="Longest side of the painting, px: larger strokes.")
    ] = None,
    image_size: Annotated[int | None, typer.Option(min=64, help="Side of the content crops, px.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps.")] = None,
    epochs: Annotated[
        float | None, typer.Option(min=0.0, help="Looks at every photograph, in place of --steps.")
    ] = None,
    lr: Annotated[float | None, typer.Option(min=0.0, help="Adam's learning rate after warm-up.")] = None,
    plain_share: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Share of flat pictures.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    precision: Annotated[str, typer.Option(help="auto, bf16, fp16 or fp32.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    vgg_weights: Annotated[
        Path | None, typer.Option(help="VGG-19 as safetensors; else torchvision's.")
    ] = None,
    init_from: Annotated[Path | None, typer.Option(help="Start from a checkpoint or style file.")] = None,
    checkpoint_interval: Annotated[int, typer.Option(min=1, help="Steps between states to resume.")] = 500,
    preview_interval: Annotated[int, typer.Option(min=0, help="Steps between previews; 0: none.")] = 500,
    log_dir: Annotated[Path | None, typer.Option(help="Write TensorBoard scalars there.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Threads that read photographs.")] = 1,
    title: Annotated[str | None, typer.Option(help="Artwork's title, for the card.")] = None,
    artist: Annotated[str | None, typer.Option(help="Artwork's artist.")] = None,
    year: Annotated[int | None, typer.Option(help="Artwork's year.")] = None,
    rights: Annotated[str | None, typer.Option(help="Artwork's rights.")] = None,
    source: Annotated[str | None, typer.Option(help="Where the reproduction came from.")] = None,
    photo_terms: Annotated[str, typer.Option(help="Licence or terms of the photographs.")] = "",
) -> None:
    """Train a style network from a painting. What no option says comes from the preset.

    Writes NAME.safetensors for `brushstream export`, previews into NAME.previews/, and while it runs
    NAME.resume.safetensors: the same command goes on from there after Ctrl-C or a crash, and gives the
    same weights as a run that was never stopped. What the card says of the artwork is taken from the
    options, else from the entry of the painting's name in a styles.json beside it.
    """
    keep_freed_memory()
    from training.feed_forward import presets
    from training.feed_forward.data import find_photos, split_photos
    from training.feed_forward.recipe import Run

    chosen_device = pick_device(device)
    given = {
        "network": network,
        "content_weight": content_weight,
        "style_weight": style_weight,
        "content_goal": content_goal,
        "tv_weight": tv_weight,
        "temporal_weight": 0.0 if no_temporal else temporal_weight,
        "content_layer": content_layer,
        **presets.parsed_layers(style_layers),
        "style_size": brush_size,
        "image_size": image_size,
        "batch_size": batch_size,
        "steps": steps,
        "learning_rate": lr,
        "plain_share": plain_share,
        "precision": pick_precision(precision, chosen_device),
        "seed": seed,
    }
    seen = len(split_photos(find_photos(photos))[0])
    recipe = presets.recipe_of(presets.preset(preset), seen, given, epochs)
    told = {"title": title, "artist": artist, "year": year, "rights": rights, "source": source}
    run = Run(
        painting=painting,
        photos=photos,
        output=output,
        vgg_weights=vgg_weights,
        device=chosen_device,
        workers=workers,
        checkpoint_interval=checkpoint_interval,
        preview_interval=preview_interval,
        init_from=init_from,
        artwork=artwork_of(painting, told),
        photo_terms=photo_terms,
    )
    _check_output(output)
    _run(recipe, run, log_dir)


def _run(recipe: "Recipe", run: "Run", log_dir: Path | None) -> None:
    from training.feed_forward import distributed, loop

    if not distributed.is_first_process():
        loop.train(recipe, run)
        return
    print(
        f"training {recipe.network} on {run.device} in {recipe.precision}, {recipe.steps} steps", flush=True
    )
    if run.resume_file.exists():
        print(f"going on from {run.resume_file}", flush=True)

    def preview(step: int, content: "Tensor", stylized: "Tensor") -> None:
        write_preview(run.output.with_suffix(".previews") / f"step-{step:06d}.png", content, stylized)

    with _scalars(log_dir) as log, _progress_line(recipe.steps) as show:

        def report(progress: "Progress") -> None:
            log(progress)
            show(progress)
            for warning in progress.warnings:
                print(f"warning: step {progress.step}: {warning}", file=sys.stderr, flush=True)

        try:
            loop.train(recipe, run, report, preview)
        except KeyboardInterrupt:
            print(f"stopped; the same command goes on from {run.resume_file}", flush=True)
            raise
    print(f"wrote {run.output}; next: brushstream export {run.output}", flush=True)


def artwork_of(painting: Path, told: dict[str, Any]) -> dict[str, Any]:
    """Title, artist, year, rights and source: as told, else from ``styles.json`` beside the painting.

    ``styles.json`` is a list of objects with ``name`` (the painting's file name without its suffix) and
    those five keys.

    Raises:
        InputError: the file is there and is no such list.
    """
    from pipeline.common.errors import InputError

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


def write_preview(path: Path, content: "Tensor", stylized: "Tensor") -> None:
    """A PNG with the content photographs above and the stylized ones below.

    Args:
        content, stylized: (N, 3, H, W), RGB in [0, 1].

    Raises:
        OutputError: the picture cannot be written.
    """
    import cv2
    import torch

    from pipeline.common.errors import OutputError

    rows = [torch.cat(list(image), dim=2) for image in (content, stylized)]
    pixels = (torch.cat(rows, dim=1) * 255.0 + 0.5).clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
    encoded = cv2.imencode(".png", pixels[:, :, ::-1])[1]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded.tobytes())
    except OSError as error:
        raise OutputError(f"{path}: the preview could not be written ({error.strerror})") from error


def keep_freed_memory() -> None:
    """Tell glibc to reuse freed blocks instead of returning them: 15 % fewer seconds a step on a CPU.

    Every step frees and takes the same large feature maps; mapping them anew costs a page fault for
    every 4 KiB. Does nothing where the C library has no ``mallopt``.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4
        mallopt(m_mmap_max, 0)
        mallopt(m_trim_threshold, 2**31 - 1)
        mallopt(m_top_pad, 512 * 1024 * 1024)


def _check_output(output: Path) -> None:
    from pipeline.common.errors import OutputError

    if output.suffix != ".safetensors":
        raise OutputError(f"-o {output}: a name ending in .safetensors was expected")
    if not output.absolute().parent.is_dir():
        raise OutputError(f"-o {output}: the folder {output.parent} does not exist; make it first")


def pick_device(requested: str) -> str:
    """The device asked for; ``auto`` takes a CUDA GPU where there is one. TrainingError: there is none."""
    import torch

    from pipeline.common.errors import TrainingError

    if requested == "auto":
        return "cuda" if torch.cuda.device_count() else "cpu"
    if requested != "cpu" and not torch.cuda.device_count():
        raise TrainingError(f"--device {requested}: no CUDA GPU can be used here; --device cpu does without")
    return requested


def pick_precision(requested: str, device: str) -> str:
    """The precision asked for; ``auto`` takes bf16 where the device has it. TrainingError: it cannot be."""
    import torch

    from pipeline.common.errors import TrainingError

    if requested not in {"auto", "bf16", "fp16", "fp32"}:
        raise TrainingError(f"--precision {requested}: choose auto, bf16, fp16 or fp32")
    if requested == "fp16" and device == "cpu":
        raise TrainingError("--precision fp16 needs a CUDA GPU; on a CPU use bf16 or fp32")
    if requested != "auto":
        return requested
    if device != "cpu":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return "bf16" if _cpu_has_bf16() else "fp32"


def _cpu_has_bf16() -> bool:
    flags = Path("/proc/cpuinfo")
    if not flags.exists():
        return False
    text = flags.read_text(encoding="utf-8", errors="replace")
    return "amx_bf16" in text or "avx512_bf16" in text


@contextlib.contextmanager
def _scalars(log_dir: Path | None) -> Iterator[Any]:
    """A function that writes TensorBoard scalars, or does nothing."""
    if log_dir is None:
        yield lambda progress: None
        return
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(log_dir))

    def log(progress: "Progress") -> None:
        for group, terms in (("train", progress.terms), ("held_out", progress.held_out or {})):
            for name, value in terms.items():
                writer.add_scalar(f"{group}/{name}", value, progress.step)
        writer.add_scalar("pace/seconds_per_step", progress.seconds_per_step, progress.step)

    try:
        yield log
    finally:
        writer.close()


@contextlib.contextmanager
def _progress_line(steps: int) -> Iterator[Any]:
    """A function that shows progress: a bar with ETA on a terminal, a line a report elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console()
    if not console.is_terminal:
        yield lambda progress: print(describe(progress), flush=True)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("", total=steps)

        def show(progress: "Progress") -> None:
            bar.update(task, completed=progress.step, description=describe(progress))

        yield show


def describe(progress: "Progress") -> str:
    """One line: step, terms, pace, time to go, held-out terms and broken photographs where there are any."""
    parts = [f"step {progress.step}/{progress.steps}"]
    shown = [name for name in ("content", "style", "temporal", "total") if name in progress.terms]
    parts += [f"{name} {progress.terms[name]:.4f}" for name in shown]
    parts.append(f"style weight {progress.terms['style_weight']:.2f}")
    minutes, seconds = divmod(round(progress.eta_s), 60)
    parts += [f"{progress.seconds_per_step:.2f} s/step", f"{minutes}:{seconds:02d} to go"]
    if progress.held_out:
        judged = progress.held_out
        parts.append(f"held out: content {judged['content']:.4f}, style {judged['style']:.4f}")
    if progress.broken_photos:
        parts.append(f"{progress.broken_photos} broken photographs skipped")
    return ", ".join(parts)
