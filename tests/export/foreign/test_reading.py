"""Which files are read as which network, and which are refused, with one line that says why."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from torch import Tensor, nn

from export.foreign.recognise import recognise
from pipeline.cli import main
from pipeline.common.errors import CheckpointError, UnsafeCheckpointError
from pipeline.style import CARD_KEY
from tests.support import make_foreign

State = dict[str, Tensor]
WIDTH = 8


@pytest.fixture(scope="module")
def johnson() -> nn.Module:
    return make_foreign.transformer_net()


@pytest.fixture(scope="module")
def generator() -> nn.Module:
    return make_foreign.cycle_gan(6, width=WIDTH)


def painted(network: nn.Module, black: float, white: float) -> Tensor:
    image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(1)) * (white - black) + black
    with torch.no_grad():
        return network(image)


def assert_read_as(path: Path, original: nn.Module, layout: str) -> None:
    found = recognise(path)
    assert found.layout == layout
    wanted = painted(original, *found.value_range)
    span = found.value_range[1] - found.value_range[0]
    assert wanted.std() > 0.1 * span
    assert torch.allclose(painted(found.network, *found.value_range), wanted, atol=1e-3 * span)


def with_statistics(state: State, norms: str) -> State:
    """As PyTorch before 0.4 saved instance norms; the values must not matter."""
    found = {name.rpartition(".")[0]: value for name, value in state.items() if norms in name}
    extra = {f"{name}.running_mean": torch.randn(value.shape) for name, value in found.items()}
    return {**state, **extra, **{f"{name}.running_var": torch.rand(1) for name in found}}


EXAMPLES: dict[str, Callable[[State], Any]] = {
    "as today": lambda state: state,
    "old norms": lambda state: with_statistics(state, "in"),
    "DataParallel": lambda state: {f"module.{name}": value for name, value in state.items()},
    "beside an epoch": lambda state: {"epoch": 2, "state_dict": state},
    "in half precision": lambda state: {name: value.half() for name, value in state.items()},
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_checkpoints_of_pytorch_examples(tmp_path: Path, johnson: nn.Module, kind: str) -> None:
    path = tmp_path / "any.name"
    torch.save(EXAMPLES[kind](make_foreign.state_of(johnson)), path)
    if kind == "in half precision":
        johnson = copy.deepcopy(johnson).half().float()
    assert_read_as(path, johnson, "pytorch-examples")
    assert recognise(path).architecture == "johnson"


def test_the_old_file_format_and_safetensors(tmp_path: Path, johnson: nn.Module) -> None:
    torch.save(make_foreign.state_of(johnson), tmp_path / "a.model", _use_new_zipfile_serialization=False)
    save_file(make_foreign.state_of(johnson), tmp_path / "b")
    for name in ("a.model", "b"):
        assert_read_as(tmp_path / name, johnson, "pytorch-examples")


@pytest.mark.parametrize("blocks", [6, 9])
@pytest.mark.parametrize("dropout", [False, True])
def test_generators(tmp_path: Path, blocks: int, dropout: bool) -> None:
    original = make_foreign.cycle_gan(blocks, dropout=dropout, width=WIDTH)
    torch.save(make_foreign.state_of(original), tmp_path / "latest_net_G.pth")
    assert_read_as(tmp_path / "latest_net_G.pth", original, "cycle-gan")
    assert recognise(tmp_path / "latest_net_G.pth").architecture == f"cycle-gan-{blocks}"


def test_generators_with_old_norms_and_dataparallel(tmp_path: Path, generator: nn.Module) -> None:
    state = make_foreign.state_of(generator)
    old = {"model.2.running_mean": torch.ones(WIDTH), "model.2.running_var": torch.ones(WIDTH)}
    torch.save({f"module.{k}": v for k, v in {**state, **old}.items()}, tmp_path / "a.pth")
    assert_read_as(tmp_path / "a.pth", generator, "cycle-gan")


def test_generators_whose_norms_have_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    original = make_foreign.resnet_generator(6, width=WIDTH)
    for norm in [m for m in original.modules() if isinstance(m, nn.InstanceNorm2d)]:
        norm.register_parameter("weight", nn.Parameter(torch.ones(norm.num_features)))
        norm.register_parameter("bias", nn.Parameter(torch.zeros(norm.num_features)))
    make_foreign.randomised(original, 0.8)
    torch.save(make_foreign.state_of(original), tmp_path / "a.pth")
    assert_read_as(tmp_path / "a.pth", original, "cycle-gan")


@pytest.mark.parametrize("size", [(32, 48), None])
def test_zoo_files(tmp_path: Path, johnson: nn.Module, size: tuple[int, int] | None) -> None:
    path = make_foreign.save_onnx(tmp_path / "a.pth", make_foreign.zoo_model(johnson, size))
    assert_read_as(path, johnson, "onnx-zoo")
    run = recognise(path).run
    assert run is not None
    assert len(run.sizes) == (1 if size else 3)
    frame = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    wanted = make_foreign.drawing(johnson, 0, 255)(frame)
    assert np.abs(run.draw(frame).astype(int) - wanted.astype(int)).max() <= 1


class Trap:
    """Would leave a file behind if it were unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("kind", ["zip", "old", "pickle"])
