"""A style file of several styles: rows by name, mixed by one engine."""

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from export.parity import sample_frames
from export.to_onnx import style_file_from_checkpoint
from pipeline import api
from pipeline.common.errors import StyleError, StyleNotFoundError
from pipeline.frame import Frame
from pipeline.live.controls import Settings
from pipeline.live.painter import Painter
from pipeline.live.pool import EnginePool
from pipeline.lookup import find_style
from pipeline.style import StyleFile, read_style
from pipeline.stylize.schedule import parse_schedule
from pipeline.stylize.scheduled import ScheduledStylizer
from pipeline.stylize.stylizer import Stylizer
from training import checkpoint as checkpoints
from training import networks
from training.checkpoint import Checkpoint
from training.feed_forward.style_weights import checkpoint_from_style_file
from training.networks import rows

pytestmark = [pytest.mark.xdist_group("export"), pytest.mark.slow]
FRAME = sample_frames((64, 96))[0]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = networks.build("hourglass-40", 3)
    for name, weight in network.named_parameters():
        weight.data = 1.0 + torch.randn_like(weight) / 2 if rows.is_table(name) else weight.data
    folder = tmp_path_factory.mktemp("many")
    styles = [{"name": name, "title": name.title()} for name in ("wave", "night", "photograph")]
    checkpoint = Checkpoint(
        "hourglass-40", network.state_dict(), {"encoder_padding": "reflect"}, styles=styles
    )
    checkpoints.save(folder / "gallery.safetensors", checkpoint)
    style_file_from_checkpoint(folder / "gallery.safetensors", folder / "gallery.onnx")
    return folder / "gallery.onnx"


def test_every_engine_showed_rows_and_a_mixture_at_export(gallery: Path) -> None:
    card = read_style(gallery).card
    assert [style["name"] for style in card.styles] == ["wave", "night", "photograph"]
    assert card.controls[0].default == (1.0, 0.0, 0.0)
    references = {str(report["reference"]) for report in card.parity if report["passed"]}
    assert references == {"torch, first row", "torch, last row", "torch, all rows"}


def test_another_mixture_needs_no_other_engine(gallery: Path) -> None:
    with api.open_style(gallery, engine="openvino", precision="fp32") as style:
        wave, night = style(FRAME), style(FRAME, mix={"night": 2.0})
        engine = next(iter(style._open.values()))
        half = style(FRAME, mix={"wave": 1.0, "night": 1.0})
        assert next(iter(style._open.values())) is engine
        assert len({picture.tobytes() for picture in (wave, night, half)}) == 3
    with api.open_style(f"{gallery}:night", engine="onnxruntime") as row:
        assert np.abs(row(FRAME).astype(int) - night.astype(int)).max() <= 1
    with api.open_style(f"{gallery}:wave*0.5+night*0.5", engine="onnxruntime") as mixture:
        assert np.abs(mixture(FRAME).astype(int) - half.astype(int)).max() <= 1


def test_names_tell_the_mixture(gallery: Path) -> None:
    row = find_style(f"{gallery}:night")
    assert (row.card.name, row.card.title, row.path) == ("night", "Night", gallery)
    mixture = find_style(f"{gallery}:wave*3+night").card
    assert (mixture.name, mixture.title) == ("wave-75+night-25", "75 % Wave + 25 % Night")
    assert mixture.controls[0].default == (0.75, 0.25, 0.0)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{}:dawn", StyleNotFoundError, "has no row 'dawn'; it has wave, night, photograph"),
        ("{}:wave*-1+night", StyleError, "shares of a mixture are 0 or more"),
        ("{}:wave*much", StyleError, "'much' is no share"),
        ("{}:wave+{}x:night", StyleError, "rows of one file can be mixed"),
        ("wave*0.5+nowhere", StyleNotFoundError, "no style file has the rows wave, nowhere together"),
        ("starry-night:wave", StyleError, "has one style and nothing to mix"),
    ],
)
def test_what_cannot_be_mixed_is_one_line(
    gallery: Path, text: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        find_style(text.format(gallery, gallery))
    assert "\n" not in str(caught.value)


def test_the_rows_come_out_of_the_file_again(gallery: Path) -> None:
    original = checkpoints.load(gallery.with_suffix(".safetensors"))
    taken = checkpoint_from_style_file(gallery)
    assert taken.styles == original.styles
    network = dataclasses.replace(original, network=taken.network).build_network()
    image, shares = torch.rand(1, 3, 64, 64), torch.tensor([0.2, 0.3, 0.5])
    with torch.no_grad():
        assert torch.allclose(network(image, shares), original.build_network()(image, shares), atol=2e-2)


def test_a_fade_between_rows_is_a_morph_by_one_engine(gallery: Path) -> None:
    schedule = parse_schedule("0:wave, 2:night@0.5", Fraction(2))
    styles = {name: find_style(f"{gallery}:{name}") for name in ("wave", "night")}
    with ScheduledStylizer(styles, schedule, (64, 96), start=Fraction(0), engine="onnxruntime") as stylizer:
        assert len(stylizer.engine_names) == 1
        middle = stylizer(Frame(FRAME, 3, 0.0, Fraction(3)))
    with api.open_style(gallery, engine="onnxruntime", strength=0.75) as style:
        expected = style(FRAME, mix={"wave": 1.0, "night": 1.0})
    assert np.abs(middle.astype(int) - expected.astype(int)).max() <= 1


def test_rows_of_one_file_share_an_engine_live(gallery: Path) -> None:
    styles = tuple(find_style(f"{gallery}:{name}") for name in ("wave", "night"))
    opened: list[str] = []

    def open_stylizer(style: StyleFile, size: tuple[int, int]) -> Stylizer:
        opened.append(style.card.name)
        return Stylizer(style, size, engine="onnxruntime")

    with Painter(EnginePool(styles, open_stylizer, lambda line: None)) as painter:
        painter.prepare((64, 96), Settings())
        shown = [painter(FRAME, Settings(style=style)) for style in (0, 1)]
        mixed = painter(FRAME, Settings(style=0, mix=(("wave", 0.5), ("night", 0.5))))
    assert opened == ["wave"]
    assert [painting.card.name for painting in shown] == ["wave", "night"]
    assert len({painting.result.tobytes() for painting in (*shown, mixed)}) == 3
