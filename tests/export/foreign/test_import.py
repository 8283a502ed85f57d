"""An imported style shows what the original network paints, within one grey level, or is not written."""

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from export.foreign import style_file
from export.foreign.recognise import recognise
from export.foreign.style_file import Provenance, originals_of, remembered, style_file_from_foreign
from export.parity import frames_for, measure_parity, sample_frames
from pipeline.cli import main
from pipeline.common.errors import OutputError
from pipeline.engines import parity_check
from pipeline.engines.ort import OnnxRuntimeEngine
from pipeline.engines.tensorrt.fp16 import to_fp16
from pipeline.frame import Pixels
from pipeline.style import StyleCard, StyleFile, read_style
from pipeline.stylize.stylizer import Stylizer
from tests.support import make_foreign

Capture = pytest.CaptureFixture[str]
Draw = Callable[[Pixels], Pixels]
SIZE = (32, 48)
WIDTH = 16
"""Of the generator: a sixteenth of the published one's work, in the same layers."""
GREY, SIGNED = (0.0, 255.0), (-1.0, 1.0)


@pytest.fixture(scope="module")
def johnson() -> nn.Module:
    return make_foreign.transformer_net()


@pytest.fixture(scope="module")
def examples_file(tmp_path_factory: pytest.TempPathFactory, johnson: nn.Module) -> Path:
    path = tmp_path_factory.mktemp("examples") / "no-such-layout.bin"
    torch.save(make_foreign.state_of(johnson), path)
    return path


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory, johnson: nn.Module) -> StyleFile:
    folder = tmp_path_factory.mktemp("zoo")
    source = make_foreign.save_onnx(folder / "mosaic-9.pth", make_foreign.zoo_model(johnson, SIZE))
    style_file_from_foreign(source, folder / "mosaic.onnx", Provenance("BSD-3-Clause"), sizes=[(40, 52)])
    return read_style(folder / "mosaic.onnx")


@pytest.fixture(scope="module")
def generator() -> nn.Module:
    return make_foreign.cycle_gan(6, dropout=True, width=WIDTH)


@pytest.fixture(scope="module")
def monet(tmp_path_factory: pytest.TempPathFactory, generator: nn.Module) -> StyleFile:
    folder = tmp_path_factory.mktemp("gan")
    torch.save(make_foreign.state_of(generator), folder / "latest_net_G.pth")
    known = Provenance("research only", "Water Lilies", "Claude Monet", 1906, "trained at home")
    style_file_from_foreign(folder / "latest_net_G.pth", folder / "monet.onnx", known, sizes=[(40, 52)])
    return read_style(folder / "monet.onnx")


def assert_same(style: StyleFile, original: Draw, sizes: list[tuple[int, int]]) -> None:
    """At most one grey level on every frame that is not exactly flat, and the picture is a picture."""
    for size in sizes:
        with OnnxRuntimeEngine(style.path, style.card, size) as engine:
            for frame in sample_frames(size)[:6]:
                wanted = original(frame)
                assert wanted.std() > 30
                assert np.abs(engine.infer(frame).astype(int) - wanted.astype(int)).max() <= 1


@pytest.mark.slow
def test_a_zoo_file_takes_every_size_and_equals_the_original(zoo: StyleFile, johnson: nn.Module) -> None:
    assert_same(zoo, make_foreign.drawing(johnson, *GREY), [(36, 68)])
    assert zoo.card.origin["layout"] == "onnx-zoo"
    compared = {(report["reference"], report["engine"].split()[0]) for report in zoo.card.parity}
    assert compared == set(itertools.product(("torch", "the imported file"), ("openvino", "onnxruntime")))


@pytest.mark.slow
def test_a_generator_equals_the_original(monet: StyleFile, generator: nn.Module) -> None:
    assert_same(monet, make_foreign.drawing(generator, *SIGNED), [(36, 68)])


@pytest.mark.slow
def test_the_card_tells_where_a_style_came_from(monet: StyleFile, generator: nn.Module) -> None:
    card, counted = monet.card, sum(p.numel() for p in generator.parameters())
    assert (card.name, card.title, card.artist, card.year) == ("monet", "Water Lilies", "Claude Monet", 1906)
    assert card.licence == "research only"
    assert card.origin["value_range"] == [-1.0, 1.0]
    assert (card.origin["channel_order"], card.origin["layout"]) == ("RGB", "cycle-gan")
    assert (card.origin["file"], card.origin["source"]) == ("latest_net_G.pth", "trained at home")
    assert len(card.origin["sha256"]) == 64
    assert (card.network, card.parameters, card.size_multiple) == ("cycle-gan-6", counted, 4)
    assert card.macs_per_pixel == pytest.approx(macs_of_six_blocks(WIDTH))


def macs_of_six_blocks(w: int) -> float:
    """By hand: the ends, two strided convolutions, twelve at a quarter, two transposed ones."""
    strided = w * 2 * w * 9 / 4 + 2 * w * 4 * w * 9 / 16
    transposed = 4 * w * 2 * w * 9 / 16 + 2 * w * w * 9 / 4
    return 2 * 3 * w * 49 + strided + 12 * (4 * w) ** 2 * 9 / 16 + transposed


