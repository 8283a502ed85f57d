"""The style file: one ONNX model, weights inside, with its card as JSON in the model's metadata.

Input ``frame``: uint8 [1, H, W, 3], BGR; output ``stylized``: the same shape and type. H and W are
dynamic in the file and multiples of the card's ``size_multiple``; an engine pins them when it opens.

A style is named by its file's stem. Names are looked up in the user's folder first, then among the
bundled styles, so that a user may replace a bundled one. Beside the default network a style may have a
smaller one of the same name, in the subfolder ``fast`` of either.

The card is read with ``onnx``: 40 ms and 12 MB once for the import, 2 ms for a file of 2 MB. The
engines' own readers are no cheaper (OpenVINO hides the metadata, ONNX Runtime optimises the whole graph
to show it), and the choice of engine must not decide whether a card can be read.
"""

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
import platformdirs
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]

from pipeline.common.errors import StyleError, StyleNotFoundError

CARD_KEY = "brushstream.card"
CARD_FORMAT = 1
INPUT_NAME = "frame"
OUTPUT_NAME = "stylized"
STYLE_CONTROL = "style"
"""The control of a network of several styles: how much of each row is taken."""


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
        network: the architecture's name, ``hourglass`` for example.
        parameters: number of weights.
        macs_per_pixel: multiply-accumulates of the file's graph for one output pixel.
        size_multiple: height and width fed to the graph must be multiples of this.
        margin_px: the network draws a border of its own up to this wide; frames are extended by as much
            on every side before it and cropped after it.
        brush_size_px: longest side, in pixels, of the painting during training; larger is a larger brush.
        recipe: every training setting that shaped the weights (weights of the loss terms, steps, ...).
        training_data: name, number of images and terms of the content photographs.
        versions: checkpoint format, exporter, torch, brushstream.
        parity: one report a runtime, measured at export (see ``export/parity.py``).
        parity_limits: by precision, how far an engine's picture may lie from fp32: (mean, 99.9th
            percentile) in grey levels; what is missing here is in ``pipeline.engines.parity.LIMITS``.
        evaluation: held-out figures, where they were measured.
        controls: further inputs of the graph.
        styles: the artworks of a network of several, in the order of ``STYLE_CONTROL``.
        licence: terms of the network itself, where somebody else made it; empty for our own.
        origin: of an imported network: the format it came in, the file's name and sha256, its source, and
            the original's conventions (``value_range`` of black and white, ``channel_order``, layout).
        flat_is_rounding: of an exactly flat frame the network paints nothing but its own amplified
            rounding, another picture in every program, so that engines are not compared on such frames.
        int8: where the file holds an int8 graph too, the number of frames that it was calibrated on and
            NNCF's version.
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
    margin_px: int = 0
    brush_size_px: int | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    training_data: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    parity: tuple[dict[str, Any], ...] = ()
    parity_limits: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    controls: tuple[Control, ...] = ()
    styles: tuple[dict[str, Any], ...] = ()
    licence: str = ""
    origin: dict[str, Any] = field(default_factory=dict)
    flat_is_rounding: bool = False
    int8: dict[str, Any] = field(default_factory=dict)

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
            values["styles"] = tuple(dict(style, name=style["name"]) for style in raw.get("styles", ()))
            card = cls(**values)
        except (KeyError, TypeError) as error:
            raise StyleError(f"the card of style {name!r} is damaged ({error}); export it again") from error
        for what, value, low in (("size multiple", card.size_multiple, 1), ("margin", card.margin_px, 0)):
            if not (isinstance(value, int) and low <= value <= 256):
                raise StyleError(
                    f"style {name!r} has a {what} of {value!r} pixels; {low} to 256 was expected: export "
                    "it again"
                )
        return card


@dataclass(frozen=True)
class StyleFile:
    """A style file whose card was read and whose graph has the right input and output."""

    path: Path
    card: StyleCard

    @property
    def file_bytes(self) -> int:
        """The file's size in bytes."""
        return self.path.stat().st_size


def bundled_folder() -> Path:
    """The folder of the styles that come with Brushstream."""
    return Path(__file__).parent / "styles"


