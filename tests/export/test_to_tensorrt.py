"""What can be known of TensorRT engines without a GPU: the graph behind them, and the command line."""

from pathlib import Path

import pytest
import torch
import typer

from export import to_onnx
from export.cli import export
from pipeline.common.adapters import is_installed
from pipeline.common.errors import MissingPackageError
from pipeline.engines.ort import OnnxRuntimeEngine
from pipeline.engines.parity import LIMITS, compare
from pipeline.engines.parity_check import check_frames
from pipeline.engines.tensorrt import fp16
from pipeline.style import StyleCard, StyleFile
from training import networks

SIZE = (64, 96)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hourglass", "johnson"])
def test_the_networks_survive_the_float16_rewriting(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = networks.build(name).eval()
    card = StyleCard(name, size_multiple=networks.size_multiple(network))
    whole, rewritten = tmp_path / f"{name}.onnx", tmp_path / "fp16.onnx"
    to_onnx.write_style_file(whole, to_onnx.onnx_from_network(network), card)
    rewritten.write_bytes(fp16.typed_graph(whole, SIZE, fp16=True)[0])
    with OnnxRuntimeEngine(rewritten, card, SIZE) as a, OnnxRuntimeEngine(whole, card, SIZE) as b:
        frames = check_frames(SIZE)
        report = compare(a.infer, b.infer, frames, names=("half", "float"), limits=LIMITS["fp16"])
    assert report.passed, str(report)


def test_the_command_wants_a_size_and_takes_no_output(invert_style: StyleFile) -> None:
    with pytest.raises(typer.BadParameter, match="needs --size"):
        export.export(invert_style.path, tensorrt=True)
    with pytest.raises(typer.BadParameter, match="leave -o out"):
        export.export(invert_style.path, Path("a.onnx"), tensorrt=True, size="64x64")
    with pytest.raises(typer.BadParameter, match="fp16 or fp32 was expected"):
        export.export(invert_style.path, tensorrt=True, size="64x64", precision="int8")
    with pytest.raises(typer.BadParameter, match="go with --tensorrt"):
        export.export(invert_style.path, size="64x64")


def test_without_the_package_the_command_names_the_extra(invert_style: StyleFile) -> None:
    if is_installed("tensorrt"):
        pytest.skip("tensorrt is installed")
    with pytest.raises(MissingPackageError, match=r"pip install 'brushstream\[tensorrt\]'"):
        export.export(invert_style.path, tensorrt=True, size="64x64")
