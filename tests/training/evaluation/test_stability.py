"""Warp error and exact clips: nothing changes along exact motion, and every occlusion is known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from training.evaluation import flow_clips
from training.evaluation.flow_clips import Ellipse, Layer, Placement
from training.evaluation.material import Photo, Pixels
from training.evaluation.stability import (
    NOISE_DEVIATION,
    Calmed,
    Motion,
    estimated_motions,
    flicker,
    still_motions,
    warp_error,
    warped,
)

SIZE = (72, 96)
CENTER = (48.0, 36.0)


def flat(level: int, size: tuple[int, int] = SIZE) -> Pixels:
    return np.full((*size, 3), level, np.uint8)


def texture(seed: int, cells: int = 6) -> Pixels:
    """A smooth picture of 144x192."""
    coarse = np.random.default_rng(seed).integers(40, 216, (cells, cells + 2, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (192, 144), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def test_warp_error_is_in_grey_levels() -> None:
    frames = [flat(0), flat(51), flat(51)]
    motions = still_motions(frames)
    assert warp_error(frames[:2], motions[:1]) == pytest.approx(0.2)
    assert warp_error(frames, motions) == pytest.approx(0.2 / 2**0.5)


def test_only_masked_pixels_count() -> None:
    after = flat(0)
    after[:, :48] = 51
    half = np.zeros(SIZE, np.bool_)
    half[:, 24:] = True  # 24 columns of change, 48 without
    motion = replace(still_motions([after, after])[0], mask=half)
    assert warp_error([flat(0), after], [motion]) == pytest.approx(0.2 * (24 / 72) ** 0.5)
    with pytest.raises(ValueError, match="no pixel"):
        warp_error([flat(0), after], [replace(motion, mask=np.zeros(SIZE, np.bool_))])
    with pytest.raises(ValueError, match="3 frames need 2 motions, got 1"):
        warp_error([after] * 3, [motion])


def test_flow_points_back() -> None:
    before = texture(0)[:72, :96].astype(np.float32)
    flow = np.zeros((*SIZE, 2), np.float32)
    flow[..., 0] = -3
    assert np.array_equal(warped(before, flow)[:, 3:], before[:, :-3])


@pytest.mark.parametrize(
    "placement",
    [
        Placement(CENTER),
        Placement(CENTER, angle=0.2, zoom=1.3, shift=(7.0, -4.0)),
        Placement(CENTER, angle=-0.1, zoom=0.9, shift=(1.0, 2.5), bend=6.0, period=25.0),
    ],
)
def test_placements_have_an_exact_inverse(placement: Placement) -> None:
    points = np.random.default_rng(0).uniform(-20, 120, (50, 2))
    there = placement.to_texture(points)
    assert np.abs(placement.to_frame(there) - points).max() < 1e-9


def test_a_clip_is_still_along_its_own_motion() -> None:
    """A smooth warp of a smooth texture: what is left is bilinear sampling and rounding to 8 bits."""
    moving = [
        Placement(CENTER, angle=0.01 * t, zoom=1 + 0.01 * t, shift=(2.3 * t, 0.4 * t), bend=0.8 * t)
        for t in range(5)
    ]
    clip = flow_clips.make_clip("smooth", Layer(texture(1), moving), None, SIZE)
    assert all(motion.mask.mean() > 0.9 for motion in clip.motions)
    assert warp_error(clip.frames, clip.motions) < 0.5 / 255
    wrong = [Motion(np.zeros_like(motion.flow), motion.mask) for motion in clip.motions]
    assert warp_error(clip.frames, wrong) > 5 * warp_error(clip.frames, clip.motions)


def two_layers(steps: int = 3) -> flow_clips.FlowClip:
    """A white ellipse that moves 4 px to the right over black."""
    still = [Placement(CENTER)] * steps
    moving = [Placement(CENTER, shift=(-4.0 * t, 0.0)) for t in range(steps)]
    outline = Ellipse(CENTER, (20.0, 15.0))
    return flow_clips.make_clip("two", Layer(flat(0), still), Layer(flat(255), moving, outline), SIZE)


def test_occlusion_is_exact() -> None:
    clip = two_layers()
    assert warp_error(clip.frames, clip.motions) == 0.0
    for before, after, motion in zip(clip.frames, clip.frames[1:], clip.motions, strict=False):
        black_twice = (after[..., 0] == 0) & (before[..., 0] == 0)
        came_from = np.roll(before[..., 0], 4, axis=1)
        white_twice = (after[..., 0] == 255) & (came_from == 255)
        assert np.array_equal(motion.mask, black_twice | white_twice)
        uncovered = (after[..., 0] == 0) & (before[..., 0] == 255)
        assert uncovered.sum() > 20
        assert np.unique(motion.flow[motion.mask & (after[..., 0] == 255)], axis=0).tolist() == [[-4.0, 0.0]]


def test_a_network_that_paints_the_same_thing_twice_the_same_has_no_warp_error() -> None:
    """A tone curve commutes with any motion; one that depends on the time does not."""
    clip = two_layers()
    assert warp_error([255 - frame // 2 for frame in clip.frames], clip.motions) == 0.0
    breathing = [np.clip(frame // 2 + 10 * t, 0, 255).astype(np.uint8) for t, frame in enumerate(clip.frames)]
    assert warp_error(breathing, clip.motions) == pytest.approx(10 / 255)


def test_clips_from_photos_are_the_same_every_time() -> None:
    photos = [Photo(f"{n}.jpg", texture(n)[:, :144]) for n in range(4)]
    clips = flow_clips.clips_from_photos(photos, 2, frames=4)
    again = flow_clips.clips_from_photos(photos, 2, frames=4)
    assert [clip.name for clip in clips] == ["1.jpg over 0.jpg", "3.jpg over 2.jpg"]
    for clip, same in zip(clips, again, strict=True):
        assert np.array_equal(clip.frames, same.frames)
        assert len(clip.frames) == len(clip.motions) + 1 == 4
        assert all(0.5 < motion.mask.mean() < 1.0 for motion in clip.motions)
        assert warp_error(clip.frames, clip.motions) < 1.5 / 255
        assert warp_error(clip.frames, still_motions(clip.frames)) > 3 / 255


def test_dis_finds_a_known_shift() -> None:
    big = cv2.resize(np.random.default_rng(5).integers(0, 256, (60, 80, 3), np.uint8), (320, 240))
    before, after = (np.ascontiguousarray(big[20:200, x : x + 260], np.uint8) for x in (23, 20))
    (motion,) = estimated_motions([before, after])
    assert np.median(motion.flow, axis=(0, 1)) == pytest.approx([-3.0, 0.0], abs=0.1)
    assert 0.7 < motion.mask.mean() < 1.0  # the columns that came in are out
    assert warp_error([before, after], [motion]) < 0.3 * warp_error(
        [before, after], still_motions([before] * 2)
    )


def test_pixels_whose_flow_does_not_come_back_are_left_out() -> None:
    rng = np.random.default_rng(6)
    before, after = (rng.integers(0, 256, (96, 128, 3), np.uint8) for _ in range(2))
    (motion,) = estimated_motions([before, after])
    assert motion.mask.mean() < 0.5


def test_flicker_of_the_input_is_its_noise() -> None:
    found = flicker(lambda frame: frame, flat(128))
    expected = 2**0.5 * (NOISE_DEVIATION**2 + 1 / 12 / 255**2) ** 0.5
    assert found.input == pytest.approx(expected, rel=0.02)
    assert found.painted == found.input
    assert flicker(lambda frame: flat(9), flat(128)).painted == 0.0


def test_steady_is_judged_by_warp_error_and_sharpness() -> None:
    rng = np.random.default_rng(0)
    painted = list(rng.integers(0, 256, (3, 32, 32, 3), np.uint8))
    soft = [np.asarray(cv2.GaussianBlur(painted[0], (5, 5), 0), np.uint8)] * 3
    found = Calmed.of(soft, painted, still_motions(painted))
    assert found.warp_error == 0.0
    assert 0.0 < found.sharpness < 0.5
