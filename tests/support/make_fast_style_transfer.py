"""Networks of lengstrom's fast-style-transfer, randomly initialised, computed as TensorFlow defines it.

Written from the published program; nothing here is shared with ``export.foreign``, which is what it tests.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from pipeline.frame import Pixels

Variables = dict[str, NDArray[np.float32]]


def variables(widths: tuple[int, int, int] = (6, 8, 10), blocks: int = 2) -> Variables:
    """Kernel, shift and scale of each layer in the order in which the program makes them."""
    a, b, c = widths
    kernels = [(9, 9, 3, a), (3, 3, a, b), (3, 3, b, c), *[(3, 3, c, c)] * (2 * blocks)]
    kernels += [(3, 3, b, c), (3, 3, a, b), (9, 9, a, 3)]
    transposed = {len(kernels) - 3, len(kernels) - 2}
    rng = np.random.default_rng(4)
    found: list[NDArray[np.float32]] = []
    for place, shape in enumerate(kernels):
        channels = shape[2 if place in transposed else 3]
        found.append(rng.normal(0, 0.1, shape).astype(np.float32))
        found.append(rng.normal(0, 0.2, channels).astype(np.float32))
        found.append(rng.uniform(0.5, 1.0, channels).astype(np.float32))
    return {f"Variable_{i}" if i else "Variable": value for i, value in enumerate(found)}


def save(folder: Path, values: Variables) -> Path:
    """The folder as the program's converter writes it."""
    folder.mkdir()
    for name, value in values.items():
        (folder / name).write_bytes(value.astype("<f4").tobytes())
    manifest = {name: {"filename": name, "shape": list(value.shape)} for name, value in values.items()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def _same(x: Tensor, kernel: Tensor, stride: int) -> Tensor:
    """TensorFlow's convolution with SAME padding; ``kernel`` is (height, width, in, out)."""
    sides = []
    for length, size in ((x.shape[3], kernel.shape[1]), (x.shape[2], kernel.shape[0])):
        total = max((-(-length // stride) - 1) * stride + size - length, 0)
        sides += [total // 2, total - total // 2]
    return F.conv2d(F.pad(x, sides), kernel.permute(3, 2, 0, 1), stride=stride)


def _same_transposed(x: Tensor, kernel: Tensor) -> Tensor:
    """TensorFlow's definition: the gradient of the convolution that goes the other way."""
    wide = torch.zeros(1, kernel.shape[2], 2 * x.shape[2], 2 * x.shape[3], dtype=x.dtype, requires_grad=True)
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(_same(wide, kernel, 2), wide, x)
    return gradient


def _norm(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    mean = x.mean(dim=(2, 3), keepdim=True)
    variance = (x - mean).square().mean(dim=(2, 3), keepdim=True)
    return scale.view(-1, 1, 1) * (x - mean) / (variance + 1e-3).sqrt() + shift.view(-1, 1, 1)


def drawing(values: Variables) -> Callable[[Pixels], Pixels]:
    """The program itself on a BGR frame, in float64; rounded to the nearest grey level."""
    tensors = [torch.from_numpy(value).double() for value in values.values()]
    layers = [tensors[i : i + 3] for i in range(0, len(tensors), 3)]

    @torch.no_grad()
    def draw(pixels: Pixels) -> Pixels:
        x = torch.from_numpy(pixels[:, :, ::-1].copy()).permute(2, 0, 1)[None].double()
        left: Iterator[list[Tensor]] = iter(layers)
        for stride in (1, 2, 2):
            kernel, *norm = next(left)
            x = _norm(_same(x, kernel, stride), *norm).relu()
        for _ in range((len(layers) - 6) // 2):
            (kernel, *norm), (second, *second_norm) = next(left), next(left)
            y = _norm(_same(x, kernel, 1), *norm).relu()
            x = x + _norm(_same(y, second, 1), *second_norm)
        for _ in range(2):
            kernel, *norm = next(left)
            x = _norm(_same_transposed(x, kernel), *norm).relu()
        kernel, *norm = next(left)
        painted = _norm(_same(x, kernel, 1), *norm).tanh() * 150 + 255.0 / 2
        return painted[0].permute(1, 2, 0).round().clamp(0, 255).to(torch.uint8).numpy()[:, :, ::-1].copy()

    return draw
