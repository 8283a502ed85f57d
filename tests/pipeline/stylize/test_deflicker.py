"""Still parts are calmed, moving parts stand as they are, a cut forgets everything."""

import itertools

import numpy as np
import pytest

from pipeline.frame import Pixels
from pipeline.stylize.deflicker import MOST, Deflicker

RANDOM = np.random.default_rng(3)


def noisy(level: int = 128, amount: int = 40) -> Pixels:
    noise = RANDOM.integers(-amount, amount + 1, (96, 128, 3))
    return np.clip(level + noise, 0, 255).astype(np.uint8)


def test_the_first_frame_stands() -> None:
    stylized = noisy()
    assert Deflicker()(noisy(), stylized) is stylized


def test_flicker_of_a_still_scene_falls() -> None:
    source, deflicker = noisy(), Deflicker()
    plain = [noisy() for _ in range(40)]
    calm = [deflicker(source, frame) for frame in plain]

    def flicker(frames: list[Pixels]) -> float:
        return float(np.mean([np.abs(a.astype(int) - b).mean() for a, b in itertools.pairwise(frames)]))

    # a first-order recursion with share a leaves (1 - a) / sqrt(1 - a^2) * sqrt(1 - a) of white flicker
    assert flicker(calm[10:]) < 0.3 * flicker(plain[10:])


def test_what_moves_is_not_blended() -> None:
    deflicker = Deflicker()
    before, after = np.full((96, 128, 3), 60, np.uint8), np.full((96, 128, 3), 60, np.uint8)
    after[:, 64:] = 90
    deflicker(before, np.zeros_like(before))
    result = deflicker(after, np.full_like(before, 200))
    assert (result[:, 72:] == 200).all()
    assert abs(int(result[:, :48].mean()) - 200 * (1 - MOST)) <= 1


def test_a_change_that_was_missed_fades_within_some_frames() -> None:
    source, deflicker = noisy(), Deflicker()
    deflicker(source, np.zeros((96, 128, 3), np.uint8))
    for _ in range(20):
        result = deflicker(source, np.full((96, 128, 3), 200, np.uint8))
    assert result.min() >= 196


def test_a_cut_shows_the_new_picture_alone() -> None:
    deflicker = Deflicker()
    deflicker(np.zeros((96, 128, 3), np.uint8), np.zeros((96, 128, 3), np.uint8))
    new = np.full((96, 128, 3), 200, np.uint8)
    assert deflicker(np.full((96, 128, 3), 255, np.uint8), new) is new


def test_another_size_and_a_reset_forget() -> None:
    deflicker = Deflicker()
    deflicker(noisy(), noisy())
    small = np.zeros((10, 3, 3), np.uint8)
    assert deflicker(small, small) is small
    deflicker.reset()
    frame = noisy()
    assert deflicker(noisy(), frame) is frame


def test_inputs_are_only_read() -> None:
    source, deflicker = noisy(), Deflicker()
    first, second = noisy(), noisy()
    copies = first.copy(), second.copy(), source.copy()
    deflicker(source, first)
    deflicker(source, second)
    assert all((a == b).all() for a, b in zip((first, second, source), copies, strict=True))


@pytest.mark.parametrize("most", [1.0, -0.1])
def test_a_share_that_would_freeze_is_refused(most: float) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        Deflicker(most)
