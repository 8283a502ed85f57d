"""The losses against what the equations give by hand."""

import math

import pytest
import torch

from training.cycle.losses import cycle_loss, discriminator_loss, generator_loss, identity_loss

HALVES = [torch.full((2, 1, 3, 3), 0.5), torch.full((2, 1, 1, 1), 0.5)]
ZEROS = [torch.zeros(2, 1, 3, 3), torch.zeros(2, 1, 1, 1)]


def test_a_discriminator_at_chance() -> None:
    assert discriminator_loss(HALVES, HALVES, "least-squares").item() == pytest.approx(0.25)
    assert discriminator_loss(ZEROS, ZEROS, "log").item() == pytest.approx(math.log(2))


def test_equation_1_is_minus_the_logarithms() -> None:
    real, fake = torch.tensor([[[[1.3]]]]), torch.tensor([[[[-0.4]]]])
    d_real, d_fake = 1 / (1 + math.exp(-1.3)), 1 / (1 + math.exp(0.4))
    expected = -(math.log(d_real) + math.log(1 - d_fake)) / 2
    assert discriminator_loss([real], [fake], "log").item() == pytest.approx(expected)
    assert generator_loss([fake], "log").item() == pytest.approx(-math.log(d_fake))


def test_least_squares_are_zero_where_the_scores_are_right() -> None:
    ones = [torch.ones_like(scores) for scores in ZEROS]
    assert discriminator_loss(ones, ZEROS, "least-squares").item() == 0.0
    assert discriminator_loss(ZEROS, ones, "least-squares").item() == pytest.approx(1.0)
    assert generator_loss(ones, "least-squares").item() == 0.0
    assert generator_loss(ZEROS, "least-squares").item() == pytest.approx(1.0)


def test_every_head_counts_the_same_whatever_its_size() -> None:
    mixed = [torch.ones(1, 1, 8, 8), torch.zeros(1, 1, 1, 1)]
    assert generator_loss(mixed, "least-squares").item() == pytest.approx(0.5)


@pytest.mark.parametrize("form", ["least-squares", "log"])
def test_a_generator_is_driven_towards_real(form: str) -> None:
    scores = torch.zeros(1, 1, 2, 2, requires_grad=True)
    generator_loss([scores], form).backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None
    assert (scores.grad < 0).all()


def test_distances_between_images_are_in_the_papers_range() -> None:
    black, grey = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.25)
    for loss in (cycle_loss, identity_loss):
        assert loss(grey, black).item() == pytest.approx(0.5)  # -1 against -0.5
        assert loss(black, black).item() == 0.0
