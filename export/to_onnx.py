"""From a checkpoint to a style file: one ONNX model with its card, written only if it shows the same."""

import dataclasses
import functools
import itertools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from export.parity import FRAME_SIZES, measure_parity, reference_from_network, require_parity
from pipeline.common.adapters import installed_version
from pipeline.common.atomic_files import written
from pipeline.engines.base import Controls, Engine
from pipeline.engines.ort import OnnxRuntimeEngine
from pipeline.engines.ov import OpenVinoEngine
from pipeline.engines.parity import LIMITS, ParityReport
from pipeline.frame import Pixels
from pipeline.style import CARD_KEY, INPUT_NAME, OUTPUT_NAME, STYLE_CONTROL, Control, StyleCard
from training import checkpoint as checkpoints
from training import networks
from training.checkpoint import CHECKPOINT_FORMAT, Checkpoint
from training.networks.folding import FrameNetwork, with_summable_taps

OPSET = 18
MARGIN_PX = 20
"""VGG-19 pads with zeros, so the edge of every training crop looks different, and a network trained through
it learns to draw a border of up to 18 px there. The card of such a one lets the pipeline keep it out of the
picture; one whose encoder padded by reflection draws none."""
ENGINES_TO_MATCH: tuple[type[Engine], ...] = (OpenVinoEngine, OnnxRuntimeEngine)


def style_file_from_checkpoint(
    checkpoint_file: Path, output: Path, on_report: Callable[[ParityReport], None] | None = None
) -> StyleCard:
    """Write ``output`` from a trained checkpoint, unless an engine would show another picture.

    The network is taken ``with_summable_taps``, which moves the bundled styles' pictures by less than a
    tenth of a grey level on average and keeps engines in 16-bit floats from drawing patterns on plain areas.

    Args:
        output: ``NAME.onnx``; the stem becomes the style's name. An existing file stays until the new
            one passed.
        on_report: told of every parity report, passed or not.

    Returns:
        The card, as stored in the file.

    Raises:
        CheckpointError: not a checkpoint of ours (see ``training.checkpoint.load``).
        ParityError: mean difference above 0.1 grey level or 99.9th percentile above 1.
        OutputError: the file cannot be written.
    """
    checkpoint = checkpoints.load(checkpoint_file)
    network = with_summable_taps(checkpoint.build_network())
    card = card_from_checkpoint(checkpoint, network, output.stem)
    if not checkpoint.styles:
        model = onnx_from_network(network)
        return write_checked_style(
            output, model, card, [Original(reference_from_network(network))], on_report
        )
    folded = FrameNetwork(network, networks.value_range(network))
    model = onnx_from_frame_network(
        folded, networks.size_multiple(network), networks.shortest_side(network), card.controls[0]
    )
    return write_checked_style(output, model, card, _mixtures(network, len(card.styles)), on_report)


def _mixtures(network: nn.Module, rows: int) -> list["Original"]:
    """What a network of several styles is compared on: its first row, its last, and all of them at once."""
    originals = []
    for named, weights in (
        ("first row", _row(0, rows)),
        ("last row", _row(rows - 1, rows)),
        ("all rows", (1 / rows,) * rows),
    ):
        control = torch.tensor(weights)
        draw = reference_from_network(functools.partial(network, style=control))
        originals.append(Original(draw, FRAME_SIZES, f"torch, {named}", {STYLE_CONTROL: control.numpy()}))
    return originals


def _row(row: int, rows: int) -> tuple[float, ...]:
    return tuple(float(place == row) for place in range(rows))


@dataclass(frozen=True)
class Original:
    """What a style file is compared with.

    Attributes:
        draw: the picture it should show, (H, W, 3) uint8 BGR in and out.
        sizes: (height, width) of the frames to compare.
        name: for the report.
        controls: what the style file's further inputs are given for it; None their defaults.
    """

    draw: Callable[[Pixels], Pixels]
    sizes: Sequence[tuple[int, int]] = FRAME_SIZES
    name: str = "torch"
    controls: Controls | None = None


def write_checked_style(
    output: Path,
    model: onnx.ModelProto,
    card: StyleCard,
    originals: Sequence[Original],
    on_report: Callable[[ParityReport], None] | None = None,
) -> StyleCard:
    """Write ``output`` if every engine shows the picture of every original; else leave what is there.

    Returns:
        The card with the parity reports, as stored.

    Raises:
        ParityError, OutputError: as for ``style_file_from_checkpoint``.
    """
    with written(output) as draft:
        write_style_file(draft, model, card)
        reports = []
        for original, engine in itertools.product(originals, ENGINES_TO_MATCH):
            compared = (engine, original.draw, original.sizes, original.name, original.controls)
            reports.append(measure_parity(draft, card, *compared))
            if on_report:
                on_report(reports[-1])
        require_parity(reports)
        card = dataclasses.replace(card, parity=tuple(report.to_dict() for report in reports))
        write_style_file(draft, model, card)
    return card


