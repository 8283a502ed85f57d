"""The studies: which recipes each renders, after how many steps it looks, and how it is laid out."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from training.gatys.recipe import RenderRecipe, changed
from training.losses.vgg_weights import layers_in
from training.studies.options import StudyOptions

CONTENT_LAYERS = ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2")
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class Trial:
    """One render of a study: ``marks`` are the numbers of steps after which its picture is shown."""

    label: str
    recipe: RenderRecipe
    marks: tuple[int, ...]


@dataclass(frozen=True)
class Study:
    """What a study shows.

    Attributes:
        title: heads the sheet.
        trials: one row of the sheet each where they have several marks, else wrapped.
        spectrum: show each picture's amplitude spectrum beside it.
        notes: what the reader must know, such as layers that were left out.
    """

    name: str
    title: str
    trials: tuple[Trial, ...]
    spectrum: bool = False
    notes: tuple[str, ...] = ()


def plan(name: str, base: RenderRecipe, options: StudyOptions) -> Study:
    """The study of that name, from a base recipe (its size, precision and objective)."""
    return PLANS[name](base, options)


def _seeds(base: RenderRecipe, options: StudyOptions) -> Study:
    """Random seed x iterations, from white noise by L-BFGS as Gatys et al. 2016 do."""
    marks = options.marks or (10, 30, 100)
    trials = [_trial(f"seed {seed}", replace(_from_noise(base), seed=seed), marks) for seed in options.seeds]
    return Study("seeds", "Random seed x iterations, from white noise", tuple(trials))


def _iterations(base: RenderRecipe, options: StudyOptions) -> Study:
    marks = options.marks or (10, 25, 50, 100, 200, 400)
    trial = _trial(f"from {base.init}", base, marks)
    return Study("iterations", f"Iterations, {base.optimizer} from {base.init}", (trial,))


def _ratio(base: RenderRecipe, options: StudyOptions) -> Study:
    """Content over style weight, alpha/beta (Gatys et al. 2016, figure 4)."""
    marks = options.last_mark(100)
    trials = [
        _trial(f"alpha/beta {ratio:g}", replace(base, style_weight=base.content_weight / ratio), marks)
        for ratio in options.ratios
    ]
    return Study("ratio", "Content over style weight", tuple(trials))


def _total_variation(base: RenderRecipe, options: StudyOptions) -> Study:
    marks = options.last_mark(100)
    trials = [_trial(f"gamma {gamma:g}", replace(base, tv_weight=gamma), marks) for gamma in options.gammas]
    title = f"Total variation ({base.tv_form}) and amplitude spectrum"
    return Study("tv", title, tuple(trials), spectrum=True)


def _content_layers(base: RenderRecipe, options: StudyOptions) -> Study:
    """Content reconstruction from white noise, layer by layer (Gatys et al. 2016, figure 1, below)."""
    layers, notes = _layers(CONTENT_LAYERS, options)
    marks = options.last_mark(100)
    alone = replace(_from_noise(base), content_weight=1.0, style_weight=0.0, tv_weight=0.0)
    trials = [_trial(layer, replace(alone, content_layers=((layer, 1.0),)), marks) for layer in layers]
    return Study("content-layers", "Content rebuilt from white noise", tuple(trials), notes=notes)


def _style_layers(base: RenderRecipe, options: StudyOptions) -> Study:
    """Style reconstruction from white noise, with one layer more each time (figure 1, above)."""
    layers, notes = _layers(STYLE_LAYERS, options)
    marks = options.last_mark(100)
    alone = replace(_from_noise(base), content_weight=0.0, style_weight=1.0, tv_weight=0.0, octaves=1)
    trials = []
    for count, layer in enumerate(layers, start=1):
        recipe = replace(alone, style_layers=tuple((name, 1 / count) for name in layers[:count]))
        label = layer if count == 1 else f"{layers[0]} to {layer}"
        trials.append(_trial(label, recipe, marks))
    return Study("style-layers", "Style rebuilt from white noise", tuple(trials), notes=notes)


PLANS: dict[str, Callable[[RenderRecipe, StudyOptions], Study]] = {
    "seeds": _seeds,
    "iterations": _iterations,
    "ratio": _ratio,
    "tv": _total_variation,
    "content-layers": _content_layers,
    "style-layers": _style_layers,
}


def _trial(label: str, recipe: RenderRecipe, marks: tuple[int, ...]) -> Trial:
    """Of ``recipe`` at its last size alone, to the last mark."""
    return Trial(label, changed(recipe, sizes=recipe.sizes[-1:], iterations=(marks[-1],)), marks)


def _from_noise(base: RenderRecipe) -> RenderRecipe:
    return replace(
        base, init="noise", optimizer="lbfgs", learning_rate=1.0, pooling="average", precision="fp32"
    )


def _layers(usual: tuple[str, ...], options: StudyOptions) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Layers to show, and a note on those the weights lack; layers asked for by name are never left out."""
    if options.layers:
        return options.layers, ()
    there = set(layers_in(options.vgg_weights))
    missing = [name for name in usual if name not in there]
    note = f"not in these weights: {', '.join(missing)}; without --vgg-weights all are there"
    return tuple(name for name in usual if name in there), (note,) if missing else ()
