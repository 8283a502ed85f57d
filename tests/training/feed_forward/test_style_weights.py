"""A style file's weights come back as they were trained."""

from pathlib import Path

import onnx
import pytest
import torch

from export.to_onnx import onnx_from_network, style_file_from_checkpoint, write_style_file
from pipeline.common.errors import CheckpointError
from pipeline.style import StyleCard
from training import checkpoint as checkpoints
from training import networks
from training.checkpoint import Checkpoint
from training.feed_forward.style_weights import bundled_start, checkpoint_from_style_file
from training.networks.folding import with_summable_taps


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hourglass", "hourglass-40", "johnson"])
def test_every_network_comes_back(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = networks.build(name)
    weights = {key: value + 0.02 * torch.randn(value.shape) for key, value in network.state_dict().items()}
    network.load_state_dict(weights)
    checkpoints.save(tmp_path / "style.safetensors", Checkpoint(name, weights))
    style_file_from_checkpoint(tmp_path / "style.safetensors", tmp_path / "style.onnx")
    again = checkpoint_from_style_file(tmp_path / "style.onnx")
    assert again.network_name == name
    assert again.network.keys() == weights.keys()
    for key, value in with_summable_taps(network).state_dict().items():
        torch.testing.assert_close(again.network[key], value, atol=2e-6, rtol=1e-5)


def test_the_bundled_start_can_be_taken_up() -> None:
    start = bundled_start("hourglass")
    assert start is not None
    assert checkpoint_from_style_file(start).network_name == "hourglass"
    assert bundled_start("johnson") is None


def test_what_is_no_style_file_is_refused_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no such file"):
        checkpoint_from_style_file(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(CheckpointError, match="not a whole ONNX file"):
        checkpoint_from_style_file(tmp_path / "text.onnx")
    onnx.save(onnx.ModelProto(ir_version=10), str(tmp_path / "bare.onnx"))
    with pytest.raises(CheckpointError, match="no style file of brushstream"):
        checkpoint_from_style_file(tmp_path / "bare.onnx")


@pytest.mark.slow
def test_a_network_whose_batch_norms_were_folded_is_refused_with_what_to_do(tmp_path: Path) -> None:
    model = onnx_from_network(networks.build("johnson-2016").eval())
    write_style_file(tmp_path / "a.onnx", model, StyleCard("a", network="johnson-2016", size_multiple=4))
    with pytest.raises(CheckpointError, match=r"'johnson-2016' cannot be taken up again; start from a"):
        checkpoint_from_style_file(tmp_path / "a.onnx")