@pytest.mark.slow
def test_the_command_writes_a_style_that_runs(
    tmp_path: Path, examples_file: Path, johnson: nn.Module, capsys: Capture
) -> None:
    target = tmp_path / "candy.onnx"
    arguments = ["import", str(examples_file), "-o", str(target), "--licence", "BSD-3-Clause"]
    assert main.run(arguments) == 0
    told = capsys.readouterr().out
    assert told.count("same picture") == 2
    assert "read as pytorch-examples, RGB in 0..255; licence: BSD-3-Clause" in told
    assert [path.name for path in tmp_path.iterdir()] == ["candy.onnx"]
    style = read_style(target)
    assert_same(style, make_foreign.drawing(johnson, *GREY), [(44, 64)])
    assert main.run(arguments) == 5
    assert "--overwrite" in capsys.readouterr().err
    picture = tmp_path / "photo.png"
    cv2.imwrite(str(picture), sample_frames((71, 105))[0])
    painting = ["image", str(picture), "-o", str(tmp_path / "out.png"), "--style", str(target)]
    assert main.run([*painting, "--engine", "onnxruntime"]) == 0
    assert cv2.imread(str(tmp_path / "out.png")).shape == (71, 105, 3)


@pytest.mark.slow
def test_the_fast_precision_is_used_or_the_line_says_why_not(monet: StyleFile) -> None:
    """With precision auto bf16 is used within its limits, or refused with figures and replaced by fp32."""
    with Stylizer(monet, (67, 101), engine="openvino") as stylizer:
        painted = stylizer(sample_frames((67, 101))[0])
        assert painted.shape == (67, 101, 3)
        assert stylizer.opened.parity is not None
        assert stylizer.opened.parity.passed
        if stylizer.opened.refused is not None:
            assert stylizer.opened.refused.engine.endswith("bf16")
            assert stylizer.info.precision == "fp32"
            assert "refused" in stylizer.describe()


def test_engines_are_not_compared_on_frames_that_have_no_one_picture() -> None:
    card = StyleCard("a", flat_is_rounding=True)
    compared = [*frames_for(card, (16, 24)), *parity_check.check_frames((64, 96), flat=False)]
    assert all(frame.std() > 0 for frame in compared)
    assert len(frames_for(StyleCard("a"), (16, 24))) == len(frames_for(card, (16, 24))) + 2
    few = parity_check.check_frames((64, 96), few=True, flat=False)
    assert len(parity_check.check_frames((64, 96), few=True)) == len(few) + 1


@pytest.mark.slow
def test_the_float16_rewriting_knows_its_operators(monet: StyleFile) -> None:
    import onnx

    model = onnx.load(monet.path)
    small = [w for w in model.graph.initializer if w.name.endswith("head.conv.weight")]
    small[0].CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(small[0]) / 64, small[0].name))
    to_fp16(model, {})
    onnx.checker.check_model(model)
    assert "Sigmoid" in {node.op_type for node in model.graph.node}


@pytest.mark.slow
def test_a_graph_that_paints_otherwise_is_found_out(
    tmp_path: Path, zoo: StyleFile, johnson: nn.Module
) -> None:
    """The same weights and layers, but zeros instead of reflections at one border."""
    model = make_foreign.zoo_model(johnson, SIZE)
    pad = [node for node in model.graph.node if node.op_type == "Pad"][1]
    next(a for a in pad.attribute if a.name == "mode").s = b"constant"
    found = recognise(make_foreign.save_onnx(tmp_path / "odd.onnx", model))
    torch_itself, the_file = originals_of(found, [SIZE])
    same = measure_parity(zoo.path, zoo.card, OnnxRuntimeEngine, torch_itself.draw, [SIZE])
    other = measure_parity(
        zoo.path, zoo.card, OnnxRuntimeEngine, the_file.draw, the_file.sizes, named=the_file.name
    )
    assert same.passed
    assert not other.passed
    assert "differs from the imported file" in str(other)


def test_a_frame_is_painted_once_for_all_engines() -> None:
    asked: list[Pixels] = []

    def draw(frame: Pixels) -> Pixels:
        asked.append(frame)
        return 255 - frame

    once, frame = remembered(draw), sample_frames((8, 8))[0]
    assert np.array_equal(once(frame), once(frame.copy()))
    assert len(asked) == 1
    assert once(frame.reshape(4, 16, 3)).shape == (4, 16, 3)


def test_the_terms_are_required(tmp_path: Path, examples_file: Path, capsys: Capture) -> None:
    target = tmp_path / "a.onnx"
    for terms in ([], ["--licence", "  "]):
        assert main.run(["import", str(examples_file), "-o", str(target), *terms]) == 2
        assert "--licence" in capsys.readouterr().err
    with pytest.raises(ValueError, match="terms of the network"):
        style_file_from_foreign(examples_file, target, Provenance(" "))
    assert not target.exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_terms_are_asked_for_on_a_terminal(
    tmp_path: Path, examples_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Provenance] = []

    def stop(_source: Path, _output: Path, known: Provenance, **_: object) -> None:
        asked.append(known)
        raise OutputError("far enough")

    monkeypatch.setattr(style_file, "style_file_from_foreign", stop)
    monkeypatch.setattr("sys.stdin", Terminal("MIT\n"))
    assert main.run(["import", str(examples_file), "-o", str(tmp_path / "a.onnx"), "--artist", "X"]) == 5
    assert asked == [Provenance("MIT", artist="X")]


def test_names_that_cannot_be_written(tmp_path: Path, examples_file: Path, capsys: Capture) -> None:
    terms = ["--licence", "MIT"]
    assert main.run(["import", str(examples_file), "-o", str(tmp_path / "a.pth"), *terms]) == 5
    assert ".onnx was expected" in capsys.readouterr().err
    source = tmp_path / "same.onnx"
    source.write_bytes(examples_file.read_bytes())
    assert main.run(["import", str(source), "-o", str(source), *terms, "-y"]) == 5
    assert "the file to import" in capsys.readouterr().err
    assert source.read_bytes() == examples_file.read_bytes()


def test_help_is_told_without_torch(capsys: Capture) -> None:
    assert main.run(["import", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--licence" in shown
    assert "Usage: brushstream import" in shown
