"""A feed-forward network against Gatys' method under the objective the network was trained on."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.common.contact_sheet import Cell, draw_sheet, wrapped, write_sheet
from pipeline.common.errors import CheckpointError
from pipeline.common.reports import write_table
from training import checkpoint as checkpoints
from training import image_io, networks
from training.gatys.job import open_encoder, require_sensible_render
from training.gatys.recipe import PRESETS, RenderRecipe, changed
from training.gatys.render import Inputs, style_side
from training.losses.objective import Objective
from training.studies.cells import cell
from training.studies.chart import Level, draw_chart
from training.studies.options import StudyOptions
from training.studies.plans import Trial
from training.studies.runner import OnTrial, Outcome, Place, Shown, reference_cells, run_trial, trial_cells

NAME = "feed-forward"
TIMED_PASSES = 5


@dataclass(frozen=True)
class Stylized:
    """What the network made, how long the quickest of five passes after a first took, and its terms."""

    image: Tensor
    seconds: float
    terms: dict[str, float]


def run_feed_forward_study(
    base: RenderRecipe,
    inputs: Inputs,
    place: Place,
    options: StudyOptions,
    on_progress: OnTrial = lambda label, progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Loss against iterations, with the network's as a line, and the seconds of each.

    Both are judged by the objective in the checkpoint: its layers, weights, octaves and brush size.

    Raises:
        CheckpointError: no checkpoint was given, or it is none of `brushstream train`.
        As ``runner.run_study`` otherwise.
    """
    if options.checkpoint is None:
        raise CheckpointError(
            "--checkpoint NAME.safetensors, a network trained for this style, was expected by this study"
        )
    checkpoint = checkpoints.load(options.checkpoint)
    marks = options.marks or (10, 30, 100, 300)
    recipe = objective_of(checkpoint.recipe, base, marks, inputs)
    require_sensible_render(recipe, inputs, force=False)
    network = checkpoint.build_network()
    stylized = _judged(network, recipe, inputs, place)
    trial = Trial("Gatys", recipe, marks)
    sheet, table = place.folder / f"{NAME}.png", place.folder / f"{NAME}.csv"
    done = run_trial(trial, inputs, place, place.cells(NAME), on_progress, should_stop)
    if done is None:
        return Outcome(sheet, table, False)
    write_table(table, _rows(stylized, done))
    note = verdict(stylized, done)
    first = [*reference_cells(inputs, recipe.sizes[-1]), _network_cell(checkpoint.network_name, stylized)]
    rows = [first, *wrapped(trial_cells(trial, done), 4), [_chart_cell(stylized, done, recipe)]]
    write_sheet(sheet, draw_sheet(f"{checkpoint.network_name} against Gatys' method", rows, (note,)))
    return Outcome(sheet, table, True, (note,))


