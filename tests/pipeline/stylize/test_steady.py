"""Flicker is calmed along the motion; what comes into sight stands as painted; a cut forgets everything."""

import itertools

import cv2
import numpy as np
import pytest

from pipeline.frame import Pixels
from pipeline.stylize.steady import MOST, Steady

HEIGHT, WIDTH = 240, 320


def textured(seed: int, height: int = HEIGHT, width: int = WIDTH) -> Pixels:
    """Smooth spots of all colours, which flow can follow."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def noisy(pixels: Pixels, seed: int, amount: int = 30) -> Pixels:
    noise = np.random.default_rng(seed).integers(-amount, amount + 1, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def with_square(ground: Pixels, square: Pixels, x: int, y: int = 80) -> Pixels:
    frame = ground.copy()
    frame[y : y + square.shape[0], x : x + square.shape[1]] = square
    return frame


def shown(steady: Steady, source: Pixels, stylized: Pixels, begins: bool = False) -> Pixels:
    steady.carry(steady.follow(source, begins))
    return steady.blend(stylized)


def difference(a: Pixels, b: Pixels) -> np.ndarray:
    return np.abs(a.astype(int) - b)


def test_the_first_frame_stands() -> None:
    stylized = textured(1)
    assert shown(Steady(), textured(2), stylized) is stylized


def test_flicker_of_a_noisy_still_falls() -> None:
    ground, steady = textured(1), Steady()
    plain = [cv2.addWeighted(textured(2), 0.8, textured(3 + seed), 0.2, 0) for seed in range(20)]
    calm = [shown(steady, noisy(ground, seed, 3), frame) for seed, frame in enumerate(plain)]

    def flicker(frames: list[Pixels]) -> float:
        return float(np.mean([difference(a, b).mean() for a, b in itertools.pairwise(frames[5:])]))

    assert flicker(calm) < 0.5 * flicker(plain)


def test_the_picture_moves_with_its_source() -> None:
    """What was painted before is found again where the source went, though nothing new is like it."""
    wide, before = textured(1, width=WIDTH + 32), textured(2, width=WIDTH + 32)
    steady, gray = Steady(), np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    shown(steady, wide[:, 8 : 8 + WIDTH], before[:, 8 : 8 + WIDTH])
    result = shown(steady, np.ascontiguousarray(wide[:, :WIDTH]), gray)
    expected = MOST * before[:, :WIDTH].astype(float) + (1 - MOST) * gray
    inner = (slice(16, -16), slice(24, -24))
    error = np.abs(expected[inner] - result[inner])
    assert np.median(error) < 3
    unmoved = MOST * before[:, 8 : 8 + WIDTH].astype(float) + (1 - MOST) * gray
    assert np.mean(error) < 0.2 * np.mean(np.abs(unmoved[inner] - result[inner]))


def test_a_square_that_moves_leaves_no_ghost() -> None:
    """Painted as itself it comes out as itself: where it was there is ground, and it is whole where it is."""
    ground, square, steady = textured(1), 255 - textured(5, 64, 64), Steady()
    for x in range(40, 200, 8):
        frame = with_square(ground, square, x)
        result = shown(steady, frame, frame)
        wrong = difference(frame, result).max(axis=2)
        assert np.mean(wrong > 24) < 0.01
        assert np.median(wrong[84:140, x + 4 : x + 60]) < 8


def test_what_comes_into_sight_is_not_smeared() -> None:
    """Behind a bright square that moves on, the ground is as it is painted now."""
    ground, steady = textured(1), Steady()
    square = np.full((64, 64, 3), 255, np.uint8)
    black = np.zeros_like(ground)
    for x in range(40, 160, 12):
        source, stylized = with_square(ground, square, x), with_square(black, square, x)
        result = shown(steady, source, stylized)
        uncovered = result[84:140, x - 10 : x - 3]
        assert np.mean(uncovered > 40) < 0.1


def test_a_change_that_was_missed_fades_within_some_frames() -> None:
    ground, steady = textured(1), Steady()
    shown(steady, ground, np.zeros_like(ground))
    for _ in range(12):
        result = shown(steady, ground, np.full_like(ground, 200))
    assert result.min() >= 196


def test_a_cut_shows_the_new_picture_alone() -> None:
    steady, new = Steady(), textured(3)
    shown(steady, textured(1), textured(2))
    assert shown(steady, textured(1), new, begins=True) is new
    other = np.full_like(new, 77)
    assert difference(shown(steady, 255 - textured(9), other), other).mean() < 8  # not told, hardly trusted


def test_blending_stays_sharp() -> None:
    steady, ground = Steady(), textured(1)
    frames = [noisy(textured(2), seed) for seed in range(12)]
    results = [shown(steady, ground, frame) for frame in frames]
    detail = [cv2.Laplacian(frame, cv2.CV_32F).var() for frame in (frames[-1], results[-1])]
    assert detail[1] > 0.6 * detail[0]


def test_following_ahead_changes_nothing() -> None:
    frames = [textured(1, width=WIDTH + 40)[:, x : x + WIDTH].copy() for x in range(0, 40, 8)]
    alone, ahead = Steady(), Steady()
    one_by_one = [shown(alone, frame, 255 - frame) for frame in frames]
    motions = [ahead.follow(frame) for frame in frames]
    for frame, motion, expected in zip(frames, motions, one_by_one, strict=True):
        ahead.carry(motion)
        np.testing.assert_array_equal(ahead.blend(255 - frame), expected)


@pytest.mark.parametrize("size", [(1, 1), (10, 3), (3, 200), (200, 3), (37, 61), (64, 48), (720, 16)])
def test_any_size_will_do_and_another_forgets(size: tuple[int, int]) -> None:
    steady, frame = Steady(), np.zeros((*size, 3), np.uint8)
    shown(steady, textured(1), textured(2))
    assert shown(steady, frame, frame) is frame
    assert shown(steady, frame, frame).shape == frame.shape


def test_inputs_are_only_read() -> None:
    steady, frames = Steady(), [textured(seed) for seed in range(3)]
    copies = [frame.copy() for frame in frames]
    shown(steady, frames[0], frames[1])
    shown(steady, frames[0], frames[2])
    assert all((a == b).all() for a, b in zip(frames, copies, strict=True))


@pytest.mark.parametrize("most", [1.0, -0.1])
def test_a_share_that_would_freeze_is_refused(most: float) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        Steady(most)
