"""Augmentation: random, the same for whoever draws the same, and with gradients."""

import pytest
import torch

from training.cycle.augmentation import KINDS, drawn


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_change_and_gradients_pass(kind: str) -> None:
    image = torch.rand(4, 3, 32, 32, requires_grad=True)
    augment = drawn((kind,), 4, torch.Generator().manual_seed(3))
    changed = augment(image)
    assert changed.shape == image.shape
    assert not torch.equal(changed, image)
    assert torch.equal(changed, augment(image))
    changed.sum().backward()  # type: ignore[no-untyped-call]
    assert image.grad is not None
    assert image.grad.abs().sum() > 0


def test_no_kind_leaves_pictures_alone() -> None:
    image = torch.rand(2, 3, 8, 8)
    assert drawn((), 2, torch.Generator())(image) is image


def test_shares_of_a_batch_are_augmented_as_the_batch_is() -> None:
    image = torch.rand(4, 3, 16, 16)
    whole = drawn(KINDS, 4, torch.Generator().manual_seed(5))(image)
    parts = [
        drawn(KINDS, 4, torch.Generator().manual_seed(5), share)(image[share])
        for share in (slice(0, 2), slice(2, 4))
    ]
    assert torch.allclose(whole, torch.cat(parts))


def test_translation_reflects_at_the_edge() -> None:
    image = torch.arange(16.0).view(1, 1, 16, 1).expand(1, 3, 16, 16).contiguous()
    moved = drawn(("translation",), 1, torch.Generator().manual_seed(1))(image)
    assert set(moved.unique().tolist()) <= set(range(16))
    steps = moved[0, 0, 1:, 0] - moved[0, 0, :-1, 0]
    assert set(steps.abs().tolist()) == {1.0}


def test_a_cut_is_grey_and_no_larger_than_it_should_be() -> None:
    cut = drawn(("cutout",), 8, torch.Generator().manual_seed(1))(torch.ones(8, 3, 20, 20))
    assert set(cut.unique().tolist()) == {0.5, 1.0}
    assert (cut[:, 0] == 0.5).sum(dim=(1, 2)).max() <= 8 * 8
