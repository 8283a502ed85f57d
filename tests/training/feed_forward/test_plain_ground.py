"""Ground put beside photographs."""

import torch

from training.feed_forward.plain_ground import repetition_on_ground, with_plain_ground
from training.losses.repetition import repetition


def test_the_ground_covers_five_eighths_and_is_the_same_for_a_number() -> None:
    photos = torch.rand(2, 3, 64, 64)
    covered = with_plain_ground(photos, 3, (4, 5))
    assert torch.equal(covered[..., 40:], photos[..., 40:])
    assert covered[..., :40].diff(dim=-1).abs().mean() < 0.02
    assert torch.equal(with_plain_ground(photos[:1], 3, (5,))[..., :40], covered[1:, ..., :40])


def test_only_what_is_on_the_ground_counts() -> None:
    cells = 0.5 + 0.2 * torch.sin(torch.arange(256) * torch.pi / 8).expand(1, 3, 256, 256)
    plain = torch.full((1, 3, 256, 256), 0.5)
    beside = torch.cat([plain[..., :160], cells[..., 160:]], dim=-1)
    upon = torch.cat([cells[..., :160], plain[..., 160:]], dim=-1)
    assert float(repetition_on_ground(beside)) < 1e-3
    assert float(repetition_on_ground(upon)) > 0.5 * float(repetition(cells)) > 0.5
