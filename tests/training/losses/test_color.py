"""Luma and histograms."""

import pytest
import torch

from training.losses import color

YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])


def test_luma_of_gray_is_that_gray_and_green_weighs_most() -> None:
    assert color.luma(torch.full((1, 3, 2, 2), 0.4)).flatten().tolist() == pytest.approx([0.4] * 4)
    primaries = torch.eye(3).view(3, 3, 1, 1)
    assert color.luma(primaries).flatten().tolist() == pytest.approx([0.299, 0.587, 0.114])
    assert color.gray(primaries).shape == (3, 3, 1, 1)


def test_a_new_luma_leaves_hue_as_it_is() -> None:
    colors = 0.3 + 0.3 * torch.rand(1, 3, 4, 4)
    wanted = 0.4 + 0.1 * torch.rand(1, 1, 4, 4)
    found = color.with_luma(colors, wanted)
    before, after = (torch.einsum("kc,ncij->nkij", YIQ, image) for image in (colors, found))
    assert torch.allclose(after[:, :1], wanted, atol=1e-5)
    assert torch.allclose(after[:, 1:], before[:, 1:], atol=1e-4)
    assert color.with_luma(colors, torch.full((1, 3, 4, 4), 3.0)).max() == 1.0


def test_a_matched_histogram_is_the_reference_in_the_old_order() -> None:
    values = torch.tensor([[5.0, 1.0, 3.0, 2.0]])
    reference = torch.tensor([10.0, 40.0, 20.0, 30.0])
    assert color.match_histogram(values, reference).tolist() == [[40.0, 10.0, 30.0, 20.0]]


def test_equal_values_stay_equal_and_sizes_may_differ() -> None:
    matched = color.match_histogram(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.linspace(0, 1, 101))
    assert matched.tolist() == pytest.approx([0.25, 0.25, 0.75, 0.75], abs=0.01)
    assert color.match_histogram(torch.zeros(5), torch.tensor([0.0, 1.0])).tolist() == [0.5] * 5
