"""The losses against what the equations give by hand."""

import math

import pytest
import torch

from training.cycle.losses import (
    cloud_loss,
    cycle_loss,
    discriminator_loss,
    generator_loss,
    identity_loss,
)

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


def test_a_change_is_free_up_to_an_edge_and_dear_without_one() -> None:
    half = torch.zeros(1, 3, 32, 32)  # four cells of 8 px a row: one of three steps is the change's
    half[..., 16:] = 0.3
    even = torch.full((1, 3, 32, 32), 0.5)
    assert cloud_loss(even + half, even).item() == pytest.approx(2 * 0.3 / 3)
    edged = even + half
    assert cloud_loss(edged + half, edged).item() == pytest.approx(
        2 * 0.3 / 3 * math.exp(-10 * 0.3), rel=1e-4
    )
    assert cloud_loss(even + 0.2, even).item() == pytest.approx(0.0, abs=1e-6)


def test_fine_lines_are_no_clouds() -> None:
    lines = torch.zeros(1, 3, 32, 32)
    lines[..., ::4] = 0.4
    assert cloud_loss(lines + 0.2, torch.full_like(lines, 0.2)).item() == pytest.approx(0.0, abs=1e-6)
