"""The temporal term: known motions, known distances."""

import pytest
import torch
from torch import Tensor

from training.feed_forward import temporal
from training.feed_forward.temporal import Motion, draw_motion, second_frame, temporal_distance

SIDE = 48


def shifted(across: int, count: int = 1) -> Motion:
    axis = torch.arange(SIDE, dtype=torch.float32)
    place = torch.stack([axis.expand(SIDE, SIDE) + across, axis[:, None].expand(SIDE, SIDE)])
    grid = (place / ((SIDE - 1) / 2) - 1.0).expand(count, 2, SIDE, SIDE)
    return Motion(grid.permute(0, 2, 3, 1), (grid.abs() <= 1).all(dim=1, keepdim=True).float())


def noise(seed: int = 0, count: int = 1) -> Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def test_a_shift_moves_whole_pixels_exactly() -> None:
    image = noise()
    moved = shifted(5).apply(image)
    torch.testing.assert_close(moved[..., : SIDE - 5], image[..., 5:], atol=1e-4, rtol=0)


def test_a_network_that_moves_with_its_input_has_no_distance() -> None:
    image, motion = noise(), shifted(5)
    assert temporal_distance(image, motion.apply(image), motion) < 1e-6


def test_unrelated_pictures_of_one_kind_have_a_distance_of_two() -> None:
    still = shifted(0)
    assert float(temporal_distance(noise(1), noise(2), still)) == pytest.approx(2.0, rel=0.1)


def test_the_distance_is_relative_to_the_picture_s_contrast() -> None:
    still = shifted(0)
    strong = temporal_distance(noise(1), noise(2), still)
    pale = temporal_distance(noise(1) * 0.1, noise(2) * 0.1, still)
    assert float(pale) == pytest.approx(float(strong), rel=0.01)


def test_what_lies_outside_the_first_frame_does_not_count() -> None:
    image, motion = noise(), shifted(5)
    second = motion.apply(image)
    second[..., SIDE - 5 :] = 7.0
    assert temporal_distance(image, second, motion) < 1e-6
    second[..., SIDE - 6] = 7.0
    assert temporal_distance(image, second, motion) > 1.0


def test_the_gradient_reaches_both_results_and_rewards_no_loss_of_contrast() -> None:
    first, second = noise(1).requires_grad_(), noise(2).requires_grad_()
    temporal_distance(first, second, shifted(0)).backward()
    assert first.grad is not None
    assert second.grad is not None
    assert second.grad.abs().max() > 0
    along_contrast = (first.grad * first).sum() + (second.grad * second).sum()
    across = first.grad.norm() * first.norm()
    assert abs(float(along_contrast)) < 1e-4 * float(across)


def halves(values: Tensor) -> tuple[Tensor, Tensor]:
    """Every other value, and the others; those with the smaller largest one come first."""
    calm, stirred = sorted((values[::2], values[1::2]), key=lambda half: float(half.max()))
    return calm, stirred


def test_motions_repeat_with_their_seed_and_hold_their_bounds() -> None:
    one, same, other = (draw_motion(64, SIDE, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(one.grid, same.grid)
    assert not torch.equal(one.grid, other.grid)
    pixels = (one.grid.permute(0, 3, 1, 2) + 1.0) * ((SIDE - 1) / 2)
    axis = torch.arange(SIDE, dtype=torch.float32)
    flow = pixels - torch.stack([axis.expand(SIDE, SIDE), axis[:, None].expand(SIDE, SIDE)])
    assert flow.abs().max() <= temporal.LARGEST_SHIFT_PX + temporal.LARGEST_WARP_PX + 1e-3
    spread = flow.flatten(2).amax(2) - flow.flatten(2).amin(2)
    shifted_only, warped = halves(spread)
    assert (shifted_only < 1e-3).all()
    assert (warped > 0.5).any()
    assert (flow.flatten(1).abs().amax(1) < 1e-3).any()


def test_the_second_frame_is_a_picture_with_noise_of_the_stated_size() -> None:
    image = torch.full((8, 3, SIDE, SIDE), 0.5)
    drawn = second_frame(image, shifted(0, 8), torch.Generator().manual_seed(0))
    assert 0 <= drawn.min() <= drawn.max() <= 1
    deviations = drawn.std(dim=(1, 2, 3))  # the coded half has less: a codec takes noise away
    assert deviations.max() <= temporal.LARGEST_NOISE * 1.1
    means = drawn.mean(dim=(1, 2, 3))
    assert (means - 0.5).abs().max() <= 0.5 * temporal.LARGEST_GAIN * 1.1
    assert means.std() > 0.002


def test_the_ramp_starts_after_the_network_draws() -> None:
    factors = [temporal.weight_factor(step, 100) for step in range(101)]
    assert factors[:6] == [0.0] * 6
    assert factors[15] == pytest.approx(0.4)
    assert factors[30:] == [1.0] * 71


def quantizers(*steps: float) -> Tensor:
    return torch.tensor(steps).view(-1, 1, 1, 1)


def test_a_codec_leaves_multiples_of_its_step_in_every_block() -> None:
    step = 0.05
    flat = torch.full((1, 3, 16, 16), 0.437)
    coefficient = float(temporal.coded(flat, quantizers(step))[0, 0, 0, 0]) * temporal.BLOCK_PX
    assert coefficient / step == pytest.approx(round(0.437 * temporal.BLOCK_PX / step), abs=1e-4)
    ramp = torch.linspace(0.2, 0.8, 32).expand(1, 3, 32, 32)
    left = temporal.coded(ramp, quantizers(0.2))
    jumps = (left[0, 0, 0, 1:] - left[0, 0, 0, :-1]).abs()
    assert float(jumps[7::8].mean()) > 2 * float(jumps.mean())  # blocks show


def test_a_codec_changes_only_the_pictures_it_is_told_to() -> None:
    image = noise(count=3)[..., :41]  # no whole number of blocks
    left = temporal.coded(image, quantizers(0.0, 1e-4, 0.08))
    assert left.shape == image.shape
    assert torch.equal(left[0], image[0])
    assert 0 < float((left[1] - image[1]).abs().max()) < 1e-3
    assert float((left[2] - image[2]).abs().mean()) > 0.01
    assert torch.equal(temporal.coded(image, quantizers(0.0, 0.0, 0.0)), image)


def test_every_other_second_frame_is_coded() -> None:
    image = noise(count=64)
    drawn = second_frame(image, shifted(0, 64), torch.Generator().manual_seed(0))
    fine = (drawn - image).flatten(1).std(dim=1)
    noisy, coded = halves(fine)
    assert (noisy < 0.05).all()  # noise and gain alone
    assert float(coded.max()) > 0.05


def test_a_batch_of_one_meets_every_kind_of_second_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    was_coded = set()

    def look(image: Tensor, quantizer: Tensor) -> Tensor:
        was_coded.add(bool(quantizer > 0))
        return image

    monkeypatch.setattr(temporal, "coded", look)
    was_warped = set()
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        column = draw_motion(1, SIDE, generator).grid[0, :, 0, 0]
        was_warped.add(bool(column.std() > 1e-4))
        second_frame(noise(count=1), shifted(0, 1), generator)
    assert was_coded == was_warped == {False, True}
