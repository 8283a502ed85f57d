"""The figures of a report: by name, with meaning, and those a style's card may carry."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from training.evaluation.measure import Measured, median_of
from training.evaluation.single_layers import CONTENT_LAYER, GRAM_LAYERS, WASSERSTEIN_LAYER
from training.evaluation.stability import Calmed, Stability


@dataclass(frozen=True)
class Figure:
    """One figure of a style: how it is called, what it means, and how it is shown."""

    name: str
    label: str
    meaning: str
    form: str = ".3f"


LAYER_FIGURES: tuple[Figure, ...] = (
    Figure(
        f"content_{CONTENT_LAYER}",
        f"content at {CONTENT_LAYER}",
        f"relative squared difference of {CONTENT_LAYER}, median: 0 is the photograph",
    ),
    *(
        Figure(
            f"gram_{layer}",
            f"Gram at {layer}",
            f"relative Gram distance at {layer} at full size, median: 0 is the painting",
        )
        for layer in GRAM_LAYERS
    ),
    Figure(
        f"wasserstein_{WASSERSTEIN_LAYER}",
        f"Wasserstein-2 at {WASSERSTEIN_LAYER}",
        f"relative Wasserstein-2 distance at {WASSERSTEIN_LAYER} at full size, median: 0 is the painting",
    ),
)
"""Of single layers, each by itself."""

FIGURES: tuple[Figure, ...] = (
    Figure(
        "objective_ratio",
        "objective ratio",
        "(L_net - L_opt) / (L_content - L_opt), median over the photographs: 0 is as good as the "
        "optimisation, 1 is the untouched photograph",
    ),
    Figure("objective_ratio_worst", "  worst photo", "the largest objective ratio of any photograph"),
    Figure(
        "equivalent_iterations",
        "equivalent iterations",
        "first step of the optimisation whose loss is at most the network's, median over the photographs "
        "on which there is one",
        ".0f",
    ),
    Figure("content", "content term", "relative squared difference of relu3_3, median: 0 is the photograph"),
    Figure(
        "gram",
        "style term (Gram)",
        "relative Gram distance at relu1_1, 2_1, 3_1, 3_4 on three octaves, median: 0 is the painting",
    ),
    Figure(
        "wasserstein",
        "Wasserstein-2",
        "relative Wasserstein-2 distance at relu1_2, 2_2, 3_2 on three octaves, median: 0 is the painting",
    ),
    Figure(
        "style_distance",
        "style distance",
        "Wasserstein-2 scaled so that 0 is crops of the painting against each other and 1 the untouched "
        "photographs, median",
    ),
    *LAYER_FIGURES,
    Figure(
        "self_similarity",
        "self-similarity kept",
        "likeness between places in relu3_3 that is kept, median: 1 is all of it",
    ),
    Figure(
        "kernel_distance",
        "kernel distance to the target",
        "KID's kernel on means of relu4_1, results against the target folder: 0 is of its kind",
        ".4f",
    ),
    Figure("kernel_distance_error", "  its error", "standard error, leaving out one result at a time", ".4f"),
    Figure("kernel_distance_untouched", "  of the photographs", "the same before painting", ".4f"),
    Figure("kernel_distance_untouched_error", "  its error", "likewise", ".4f"),
    Figure(
        "cycle_error",
        "cycle error, grey levels",
        "mean absolute difference of photographs and what the other direction makes of the results",
        ".2f",
    ),
    Figure("luma_structure", "luma structure kept", "structure term of SSIM on luma, median: 1 is all of it"),
    Figure(
        "warp_error_exact",
        "warp error, exact flow",
        "root of the masked mean square change along exact motion, grey levels in [0, 1], mean of the clips",
        ".4f",
    ),
    Figure("warp_error_exact_input", "  of the input", "the same of these clips before painting", ".4f"),
    Figure(
        "warp_error_real",
        "warp error, real clips",
        "the same on real clips along DIS flow where it comes back",
        ".4f",
    ),
    Figure("warp_error_real_input", "  of the input", "the same of these clips before painting", ".4f"),
    Figure(
        "warp_error_real_steady", "  with --steady", "the same of these clips painted with --steady", ".4f"
    ),
    Figure(
        "sharpness_steady",
        "  sharpness with --steady",
        "variance of the Laplacian of the clips painted with --steady over that without, mean of the clips",
    ),
    Figure(
        "flicker",
        "flicker, noisy still",
        "root mean square change of a painted still with sensor noise of deviation 3/255, mean of the stills",
        ".4f",
    ),
    Figure("flicker_input", "  of the input", "the same of these stills before painting", ".4f"),
    Figure("parameters", "parameters", "number of weights", ",.0f"),
    Figure("gmacs", "GMAC, 640x480", "multiply-accumulates for 640x480 pixels, 10^9", ".2f"),
    Figure(
        "service_ms",
        "service time, ms",
        "uint8 frame in to uint8 frame out at 640x480, median, milliseconds",
        ".1f",
    ),
)

ABOUT: dict[str, tuple[str, str]] = {
    "photos": ("integer", "held-out photographs judged on"),
    "photo_side_px": ("integer", "side of the squares"),
    "iterations": ("integer", "steps of the optimisation compared with; 0 where it was left out"),
    "brushstream": ("string", "version that measured"),
    "engine": ("string", "engine, precision and processor of the service time"),
}
"""What a card tells besides figures: (JSON type, meaning)."""


def summary(measured: Measured, cost: dict[str, float | None]) -> dict[str, float | None]:
    """Every figure of ``FIGURES`` by name; None where it was left out."""
    ratios = [row["objective"]["ratio"] for row in measured.photos.values() if "objective" in row]
    found: dict[str, float | None] = {
        "objective_ratio": median_of(measured, "objective", "ratio"),
        "objective_ratio_worst": max(ratios, default=None),
        "equivalent_iterations": median_of(measured, "objective", "equivalent_iterations"),
        **{key: median_of(measured, key) for key in (*MEDIANS, *(f.name for f in LAYER_FIGURES))},
        **measured.translation,
        **cost,
    }
    for name, clips in (
        ("warp_error_exact", measured.exact),
        ("warp_error_real", measured.real),
        ("flicker", measured.flicker),
    ):
        found[name], found[f"{name}_input"] = means([stability for _, stability in clips])
    if measured.steady:
        found["warp_error_real_steady"] = mean(calmed.warp_error for _, calmed in measured.steady)
        found["sharpness_steady"] = mean(calmed.sharpness for _, calmed in measured.steady)
    return {figure.name: found.get(figure.name) for figure in FIGURES}


MEDIANS = ("content", "gram", "wasserstein", "style_distance", "self_similarity", "luma_structure")


def means(found: Sequence[Stability]) -> tuple[float | None, float | None]:
    """(painted, input), each the mean; None where there is no clip."""
    if not found:
        return None, None
    return mean(s.painted for s in found), mean(s.input for s in found)


def style_report(measured: Measured, figures: dict[str, float | None]) -> dict[str, Any]:
    """What ``report.json`` holds of one style."""
    clips: dict[str, Sequence[tuple[str, Stability | Calmed]]] = {
        "exact": measured.exact, "real": measured.real, "flicker": measured.flicker, "steady": measured.steady
    }  # fmt: skip
    return {
        "figures": figures,
        "photos": measured.photos,
        "stability": {
            kind: [{"name": name, **asdict(found)} for name, found in rows] for kind, rows in clips.items()
        },
        "notes": measured.notes,
    }


def for_card(figures: dict[str, float | None], about: dict[str, str | int]) -> dict[str, Any]:
    """What a card carries under ``evaluation``: the figures that were measured, rounded, and ``about``."""
    rounded = {name: round(value, 5) for name, value in figures.items() if value is not None}
    return {**rounded, **{key: about[key] for key in ABOUT}}
