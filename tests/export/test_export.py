"""A style file shows what the network draws, or is not written."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from export import to_onnx
from export.parity import ParityReport, measure_parity, reference_from_network, require_parity, sample_frames
from pipeline.common.errors import OutputError, ParityError
from pipeline.engines.ort import OnnxRuntimeEngine
from pipeline.engines.ov import OpenVinoEngine
from pipeline.frame import Pixels
from pipeline.style import StyleCard, read_style
from tests.support.exported import Exported, random_network
from training import checkpoint as checkpoints
from training import networks
from training.networks.folding import FrameNetwork, ShuffledUpsample, TransposedUpsample, with_summable_taps
from training.networks.layers import UpsampleConv

pytestmark = pytest.mark.xdist_group("export")  # one style file serves them


@pytest.mark.parametrize("fold", [TransposedUpsample, ShuffledUpsample])
def test_one_convolution_equals_upsampling_and_convolving(fold: type[torch.nn.Module]) -> None:
    torch.manual_seed(0)
    source = UpsampleConv(5, 3)
    x = torch.randn(2, 5, 7, 9)
    assert torch.allclose(fold(source)(x), source(x), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_constant_picture_stays_constant_in_sixteen_bits(dtype: torch.dtype) -> None:
    """A norm would make a pattern of any difference between the four phases."""
    torch.manual_seed(0)
    trained = torch.nn.Sequential(UpsampleConv(32, 16))
    source = with_summable_taps(trained)[0]  # type: ignore[index]
    before, taps = trained[0].conv.weight.data, source.conv.weight.data
    assert ((taps - before).abs() <= before.abs().amax(dim=(2, 3), keepdim=True) / 64).all()
    folded = TransposedUpsample(source).requires_grad_(False)
    kernel = folded.deconv.weight.data
    assert torch.equal(kernel, kernel.to(dtype).float())
    drawn = folded(torch.randn(1, 32, 1, 1).expand(1, 32, 4, 4))
    assert float((drawn - drawn[:, :, :1, :1]).abs().max()) < 1e-5


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_frames_in_and_out_equal_the_network_on_images(name: str) -> None:
    network = random_network(name)
    frame = sample_frames((48, 72))[1]
    with torch.no_grad():
        folded = FrameNetwork(network, networks.value_range(network))(torch.from_numpy(frame)[None])[
            0
        ].numpy()
    difference = np.abs(folded.astype(int) - reference_from_network(network)(frame).astype(int))
    assert difference.max() <= 1
    assert difference.mean() < 0.01


@pytest.mark.slow
def test_upsampling_within_the_hourglass_becomes_transposed_convolutions() -> None:
    model = to_onnx.onnx_from_network(random_network("hourglass-40"))
    kernels = {t.name: tuple(t.dims)[2:] for t in model.graph.initializer}
    transposed = [node for node in model.graph.node if node.op_type == "ConvTranspose"]
    assert [kernels[node.input[1]] for node in transposed] == [(4, 4), (4, 4)]
    assert not {node.op_type for node in model.graph.node} & {"Resize", "Upsample"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["johnson-2016", "johnson-2016-resize"])
def test_a_batch_normed_network_with_a_tanh_shows_the_same_picture_in_the_engines(
    tmp_path: Path, name: str
) -> None:
    network = random_network(name)
    network.head.conv.weight.data *= 30  # type: ignore[union-attr, operator] - far into the tanh
    card = StyleCard("a", size_multiple=networks.size_multiple(network))
    model = to_onnx.onnx_from_network(network)
    assert not {node.op_type for node in model.graph.node} & {"BatchNormalization", "InstanceNormalization"}
    assert any(node.op_type == "Sigmoid" for node in model.graph.node)  # a tanh in grey levels
    to_onnx.write_style_file(tmp_path / "a.onnx", model, card)
    for engine in to_onnx.ENGINES_TO_MATCH:
        reference = reference_from_network(network)
        report = measure_parity(tmp_path / "a.onnx", card, engine, reference, sizes=((44, 72), (80, 48)))
        assert report.passed, str(report)
        assert reference(sample_frames((44, 72))[1]).std() > 20


def test_the_reference_keeps_the_channel_order() -> None:
    identity = torch.nn.Identity()
    frame = sample_frames((8, 8))[2]
    assert np.array_equal(reference_from_network(identity)(frame), frame)


@pytest.mark.slow
def test_a_style_file_is_whole_and_shows_the_network(exported: Exported) -> None:
    reports = exported.reports
    assert [r.engine.split()[0] for r in reports] == ["openvino", "onnxruntime"]
    assert all(r.passed and r.frames == 24 for r in reports)
    card = read_style(exported.path).card
    assert (card.name, card.artist, card.network, card.size_multiple) == (
        "nobody",
        "Nobody",
        "hourglass-80",
        8,
    )
    assert card.parameters == 634_531
    assert [p["mean"] for p in card.parity] == [r.mean for r in reports]
    assert [p.name for p in exported.path.parent.iterdir()] == ["nobody.onnx"]


@pytest.mark.slow
def test_any_multiple_runs_from_one_file(exported: Exported, checkpoint_file: Path) -> None:
    network = with_summable_taps(checkpoints.load(checkpoint_file).build_network())
    reference = reference_from_network(network)
    report = measure_parity(
        exported.path, exported.card, OpenVinoEngine, reference, sizes=((64, 40), (40, 200))
    )
    assert report.passed, str(report)


@pytest.mark.slow
def test_a_style_file_names_no_file_of_the_author(exported: Exported) -> None:
    content = exported.path.read_bytes()
    assert str(Path(__file__).parents[2]).encode() not in content
    assert b"site-packages" not in content


def broken(model: onnx.ModelProto, damage: str) -> onnx.ModelProto:
    head = next(n for n in reversed(model.graph.node) if n.op_type == "Conv")
    weights = {w.name: w for w in model.graph.initializer}
    if damage == "bias":  # one grey level brighter
        bias = weights[head.input[2]]
        bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(1.0), bias.name))
    if damage == "channels":  # red and blue swapped
        weight = weights[head.input[1]]
        values = numpy_helper.to_array(weight)
        swapped = values.reshape(3, -1, *values.shape[1:])[::-1].reshape(values.shape).copy()
        weight.CopyFrom(numpy_helper.from_array(swapped, weight.name))
    if damage == "nan":
        bias = weights[head.input[2]]
        bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) * np.float32(np.nan), bias.name))
    return model


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["bias", "channels", "nan"])
def test_a_broken_graph_is_not_written(
    tmp_path: Path, checkpoint_file: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    whole = to_onnx.onnx_from_network
    monkeypatch.setattr(to_onnx, "onnx_from_network", lambda network: broken(whole(network), damage))
    target = tmp_path / "nobody.onnx"
    target.write_bytes(b"the style that was there before")
    with pytest.raises(ParityError, match=r"ANOTHER PICTURE.*grey levels on average"):
        to_onnx.style_file_from_checkpoint(checkpoint_file, target)
    assert target.read_bytes() == b"the style that was there before"
    assert [p.name for p in tmp_path.iterdir()] == ["nobody.onnx"]


def test_a_report_fails_on_either_limit_and_on_nan() -> None:
    report = ParityReport("e", 0.05, 1.0, 3.0, 0.1, 1.0, 1)
    assert report.passed
    for bad in ({"mean": 0.11}, {"p999": 2.0}, {"mean": float("nan")}):
        values = {k: v for k, v in {**report.to_dict(), **bad}.items() if k != "passed"}
        failed = ParityReport(**values)
        assert not failed.passed
        with pytest.raises(ParityError, match=r"limit 0\.1"):
            require_parity([report, failed])


@pytest.mark.slow
def test_parity_measures_a_known_difference(exported: Exported, checkpoint_file: Path) -> None:
    """The style file against a reference two grey levels off."""
    draw = reference_from_network(with_summable_taps(checkpoints.load(checkpoint_file).build_network()))

    def two_off(frame: Pixels) -> Pixels:
        return np.where(draw(frame) > 127, draw(frame) - np.uint8(2), draw(frame) + np.uint8(2))

    report = measure_parity(exported.path, exported.card, OnnxRuntimeEngine, two_off, sizes=((32, 32),))
    assert report.mean == pytest.approx(2.0, abs=0.01)
    assert not report.passed


def test_an_output_folder_that_is_missing(tmp_path: Path, checkpoint_file: Path) -> None:
    with pytest.raises(OutputError, match=r"could not be written: the folder .*absent does not exist"):
        to_onnx.style_file_from_checkpoint(checkpoint_file, tmp_path / "absent" / "a.onnx")


@pytest.mark.slow
def test_a_card_too_is_checked_when_written(tmp_path: Path) -> None:
    model = to_onnx.onnx_from_network(random_network("hourglass-40"))
    to_onnx.write_style_file(tmp_path / "a.onnx", model, StyleCard("a", size_multiple=4))
    style = read_style(tmp_path / "a.onnx")
    with OnnxRuntimeEngine(style.path, style.card, (32, 48)) as engine:
        assert engine.infer(sample_frames((32, 48))[0]).shape == (32, 48, 3)