def objective_of(
    trained: dict[str, Any], base: RenderRecipe, marks: tuple[int, ...], inputs: Inputs
) -> RenderRecipe:
    """The objective in a checkpoint's recipe, optimised as ``adam-content-start`` does."""
    try:
        names = [str(name) for name in trained["style_layers"]]
        weights = trained.get("style_layer_weights") or [1 / len(names)] * len(names)
        settings = {
            "content_layers": ((str(trained["content_layer"]), 1.0),),
            "style_layers": tuple(zip(names, (float(weight) for weight in weights), strict=True)),
            "normalization": str(trained.get("normalization", "relative")),
            "content_weight": float(trained["content_weight"]),
            "style_weight": float(trained["style_weight"]),
            "tv_form": str(trained.get("tv_form", "l1-mean")),
            "tv_weight": _tv_weight_on_unit_range(trained),
            "octaves": int(trained["octaves"]),
            "style_scale": _style_scale(int(trained["style_size"]), base, inputs),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the checkpoint's recipe lacks what its objective was ({error})") from error
    plain = replace(PRESETS["adam-content-start"], precision=base.precision, seed=base.seed)
    return changed(plain, **settings, sizes=base.sizes[-1:], iterations=(marks[-1],))


def _tv_weight_on_unit_range(trained: dict[str, Any]) -> float:
    """The weight that total variation has on pixels from 0 to 1, as a render measures it."""
    power = 2 if str(trained.get("tv_form", "")).startswith("squared") else 1
    return float(trained["tv_weight"]) * float(trained.get("pixel_range", 1.0)) ** power


def _style_scale(style_size: int, base: RenderRecipe, inputs: Inputs) -> float:
    return style_size / max(image_io.fitted_size(inputs.content, base.sizes[-1]))


def _judged(network: nn.Module, recipe: RenderRecipe, inputs: Inputs, place: Place) -> Stylized:
    device = torch.device(place.device)
    content = image_io.fit(inputs.content, recipe.sizes[-1]).to(device)
    side = style_side(recipe, *content.shape[2:])
    styles = [image_io.fit(style, side).to(device) for style in inputs.styles]
    encoder = open_encoder(recipe, place.vgg_weights, place.device)
    objective = Objective(recipe.spec, encoder, styles, content=content)
    image, seconds = timed_pass(network.to(device), content)
    with torch.no_grad():
        terms = {name: float(value) for name, value in objective(image).items()}
    return Stylized(image.cpu(), seconds, terms)


@torch.no_grad()
def timed_pass(network: nn.Module, content: Tensor) -> tuple[Tensor, float]:
    """The network's picture of ``content`` (padded to its multiple, cropped, clipped) and its seconds.

    Of the quickest pass, which other programs disturb least.
    """
    height, width = content.shape[2:]
    multiple = networks.size_multiple(network)
    padding = (0, -width % multiple, 0, -height % multiple)
    padded = F.pad(content, padding, mode="reflect").contiguous(memory_format=torch.channels_last)
    network = network.to(memory_format=torch.channels_last)
    times = []
    for _ in range(TIMED_PASSES + 1):
        started_at = time.perf_counter()
        stylized: Tensor = network(padded)
        if content.is_cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started_at)
    return stylized[:, :, :height, :width].float().clamp(0, 1).contiguous(), min(times[1:])


def verdict(stylized: Stylized, done: Shown) -> str:
    """When the optimisation gets below the network's loss, if it does, and how long each takes."""
    loss, last = stylized.terms["total"], done.history[-1]
    own = f"network: total {loss:.4g} in {stylized.seconds:.3f} s"
    reached = next((row for row in done.history if row["total"] <= loss), None)
    if reached is None:
        return (
            f"{own}; Gatys: total {last['total']:.4g} after {last['step']:.0f} steps, {last['seconds']:.1f} s"
        )
    times = reached["seconds"] / max(stylized.seconds, 1e-9)
    return (
        f"{own}; Gatys gets there after {reached['step']:.0f} steps, {reached['seconds']:.1f} s "
        f"({times:.0f} times as long), and ends at {last['total']:.4g} after {last['seconds']:.1f} s"
    )


def _rows(stylized: Stylized, done: Shown) -> list[dict[str, Any]]:
    network = {**done.history[0], **stylized.terms, "step": 0, "seconds": stylized.seconds}
    steps = [{"study": NAME, "trial": "Gatys", **row} for row in done.history]
    return [{"study": NAME, "trial": "network", **network}, *steps]


def _network_cell(name: str, stylized: Stylized) -> Cell:
    terms = ", ".join(f"{key} {stylized.terms[key]:.3g}" for key in ("content", "style"))
    return cell(stylized.image, name, terms, f"{stylized.seconds:.3f} s")


def _chart_cell(stylized: Stylized, done: Shown, recipe: RenderRecipe) -> Cell:
    points = [(row["step"], row["total"]) for row in done.history if row["total"] > 0]
    total = done.history[-1]["seconds"]
    level = Level(f"network, {stylized.seconds:.3f} s", stylized.terms["total"])
    title = f"loss: content x {recipe.content_weight:g} + style x {recipe.style_weight:g}"
    chart = draw_chart(title, "iterations", f"Gatys, {total:.0f} s in all", points, level)
    return Cell(chart, ("loss against iterations",))
