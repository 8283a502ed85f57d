"""What commands of training share: options, and how numbers are read. Loads no torch."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from pipeline.common.errors import TrainingError
from pipeline.common.interruption import stop_on_ctrl_c

Preset = TypeVar("Preset")
TrainingPrecision = Annotated[str, typer.Option("--precision", help="auto, bf16, fp16 or fp32.")]
LogFolder = Annotated[Path | None, typer.Option("--log-dir", help="Write TensorBoard scalars there.")]
FeaturePrecision = Annotated[str, typer.Option("--precision", help="Of the features: auto, fp32 or bf16.")]


@dataclass(frozen=True)
class EncoderOptions:
    """Where VGG-19 comes from and computes."""

    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto"
    vgg_weights: Annotated[
        Path | None, typer.Option(help="VGG-19 as safetensors; else the set that is installed.")
    ] = None


@dataclass(frozen=True)
class SizeOptions:
    """Of a training: what stays as the preset has it unless given. None: the preset's."""

    network: Annotated[
        str | None, typer.Option(help="hourglass, hourglass-40, johnson, ...; else the preset's.")
    ] = None
    style_size: Annotated[
        int | None,
        typer.Option("--brush-size", min=64, help="Longest side of the painting, px: larger strokes."),
    ] = None
    image_size: Annotated[int | None, typer.Option(min=64, help="Side of the content crops, px.")] = None
    batch_size: Annotated[int | None, typer.Option(min=1, help="Photographs a step.")] = None
    seed: Annotated[int, typer.Option(min=0, help="Of first weights, crops and motions.")] = 0


@dataclass(frozen=True)
class RunOptions:
    """How a training of a network runs, whatever its recipe."""

    init_from: Annotated[Path | None, typer.Option(help="Start from a checkpoint or style file.")] = None
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Start from fresh weights, not from a bundled style's.")
    ] = False
    checkpoint_interval: Annotated[int, typer.Option(min=1, help="Steps between states to resume.")] = 500
    preview_interval: Annotated[int, typer.Option(min=0, help="Steps between previews; 0: none.")] = 500
    workers: Annotated[int, typer.Option(min=1, help="Threads that read pictures, of each folder.")] = 1

    def settings(self, network: str, starts_from_style: bool) -> dict[str, Any]:
        """Of the run, by name: with the bundled style to start from where the preset starts from one.

        Raises:
            typer.BadParameter: a start and none are asked for.
        """
        from training.feed_forward.style_weights import bundled_start

        if self.from_scratch and self.init_from:
            raise typer.BadParameter("--from-scratch and --init-from exclude each other: give one of them")
        given = {name: value for name, value in asdict(self).items() if name != "from_scratch"}
        if starts_from_style and not (self.from_scratch or self.init_from):
            given["init_from"] = bundled_start(network)
        return given


def named(presets: Mapping[str, Preset], name: str) -> Preset:
    """The preset of that name; TrainingError where there is none."""
    if name not in presets:
        raise TrainingError(f"--preset {name}: there is none of that name; choose {', '.join(presets)}")
    return presets[name]


def whole_numbers(option: str, text: str | None) -> tuple[int, ...] | None:
    """``256,512`` -> (256, 512); None stays None. typer.BadParameter for anything else."""
    found = numbers(option, text)
    if found is None:
        return None
    if any(value != int(value) for value in found):
        raise typer.BadParameter(f"{option} {text}: whole numbers were expected, 256,512 for example")
    return tuple(int(value) for value in found)


def numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    """``0.7,0.3`` -> (0.7, 0.3); None stays None. typer.BadParameter for anything else."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{option} {text}: numbers with commas between were expected") from error


@contextmanager
def stop_after_step() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C (or SIGTERM) came: the step is finished first. A second one breaks off at once."""
    stop = threading.Event()
    with stop_on_ctrl_c(stop, lambda: print("stopping after this step; once more breaks off", flush=True)):
        yield stop.is_set
