"""Adam and Muon driven as one."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from training import networks
from training.feed_forward.optimizer import Optimizer

RATE = 0.01


def network(layout: torch.memory_format = torch.channels_last) -> nn.Module:
    torch.manual_seed(0)
    return networks.build("hourglass-40").to(memory_format=layout)  # type: ignore[call-overload, no-any-return]


def loss_of(model: nn.Module) -> Tensor:
    image = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    loss: Tensor = (model(image) - image.flip(1)).square().mean()
    return loss


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.named_parameters()}


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_muon_makes_hidden_convolutions_take_orthogonal_steps_and_adam_the_rest(layout: Any) -> None:
    model = network(layout)
    before = weights(model)
    optimizer = Optimizer(model, "muon", RATE)
    optimizer.step(loss_of(model))
    orthogonal = []
    for name, value in weights(model).items():
        step = value - before[name]
        if value.ndim == 4 and len(value) > 3:
            matrix = step.flatten(1)
            singular = torch.linalg.svdvals(matrix) / (RATE * 0.2 * max(matrix.shape) ** 0.5)
            assert 0.5 < float(singular.median()) < 1.5, name  # Newton-Schulz: 1 give or take
            orthogonal.append(name)
        else:
            assert float(step.abs().max()) <= RATE * 1.01, name  # Adam's first step: its rate, or less
            painting = name.startswith("head") and value.ndim == 4
            assert not painting or float(step.abs().median()) == pytest.approx(RATE, rel=0.01)
    assert len(orthogonal) >= 4
    assert not any(name.startswith("head") for name in orthogonal)


def test_adam_alone_is_adam() -> None:
    ours, theirs = network(), network()
    optimizer, adam = Optimizer(ours, "adam", RATE), torch.optim.Adam(theirs.parameters(), RATE)
    for _ in range(3):
        optimizer.step(loss_of(ours))
        adam.zero_grad()
        loss_of(theirs).backward()
        adam.step()
    assert all(torch.equal(value, weights(theirs)[name]) for name, value in weights(ours).items())


@pytest.mark.parametrize("kind", ["adam", "muon"])
def test_its_state_comes_back(kind: str) -> None:
    whole, cut = network(), network()
    optimizer, first = Optimizer(whole, kind, RATE), Optimizer(cut, kind, RATE)
    for _ in range(2):
        optimizer.step(loss_of(whole))
        first.step(loss_of(cut))
    second = Optimizer(cut, kind, RATE)
    second.restore(first.state())
    for _ in range(2):
        optimizer.step(loss_of(whole))
        second.step(loss_of(cut))
    assert all(torch.equal(value, weights(cut)[name]) for name, value in weights(whole).items())


def test_the_learning_rate_reaches_every_part() -> None:
    model = network()
    before = weights(model)
    optimizer = Optimizer(model, "muon", RATE)
    optimizer.set_learning_rate(0.0)
    optimizer.step(loss_of(model))
    assert all(torch.equal(value, before[name]) for name, value in weights(model).items())


def test_clipping_reaches_the_matrices() -> None:
    model = network()
    optimizer = Optimizer(model, "muon", RATE)
    optimizer.step(loss_of(model), clip_norm=1e-3)
    norm = torch.stack([p.grad.norm() for p in model.parameters() if p.grad is not None]).norm()
    assert float(norm) == pytest.approx(1e-3, rel=1e-3)
    seen = optimizer.state()
    buffers = [value for key, value in seen.items() if key.endswith("momentum_buffer")]
    assert buffers
    assert max(float(buffer.norm()) for buffer in buffers) <= 1e-3


def test_the_loss_scale_comes_back_with_the_state() -> None:
    model = network()
    first, second = Optimizer(model, "muon", RATE, fp16=True), Optimizer(network(), "muon", RATE, fp16=True)
    first.step(loss_of(model) * float("inf"))  # overflows: the step is left out, the scale halved
    before = weights(model)
    second.restore(first.state())
    assert second.state()["scaler.scale"] == first.state()["scaler.scale"] == 2.0**15
    assert all(torch.equal(value, before[name]) for name, value in weights(network()).items())
    assert not any(key.startswith("scaler") for key in Optimizer(model, "adam", RATE).state())
