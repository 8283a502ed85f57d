"""The figures of the literature that ``reproduce.py`` renders, and how large and how long it runs."""

from dataclasses import dataclass, field
from typing import Any

from training.studies.train_grid import Grid

RELU = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class Scale:
    """How large and how long everything runs.

    Attributes:
        divisor: of every render's steps.
        crop_px: side of the crops that networks learn from. Half the size costs less than half, and what
            learnt from it can be looked at in the full size.
        grid: corners of the literature's, begun from the network with a learning rate at which Adam, begun
            anew, does not undo first what that has learnt.
    """

    size_px: int = 256
    divisor: int = 1
    training_steps: int = 600
    grid_steps: int = 40
    batch_size: int = 2
    crop_px: int = 128
    grid: Grid = field(default_factory=lambda: Grid((0.5, 2.0), (4.0, 400.0)))
    grid_learning_rate: float = 3e-4


WHOLE, QUICK = Scale(), Scale(128, 10, 10, 2, 1, 128)


@dataclass(frozen=True)
class Figure:
    """A figure of the literature: what it shows, and which study of ours answers it.

    Attributes:
        plan: key into ``plans.PLANS``. preset: of ``brushstream gatys``. marks: steps it is looked at after.
        faces: from the clip's person alone, with a painted face as style.
    """

    name: str
    title: str
    literature: str
    plan: str
    preset: str
    marks: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    faces: bool = False


FIGURES = (
    Figure(
        "tv",
        "Optimisation with total variation",
        "Adam at 0.01, 1,000 iterations from the content picture, content at conv4_2, five style layers at "
        "0.2, alpha 1 : beta 1000. A total variation weight of 10 and 100 smooths the grain away, and with "
        "it what the amplitude spectrum has far from its middle.",
        "tv",
        "adam-content-start",
        (200,),
        {"gammas": (0.0, 10.0, 100.0, 1e7, 1e8)},
    ),
    Figure(
        "iterations",
        "Number of iterations",
        "Most of the style is there after a hundred or two; what follows refines strokes, up to 1,000.",
        "iterations",
        "adam-content-start",
        (10, 30, 100, 300),
    ),
    Figure(
        "ratio",
        "Content against style weight",
        "Gatys et al. 2016, figure 4: alpha/beta from 1e-4 (painting, little photograph) to 1e-1 "
        "(photograph, little painting).",
        "ratio",
        "adam-content-start",
        (100,),
        {"ratios": (1.0, 0.1, 0.01, 0.001, 0.0001)},
    ),
    Figure(
        "seeds",
        "Random seed x iterations",
        "From white noise another seed gives another picture of the same look; the loss is the same.",
        "seeds",
        "gatys-2016",
        (10, 20, 30),
    ),
    Figure(
        "content-layers",
        "Content rebuilt from white noise",
        "Gatys et al. 2016, figure 1: lower layers give the photograph back almost whole; from layer four on "
        "outlines stay and exact pixels go.",
        "content-layers",
        "gatys-2016",
        (30,),
        {"layers": RELU},
    ),
    Figure(
        "style-layers",
        "Style rebuilt from white noise",
        "Gatys et al. 2016, figure 1: with each layer more the texture is matched on a larger scale, from "
        "coloured grain to whole strokes; where things stand in the painting is lost.",
        "style-layers",
        "gatys-2016",
        (30,),
        {"layers": RELU},
    ),
    Figure(
        "several-content-layers",
        "Several content layers",
        "Content on conv1_1 to conv5_1 at 0.5, 1, 1.5, 3 and 4, alpha 0.01, beta 1, Adam at 2.0 on pixels of "
        "0..255: the photograph stays sharper than with one layer.",
        "iterations",
        "multi-content",
        (30, 100, 200),
    ),
    Figure(
        "faces",
        "A face with another face as style",
        "A tempting use: put the style of one face on another. Here the clip's person with a face of the "
        "painting.",
        "iterations",
        "adam-content-start",
        (30, 100),
        faces=True,
    ),
)