def onnx_from_network(network: nn.Module) -> onnx.ModelProto:
    """The frame-in, frame-out graph of a trained network, weights inside, height and width dynamic.

    Args:
        network: from ``training.networks``, float32, on the CPU.
    """
    multiple, shortest = networks.size_multiple(network), networks.shortest_side(network)
    return onnx_from_frame_network(FrameNetwork(network, networks.value_range(network)), multiple, shortest)


def onnx_from_frame_network(
    network: FrameNetwork, multiple: int, shortest: int = 0, control: Control | None = None
) -> onnx.ModelProto:
    """The graph of a network that was folded already, for height and width in multiples of ``multiple``.

    Args:
        shortest: height and width are at least this, and at least eight multiples.
        control: a further input of the network's ``draw``.
    """
    further = [control] if control else []
    fewest = max(8, -(-shortest // multiple))
    frame = torch.zeros(1, 16 * multiple, 24 * multiple, 3, dtype=torch.uint8)
    height, width = (torch.export.Dim(name, min=fewest, max=4096) for name in ("height", "width"))
    shapes: dict[str, Any] = {"frame": {1: multiple * height, 2: multiple * width}}
    if control:
        shapes["control"] = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations, nothing a user can act on
        program = torch.onnx.export(
            network.eval(),
            (frame, *(torch.tensor(one.default) for one in further)),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=[INPUT_NAME, *(one.name for one in further)],
            output_names=[OUTPUT_NAME],
            dynamic_shapes=shapes,
        )
    assert program is not None
    return _without_traces(program.model_proto)


def _without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop what the exporter notes for its own debugging: stack traces with the author's file names."""
    del model.metadata_props[:]
    model.doc_string = ""
    graph = model.graph
    del graph.metadata_props[:]
    for part in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    return model


def card_from_checkpoint(checkpoint: Checkpoint, network: nn.Module, name: str) -> StyleCard:
    """What the style file says about itself; parity is added once it was measured."""
    art, folded = checkpoint.artwork, FrameNetwork(network, networks.value_range(network))
    held_out = {k: v for k, v in (checkpoint.history or [{}])[-1].items() if k.startswith("held_out")}
    return StyleCard(
        name=name,
        title=art.get("title", ""),
        artist=art.get("artist", ""),
        year=art.get("year"),
        rights=art.get("rights", ""),
        artwork_source=art.get("source", ""),
        network=checkpoint.network_name,
        parameters=networks.count_parameters(network),
        macs_per_pixel=networks.macs_per_pixel(folded.body),
        size_multiple=networks.size_multiple(network),
        margin_px=0 if _draws_no_border(checkpoint.recipe) else MARGIN_PX,
        brush_size_px=checkpoint.recipe.get("style_size"),
        styles=tuple(checkpoint.styles),
        controls=(Control(STYLE_CONTROL, _row(0, len(checkpoint.styles))),) if checkpoint.styles else (),
        recipe={**checkpoint.recipe, "steps_taken": checkpoint.step},
        training_data=checkpoint.training_data,
        versions={"checkpoint": str(CHECKPOINT_FORMAT), **exporter_versions()},
        parity_limits={precision: list(limits) for precision, limits in LIMITS.items()},
        evaluation=held_out,
    )


def _draws_no_border(recipe: dict[str, Any]) -> bool:
    """Whether nothing that a training looked through padded its pictures with zeros."""
    return recipe.get("encoder_padding") == "reflect" or recipe.get("method") == "cycle"


def exporter_versions() -> dict[str, str]:
    """What wrote the graph, for the card."""
    return {
        "exporter": f"torch.onnx opset {OPSET}",
        "torch": torch.__version__,
        "brushstream": own_version(),
    }


def own_version() -> str:
    """The installed version of Brushstream."""
    return installed_version("brushstream") or "source tree"


def write_style_file(path: Path, model: onnx.ModelProto, card: StyleCard) -> None:
    """Write the model with its card, weights inside, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {CARD_KEY: card.to_json()})
    onnx.checker.check_model(model)
    with written(path) as part:
        part.write_bytes(model.SerializeToString())
