"""Cells over plain ground, beside what is no cell."""

import torch

from training.losses.repetition import repetition


def waves(period_px: float, side: int = 192) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    turn = 2 * torch.pi / period_px
    return (0.5 + 0.2 * torch.sin(turn * (x + y)) * torch.sin(turn * (x - y))).expand(1, 3, side, side)


def noise(side: int = 192) -> torch.Tensor:
    grain = torch.randn(1, 1, side // 8, side // 8, generator=torch.Generator().manual_seed(0))
    return 0.5 + 0.2 * torch.nn.functional.interpolate(grain, size=side, mode="bicubic").expand(1, 3, -1, -1)


def test_a_repeated_cell_is_told_from_noise_and_from_plain_ground() -> None:
    assert float(repetition(waves(16.0))) > 2.0
    assert float(repetition(noise())) < 0.1
    assert float(repetition(torch.full((1, 3, 128, 128), 0.4))) < 1e-3


def test_cells_count_among_strokes_and_grain_of_3_px_does_not() -> None:
    mixed = (waves(16.0) + noise()) / 2
    assert float(repetition(noise())) < float(repetition(mixed)) < float(repetition(waves(16.0)))
    assert float(repetition(waves(3.0) * 0.1 + noise())) < 0.1


def test_descent_takes_cells_away() -> None:
    image = (waves(16.0, 96) + 0.1 * noise(96)).clone().requires_grad_(True)
    before = repetition(image)
    before.backward()
    assert image.grad is not None
    after = repetition(image - 0.05 * image.grad / image.grad.abs().max())
    assert after < before


def test_small_pictures_have_a_value_too() -> None:
    assert torch.isfinite(repetition(torch.rand(2, 3, 40, 56)))