def test_a_pickle_with_code_is_refused(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path, mark = tmp_path / "evil.onnx", tmp_path / "ran"
    if kind == "pickle":
        path.write_bytes(pickle.dumps({"a": Trap(mark)}, protocol=2))
    else:
        torch.save({"a": Trap(mark)}, path, _use_new_zipfile_serialization=kind == "zip")
    assert main.run(["import", str(path), "-o", str(tmp_path / "a.onnx"), "--licence", "MIT"]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert "holds more than weights" in line
    assert not mark.exists()
    assert not (tmp_path / "a.onnx").exists()
    with pytest.raises(UnsafeCheckpointError):
        recognise(path)


def test_a_whole_module_and_a_program_are_refused(tmp_path: Path) -> None:
    layer = nn.Conv2d(1, 1, 1)
    torch.save(layer, tmp_path / "module.pth")
    with pytest.raises(UnsafeCheckpointError, match=r"\(torch\.nn\.modules\.conv\.Conv2d\)"):
        recognise(tmp_path / "module.pth")
    torch.jit.trace(layer, torch.zeros(1, 1, 4, 4)).save(str(tmp_path / "script.pt"))
    with pytest.raises(UnsafeCheckpointError, match="TorchScript"):
        recognise(tmp_path / "script.pt")


@pytest.mark.parametrize("new_format", [True, False])
def test_truncated_files(tmp_path: Path, generator: nn.Module, new_format: bool) -> None:
    path = tmp_path / "a.pth"
    torch.save(make_foreign.state_of(generator), path, _use_new_zipfile_serialization=new_format)
    whole = path.read_bytes()
    for part in (0.02, 0.3, 0.9):
        path.write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(CheckpointError):
            recognise(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", bytes(1000), b"{" * 20])
def test_other_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"a\.pth"):
        recognise(tmp_path / "a.pth")


def test_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["import", str(tmp_path / "none.pth"), "-o", str(tmp_path / "a.onnx"), "--licence", "MIT"]
    assert main.run(arguments) == 4
    assert "cannot be read (No such file" in capsys.readouterr().err


def without(state: State, name: str) -> State:
    return {key: value for key, value in state.items() if key != name}


GENERATORS: dict[str, tuple[Callable[[State], Any], str]] = {
    "unknown": (
        lambda s: {"vgg.0.weight": torch.zeros(2, 3)},
        r"1 weights of no layout.*vgg\.0\.weight \(2, 3\).*can be imported: fast_neural_style.*CycleGAN",
    ),
    "no weights": (lambda s: {"epoch": 3}, "no table of named weights"),
    "ours": (lambda s: {"network.head.weight": torch.zeros(1)}, "`brushstream export` takes"),
    "missing": (lambda s: without(s, "model.23.bias"), r"almost.*cycle-gan, but lacks model\.23\.bias"),
    "surplus": (lambda s: {**s, "model.7.filt": torch.zeros(3)}, r"but has model\.7\.filt"),
    "batch norms": (
        lambda s: {**s, "model.2.weight": torch.ones(8), "model.2.running_mean": torch.ones(8)},
        "has batch norms",
    ),
    "shape": (
        lambda s: {**s, "model.4.weight": torch.zeros(16, 8, 4, 4)},
        r"shape \(16, 8, 4, 4\) where \(16, 8, 3, 3\)",
    ),
    "two": (lambda s: {"G_A": s, "G_B": s}, "2 networks are in this file"),
    "no numbers": (
        lambda s: {**s, "model.1.bias": torch.full((8,), torch.nan)},
        r"damaged.*no finite number",
    ),
}


@pytest.mark.parametrize("kind", GENERATORS)
def test_weights_of_other_layouts_say_what_was_found(tmp_path: Path, generator: nn.Module, kind: str) -> None:
    change, message = GENERATORS[kind]
    torch.save(change(make_foreign.state_of(generator)), tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=message):
        recognise(tmp_path / "a.pth")


def outside(model: onnx.ModelProto) -> None:
    onnx.external_data_helper.convert_model_to_external_data(model, location="weights.bin")
    for tensor in model.graph.initializer:
        tensor.ClearField("raw_data")


def halved(model: onnx.ModelProto) -> None:
    weight = model.graph.initializer[0]
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), weight.name))


def carded(model: onnx.ModelProto) -> None:
    onnx.helper.set_model_props(model, {CARD_KEY: "{}"})


def bent(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 33


def grey(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1


def unrunnable(model: onnx.ModelProto) -> None:
    next(node for node in model.graph.node if node.op_type == "Add").op_type = "NoSuchOperator"


def other(model: onnx.ModelProto) -> None:
    model.graph.node[1].op_type = "MatMul"


GRAPHS: dict[Callable[[onnx.ModelProto], None], str] = {
    outside: r"of its weights lie in another file \(weights\.bin\), which is not opened",
    halved: "no float32 constants",
    carded: "a Brushstream style already",
    bent: "made for 48x33, no multiple of 4",
    grey: r"one input of float \[1, 3, height, width\] was expected, got input1 \[1, 1, 32, 48\]",
    unrunnable: "ONNX Runtime cannot run this file",
    other: "an ONNX graph of no layout known here.*MatMul.*can be imported",
}


@pytest.mark.parametrize("change", GRAPHS, ids=lambda change: change.__name__)
def test_graphs_that_cannot_be_imported(
    tmp_path: Path, johnson: nn.Module, change: Callable[[onnx.ModelProto], None]
) -> None:
    model = make_foreign.zoo_model(johnson, (32, 48))
    change(model)
    path = tmp_path / "a.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(CheckpointError, match=GRAPHS[change]):
        recognise(path)