def user_folder() -> Path:
    """The folder in which a user's own style files are found by name. It need not exist."""
    return Path(platformdirs.user_data_dir("brushstream", appauthor=False)) / "styles"


def style_paths(folders: Sequence[Path] | None = None, quality: str = "best") -> dict[str, Path]:
    """Every ``NAME.onnx`` by name, sorted; of two with one name, the earlier folder's.

    Args:
        folders: where to look; None takes the user's folder, then the bundled one.
        quality: ``best``, or ``fast`` for the smaller networks.
    """
    found: dict[str, Path] = {}
    for folder in (user_folder(), bundled_folder()) if folders is None else folders:
        for path in (folder / "fast" if quality == "fast" else folder).glob("*.onnx"):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def translation_paths() -> dict[str, Path]:
    """Every bundled style of a pair trained between two folders of pictures, by name, sorted.

    They stand apart from the paintings: what goes through the paintings one after another leaves them out.
    """
    return style_paths([bundled_folder() / "cycle"])


def list_styles(
    folders: Sequence[Path] | None = None,
    on_damaged: Callable[[StyleError], None] | None = None,
    quality: str = "best",
) -> list[StyleFile]:
    """Read every style that can be found by name, sorted by name.

    Args:
        folders, quality: as for ``style_paths``.
        on_damaged: is told of a file that is no style, and the rest is listed; None raises.

    Raises:
        StyleError: a file is no style and ``on_damaged`` is None.
    """
    styles = []
    for path in style_paths(folders, quality).values():
        try:
            styles.append(read_style(path))
        except StyleError as error:
            if on_damaged is None:
                raise
            on_damaged(error)
    return styles


MAKE_ONE = "`brushstream import {0}` makes one of others' networks, `brushstream export` of our checkpoints"


def read_style(path: Path) -> StyleFile:
    """Read the card of one style file and check the graph's input and output; weights stay unread.

    Raises:
        StyleNotFoundError: no file is there.
        StyleError: not an ONNX file, no card, or a graph that is not frame in, frame out.
    """
    if not path.is_file():
        raise StyleNotFoundError(f"no style file at {path}; `brushstream styles` lists those found by name")
    model = _load(path)
    cards = [prop.value for prop in model.metadata_props if prop.key == CARD_KEY]
    if not cards:
        raise StyleError(f"{path} is an ONNX file without a Brushstream card; {MAKE_ONE.format(path)}")
    card = StyleCard.from_json(cards[0])
    _check_graph(path, model.graph, card)
    return StyleFile(path, card)


def metadata_of(path: Path) -> dict[str, str]:
    """What an ONNX file says of itself, by key. Raises StyleError where it is none."""
    return {entry.key: entry.value for entry in _load(path).metadata_props}


def _load(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, OSError) as error:
        raise StyleError(
            f"{path} cannot be read as a style ({error}); it may be truncated or no ONNX file"
        ) from error
    if not model.graph.node:
        raise StyleError(f"{path} is not a style file: no ONNX graph in it ({path.stat().st_size} bytes)")
    return model


def _check_graph(path: Path, graph: onnx.GraphProto, card: StyleCard) -> None:
    weights = {w.name for w in graph.initializer}
    inputs = {i.name: i for i in graph.input if i.name not in weights}
    outputs = {o.name: o for o in graph.output}
    for name, values in ((INPUT_NAME, inputs), (OUTPUT_NAME, outputs)):
        found = _describe(values[name]) if name in values else f"only {sorted(values)}"
        if found != "uint8 of rank 4":
            raise StyleError(f"{path} needs {name!r} as uint8 [1, H, W, 3], has {found}; export it again")
    controls = {c.name for c in card.controls}
    if set(inputs) - {INPUT_NAME} != controls:
        raise StyleError(
            f"{path} has inputs {sorted(inputs)}, its card names {sorted({INPUT_NAME, *controls})}; "
            "export it again"
        )


def _describe(value: onnx.ValueInfoProto) -> str:
    tensor = value.type.tensor_type
    kind = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    return f"{kind} of rank {len(tensor.shape.dim)}"
