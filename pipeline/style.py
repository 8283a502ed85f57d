"""The style file: one ONNX model, weights inside, with its card as JSON in the model's metadata.

Input ``frame``: uint8 [1, H, W, 3], BGR; output ``stylized``: the same shape and type. H and W are
dynamic in the file and multiples of the card's ``size_multiple``; an engine pins them when it opens.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import StyleError

CARD_KEY = "brushstream.card"
CARD_FORMAT = 1
INPUT_NAME = "frame"
OUTPUT_NAME = "stylized"


@dataclass(frozen=True)
class Control:
    """A further input of the graph: a small float32 vector the user may turn.

    Attributes:
        name: the graph input's name.
        default: its value when nobody turns it; the length is the vector's.
        low, high: the range every entry must lie in.
    """

    name: str
    default: tuple[float, ...]
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class StyleCard:
    """What a style file says about itself.

    Attributes:
        name: the file's stem, what ``--style`` takes.
        title, artist, year, rights: of the artwork; empty or None where unknown.
        artwork_source: where the reproduction came from.
        network: the architecture's name, ``detail-64`` for example.
        parameters: number of weights.
        macs_per_pixel: multiply-accumulates for one output pixel.
        size_multiple: height and width fed to the graph must be multiples of this.
        brush_size_px: longest side, in pixels, of the painting during training; larger is a larger brush.
        recipe: every training setting that shaped the weights (weights of the loss terms, steps, ...).
        training_data: name, number of images and terms of the content photographs.
        versions: checkpoint format, exporter, torch, brushstream.
        parity: one report a runtime, measured at export (see ``export/parity.py``).
        evaluation: held-out figures, where they were measured.
        controls: further inputs of the graph.
    """

    name: str
    title: str = ""
    artist: str = ""
    year: int | None = None
    rights: str = ""
    artwork_source: str = ""
    network: str = ""
    parameters: int = 0
    macs_per_pixel: float = 0.0
    size_multiple: int = 1
    brush_size_px: int | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    training_data: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    parity: tuple[dict[str, Any], ...] = ()
    evaluation: dict[str, Any] = field(default_factory=dict)
    controls: tuple[Control, ...] = ()

    def to_json(self) -> str:
        """The card as one JSON object, with the format's number in ``format``."""
        return json.dumps({"format": CARD_FORMAT, **dataclasses.asdict(self)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "StyleCard":
        """Read a card; unknown keys of the same format are ignored, so that cards may grow.

        Raises:
            StyleError: not JSON, not a card, or written in a newer format.
        """
        try:
            raw = json.loads(text)
            form = int(raw["format"])
            name = str(raw["name"])
        except (ValueError, KeyError, TypeError) as error:
            raise StyleError(f"the style file's card is damaged ({error}); export the style again") from error
        if form > CARD_FORMAT:
            raise StyleError(
                f"style {name!r} has a card of format {form}, this version reads up to {CARD_FORMAT}; "
                "upgrade brushstream"
            )
        known = {f.name for f in dataclasses.fields(cls)}
        values = {key: value for key, value in raw.items() if key in known}
        try:
            values["controls"] = tuple(
                Control(**{**c, "default": tuple(c["default"])}) for c in raw.get("controls", ())
            )
            values["parity"] = tuple(raw.get("parity", ()))
            card = cls(**values)
        except (KeyError, TypeError) as error:
            raise StyleError(f"the card of style {name!r} is damaged ({error}); export it again") from error
        if not (isinstance(card.size_multiple, int) and 1 <= card.size_multiple <= 256):
            raise StyleError(
                f"style {name!r} asks for sizes in multiples of {card.size_multiple!r}; "
                "1 to 256 was expected: export it again"
            )
        return card
