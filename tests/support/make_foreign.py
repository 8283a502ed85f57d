"""Networks as other projects define and save them, randomly initialised: what imports must equal.

Written from the published architectures, layer by layer and under their key names; nothing here is shared
with ``export.foreign``, which is what they test.
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from pipeline.frame import Pixels


class Padded(nn.Module):
    """pytorch/examples' ConvLayer: key ``conv2d`` behind a reflection, and before it a doubling or none."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int = 1, doubled: bool = False) -> None:
        super().__init__()
        self.doubled = doubled
        self.pad = nn.ReflectionPad2d(kernel // 2)
        self.conv2d = nn.Conv2d(cin, cout, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        if self.doubled:
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return self.conv2d(self.pad(x))


class Residual(nn.Module):
    """pytorch/examples' ResidualBlock."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.in1 = Padded(channels, channels, 3), nn.InstanceNorm2d(channels, affine=True)
        self.conv2, self.in2 = Padded(channels, channels, 3), nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.in2(self.conv2(self.in1(self.conv1(x)).relu())) + x


class TransformerNet(nn.Module):
    """pytorch/examples fast_neural_style."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.in1 = Padded(3, 32, 9), nn.InstanceNorm2d(32, affine=True)
        self.conv2, self.in2 = Padded(32, 64, 3, 2), nn.InstanceNorm2d(64, affine=True)
        self.conv3, self.in3 = Padded(64, 128, 3, 2), nn.InstanceNorm2d(128, affine=True)
        for i in range(1, 6):
            setattr(self, f"res{i}", Residual(128))
        self.deconv1, self.in4 = Padded(128, 64, 3, doubled=True), nn.InstanceNorm2d(64, affine=True)
        self.deconv2, self.in5 = Padded(64, 32, 3, doubled=True), nn.InstanceNorm2d(32, affine=True)
        self.deconv3 = Padded(32, 3, 9)

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in ((self.conv1, self.in1), (self.conv2, self.in2), (self.conv3, self.in3)):
            x = norm(conv(x)).relu()
        for i in range(1, 6):
            x = getattr(self, f"res{i}")(x)
        x = self.in4(self.deconv1(x)).relu()
        return self.deconv3(self.in5(self.deconv2(x)).relu())


class ResnetBlock(nn.Module):
    """CycleGAN's residual block, numbered by its place."""

    def __init__(self, channels: int, dropout: bool) -> None:
        super().__init__()
        first = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
        second = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
        self.conv_block = nn.Sequential(*first, nn.ReLU(), *([nn.Dropout(0.5)] * dropout), *second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


def resnet_generator(blocks: int, *, dropout: bool = False, width: int = 64) -> nn.Module:
    """CycleGAN's ResnetGenerator; the sequence stands under ``model``."""
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7)]
    layers += [nn.InstanceNorm2d(width), nn.ReLU()]
    for channels in (width, 2 * width):
        layers.append(nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1))
        layers += [nn.InstanceNorm2d(2 * channels), nn.ReLU()]
    layers += [ResnetBlock(4 * width, dropout) for _ in range(blocks)]
    for channels in (4 * width, 2 * width):
        layers.append(nn.ConvTranspose2d(channels, channels // 2, 3, 2, padding=1, output_padding=1))
        layers += [nn.InstanceNorm2d(channels // 2), nn.ReLU()]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh()]
    return nn.Sequential(nn.Sequential(*layers)).eval()


def randomised(network: nn.Module, spread: float, centre: float = 0.0) -> nn.Module:
    """Weights under which no layer is trivial, and an output of mean ``centre``, deviation ``spread``.

    Fresh norms are 1 and 0, which would hide a mix-up, and a fresh last layer gives next to nothing, so
    that every picture would be the same black or grey.
    """
    for parameter in network.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    *_, last = (module for module in network.modules() if isinstance(module, nn.Conv2d))
    seen: list[Tensor] = []
    hook = last.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with torch.no_grad():
        network.eval()(torch.rand(1, 3, 64, 64) * 255)
        hook.remove()
        factor = spread / float(seen[0].std())
        last.weight.data *= factor
        assert last.bias is not None
        last.bias.data = last.bias.data * factor + centre
    return network


def transformer_net() -> nn.Module:
    """Paints between about 30 and 220."""
    torch.manual_seed(3)
    return randomised(TransformerNet(), 60.0, 128.0)


def cycle_gan(blocks: int, *, dropout: bool = False, width: int = 64) -> nn.Module:
    """Paints over the whole range; tanh is far from linear."""
    torch.manual_seed(3)
    return randomised(resnet_generator(blocks, dropout=dropout, width=width), 0.8)


def state_of(network: nn.Module) -> dict[str, Tensor]:
    """The state dict under the names its project saves; CycleGAN's sequence is called ``model``."""
    return {re.sub(r"^0\.", "model.", name): value.clone() for name, value in network.state_dict().items()}


def drawing(network: nn.Module, black: float, white: float) -> Callable[[Pixels], Pixels]:
    """The original as its own project would run it on a BGR frame; rounded to the nearest grey level."""

    @torch.no_grad()
    def draw(pixels: Pixels) -> Pixels:
        rgb = torch.from_numpy(pixels[:, :, ::-1].copy()).permute(2, 0, 1)[None].double()
        painted = network.double()(black + rgb / 255 * (white - black))
        grey = (painted[0].permute(1, 2, 0) - black) / (white - black) * 255
        network.float()
        return grey.round().clamp(0, 255).to(torch.uint8).numpy()[:, :, ::-1].copy()

    return draw


def zoo_model(network: nn.Module, size: tuple[int, int] | None = (64, 96)) -> onnx.ModelProto:
    """A TransformerNet as the ONNX model zoo holds it: opset 9, one size, weights among the inputs.

    Paddings are attributes, and the doublings are ``Upsample`` whose factors were computed from shapes.

    Args:
        size: (height, width) of input and output; None leaves them open.
    """
    writer = _ZooWriter(dict(network.state_dict()))
    x = "input1"
    for i in (1, 2, 3):
        x = writer.relu(writer.norm(writer.conv(x, f"conv{i}", 1 if i == 1 else 2), f"in{i}"))
    for i in range(1, 6):
        y = writer.relu(writer.norm(writer.conv(x, f"res{i}.conv1"), f"res{i}.in1"))
        x = writer.node("Add", [writer.norm(writer.conv(y, f"res{i}.conv2"), f"res{i}.in2"), x])
    for i in (1, 2):
        x = writer.relu(writer.norm(writer.conv(writer.doubled(x), f"deconv{i}"), f"in{3 + i}"))
    writer.conv(x, "deconv3", output="output1")
    return writer.model(("height", "width") if size is None else size)


class _ZooWriter:
    def __init__(self, state: dict[str, Tensor]) -> None:
        self.weights = {name: value.numpy() for name, value in state.items()}
        self.nodes: list[onnx.NodeProto] = []

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: object) -> str:
        output = output or str(len(self.nodes) + 100)
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def conv(self, x: str, name: str, stride: int = 1, output: str = "") -> str:
        weight = f"{name}.conv2d.weight"
        side = self.weights[weight].shape[-1]
        edge = side // 2
        x = self.node("Pad", [x], mode="reflect", pads=[0, 0, edge, edge, 0, 0, edge, edge])
        shape = {"kernel_shape": [side] * 2, "strides": [stride] * 2, "pads": [0] * 4}
        return self.node("Conv", [x, weight, f"{name}.conv2d.bias"], output, **shape)

    def norm(self, x: str, name: str) -> str:
        return self.node("InstanceNormalization", [x, f"{name}.weight", f"{name}.bias"], epsilon=1e-5)

    def relu(self, x: str) -> str:
        return self.node("Relu", [x])

    def doubled(self, x: str) -> str:
        factors = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32))
        one = self.node("Constant", [], value=numpy_helper.from_array(np.ones(4, np.float32)))
        scales = self.node("Mul", [self.node("Constant", [], value=factors), one])
        return self.node("Upsample", [x, scales], mode="nearest")

    def model(self, size: tuple[int | str, int | str]) -> onnx.ModelProto:
        pictures = [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, *size]) for n in ("input1", "output1")
        ]
        parameters = [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, v.shape) for n, v in self.weights.items()
        ]
        weights = [numpy_helper.from_array(value, name) for name, value in self.weights.items()]
        graph = helper.make_graph(
            self.nodes, "torch-jit-export", [pictures[0], *parameters], [pictures[1]], weights
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=3)


def save_onnx(path: Path, model: onnx.ModelProto) -> Path:
    """Write and return ``path``."""
    onnx.save(model, path)
    return path
