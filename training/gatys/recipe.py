"""What a Gatys render optimises and how: the recipe, and the named recipes of the literature."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from pipeline.common.errors import TrainingError
from training.losses.functional import TV_FORMS
from training.losses.layer_weights import Weighted, equal_shares, placed
from training.losses.objective import LossSpec

CHOICES: dict[str, tuple[str, ...]] = {
    "normalization": ("gatys", "johnson", "mean", "relative"),
    "statistic": ("gram", "covariance", "wasserstein"),
    "tv_form": TV_FORMS,
    "pooling": ("average", "max"),
    "optimizer": ("lbfgs", "adam"),
    "init": ("content", "noise", "style", "file"),
    "precision": ("fp32", "bf16"),
}


@dataclass(frozen=True)
class RenderRecipe:
    """Every setting that shapes the picture; a render resumes only under the same recipe.

    The objective is ``content_weight * content + style_weight * style + tv_weight * tv`` (alpha, beta
    and gamma; Gatys et al. 2016, eq. 7).

    Attributes:
        name: of the preset it comes from.
        content_layers, style_layers: (VGG-19 layer, weight) pairs; ``relu4_1/2`` is looked at on half the
            size alone.
        normalization: ``gatys`` (2016, eqs. 1 and 4), ``johnson`` (2016, eqs. 2 and 4), ``mean`` (the
            same with the mean over a Gram matrix's entries) or ``relative`` (each distance over the
            target's own square; the project's own). See ``functional``.
        statistic: ``gram``, ``covariance`` or ``wasserstein`` (see ``moments``).
        tv_form: absolute (``l1``) or ``squared`` differences; ``sum`` over pixels or their ``mean``.
        octaves: levels of the Gaussian pyramid that style layers without a size are compared on; 1 is the
            plain method.
        pooling: ``average`` (Gatys et al. 2016, section 2) or ``max``, as VGG-19 was trained.
        optimizer: ``lbfgs`` (strong Wolfe line search, ``lbfgs_history`` pairs) or ``adam``.
        learning_rate: Adam's, in units of ``pixel_range``; L-BFGS's first trial step.
        pixel_range: the optimised numbers run from 0 to this (1 or 255). The encoder always sees [0, 1].
        init: start from ``content``, ``noise`` (white, faint, from ``seed``), ``style``, or a ``file``.
        sizes: longest side of the result in px, coarse to fine; 0 is the content's own size.
        iterations: optimizer steps at each of ``sizes``.
        style_scale: longest side of the style over that of the result; larger means larger strokes.
        original_colors: optimise luma alone, the style's matched to the content's histogram first.
        precision: of the encoder and its features: ``fp32`` or ``bf16``; the picture is always float32.
    """

    name: str = "shallow-pyramid"
    content_layers: Weighted = (("relu3_3", 1.0),)
    style_layers: Weighted = (("relu1_1", 0.25), ("relu2_1", 0.25), ("relu3_1", 0.25), ("relu3_4", 0.25))
    content_weight: float = 1.0
    style_weight: float = 100.0
    tv_weight: float = 0.0
    tv_form: str = "l1-mean"
    normalization: str = "relative"
    statistic: str = "gram"
    octaves: int = 3
    pooling: str = "max"
    optimizer: str = "adam"
    learning_rate: float = 0.02
    pixel_range: float = 1.0
    lbfgs_history: int = 20
    init: str = "content"
    sizes: tuple[int, ...] = (512,)
    iterations: tuple[int, ...] = (100,)
    style_scale: float = 1.0
    original_colors: bool = False
    precision: str = "fp32"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no render could follow; TrainingError names the setting and what would do."""
        for setting, choices in CHOICES.items():
            if getattr(self, setting) not in choices:
                raise TrainingError(
                    f"{setting.replace('_', ' ')} {getattr(self, setting)!r}: choose {', '.join(choices)}"
                )
        if not self.sizes or len(self.iterations) != len(self.sizes) or min(self.iterations) < 1:
            raise TrainingError(
                f"iterations {self.iterations} for sizes {self.sizes}: one above 0 for each was expected"
            )
        if min(self.sizes) < 0 or self.octaves < 1 or self.learning_rate <= 0 or self.style_scale <= 0:
            raise TrainingError(
                f"sizes {self.sizes}, octaves {self.octaves}, learning rate {self.learning_rate}, style "
                f"scale {self.style_scale}: all were expected above 0 (a size may be 0: the content's own)"
            )
        weights = [w for _, w in (*self.content_layers, *self.style_layers)]
        if not all(
            0 <= w <= 1e30 for w in (self.content_weight, self.style_weight, self.tv_weight, *weights)
        ):
            raise TrainingError(
                f"weights {self.content_weight}, {self.style_weight}, {self.tv_weight} of content, style, tv "
                f"and {weights} of layers: numbers from 0 to 1e30 were expected"
            )
        if not (self.content_weight or self.style_weight or self.tv_weight):
            raise TrainingError("content, style and tv weight are all 0: one must be above, to do anything")
        placed((*self.content_layers, *self.style_layers))

    @property
    def spec(self) -> LossSpec:
        """The objective; a term without weight is left out of it."""
        return LossSpec(
            placed(self.content_layers) if self.content_weight else (),
            placed(self.style_layers, self.octaves) if self.style_weight else (),
            self.content_weight,
            self.style_weight,
            self.tv_weight,
            self.normalization,
            self.statistic,
            self.tv_form if self.tv_weight else None,
        )

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer the objective looks at, once each; those of a term without weight are left out."""
        return self.spec.layers

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            key: [list(v) if isinstance(v, tuple) else v for v in value]
            if isinstance(value, tuple)
            else value
            for key, value in asdict(self).items()
        }


_RELU = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
_CONV = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")

PRESETS: dict[str, RenderRecipe] = {
    # DESIGN section 5: a pyramid over shallow layers does what depth does; works with VGG-19 up to conv3_4.
    "shallow-pyramid": RenderRecipe(),
    # Gatys, Ecker & Bethge, CVPR 2016, sections 2-3: average pooling, white noise, L-BFGS, w_l = 1/5,
    # alpha/beta 1e-3 (their figures 2 and 3). They print no number of iterations; 500 is their own code's.
    "gatys-2016": RenderRecipe(
        name="gatys-2016",
        content_layers=(("relu4_2", 1.0),),
        style_layers=equal_shares(_RELU),
        style_weight=1e3,
        tv_form="l1-sum",
        normalization="gatys",
        octaves=1,
        pooling="average",
        optimizer="lbfgs",
        learning_rate=1.0,
        init="noise",
        iterations=(500,),
    ),
    # The widespread fast variant: from the content image, Adam on 0..1 pixels, gamma 0, 10 or 100.
    "adam-content-start": RenderRecipe(
        name="adam-content-start",
        content_layers=(("conv4_2", 1.0),),
        style_layers=equal_shares(_CONV),
        style_weight=1e3,
        tv_form="l1-sum",
        normalization="gatys",
        octaves=1,
        learning_rate=0.01,
        iterations=(1000,),
    ),
    # Content on five layers, growing with depth; Adam on 0..255 pixels.
    "multi-content": RenderRecipe(
        name="multi-content",
        content_layers=tuple(zip(_CONV, (0.5, 1.0, 1.5, 3.0, 4.0), strict=True)),
        style_layers=equal_shares(_CONV),
        content_weight=0.01,
        style_weight=1.0,
        tv_form="l1-sum",
        normalization="gatys",
        octaves=1,
        learning_rate=2.0,
        pixel_range=255.0,
        iterations=(1000,),
    ),
}


def changed(recipe: RenderRecipe, **settings: Any) -> RenderRecipe:
    """``recipe`` with those settings that are not None; one number of iterations serves every size."""
    given = {key: value for key, value in settings.items() if value is not None}
    unknown = set(given) - {field.name for field in fields(RenderRecipe)}
    if unknown:
        raise TrainingError(f"a recipe has no setting {', '.join(sorted(unknown))}")
    sizes = given.get("sizes", recipe.sizes)
    iterations = given.get("iterations", recipe.iterations)
    if len(iterations) == 1:
        given["iterations"] = iterations * len(sizes)
    return replace(recipe, **given)
