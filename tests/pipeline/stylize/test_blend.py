"""Strength and colours by their formulas, whoever asks for them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pipeline
from pipeline.frame import Pixels
from pipeline.stylize.blend import blend, mixed, with_colors_of

Noise = Callable[[int, int], Pixels]


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_blends_with_the_source(strength: float, noise: Noise) -> None:
    source = noise(64, 80)
    result = blend(source, 255 - source, strength)
    expected = strength * (255.0 - source) + (1 - strength) * source
    assert np.abs(result - expected).max() <= 0.5


def test_keep_colors_takes_luma_from_the_style_and_chroma_from_the_source() -> None:
    source = np.full((8, 8, 3), (60, 90, 150), np.uint8)
    stylized = np.full((8, 8, 3), 128, np.uint8)
    blue, green, red = (60.0, 90.0, 150.0)
    luma = 0.114 * blue + 0.587 * green + 0.299 * red
    expected = np.array([blue, green, red]) - luma + 128
    assert np.abs(with_colors_of(source, stylized)[0, 0] - expected).max() <= 2
    np.testing.assert_array_equal(blend(source, stylized, 1.0, True), with_colors_of(source, stylized))


def test_keep_colors_leaves_grey_styles_of_grey_frames_alone() -> None:
    frame = np.repeat(np.arange(64, dtype=np.uint8)[:, None, None] * 4, 64, 1).repeat(3, 2)
    np.testing.assert_array_equal(blend(frame, 255 - frame, 1.0, True), 255 - frame)


def test_both_frames_are_only_read(noise: Noise) -> None:
    source, stylized = noise(50, 50), 255 - noise(50, 50)
    for frame in (source, stylized):
        frame.flags.writeable = False
    result = blend(source, stylized, 0.5, True)
    result[:] = 0


def test_two_pictures_are_mixed_by_share() -> None:
    dark, light = np.full((4, 4, 3), 40, np.uint8), np.full((4, 4, 3), 200, np.uint8)
    assert (mixed(dark, light, 0.25) == 80).all()
    assert mixed(dark, light, 1.0) is light


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_absurd_strengths_are_refused(strength: float, noise: Noise) -> None:
    with pytest.raises(ValueError, match=r"strength must lie in 0\.\.1"):
        blend(noise(8, 8), noise(8, 8), strength)


def test_an_open_style_follows_its_strength_and_colours(styles_folder: Path, noise: Noise) -> None:
    frame = noise(64, 64)
    with pipeline.open_style(styles_folder / "invert.onnx", engine="onnxruntime") as style:
        np.testing.assert_array_equal(style(frame), 255 - frame)
        style.strength = 0.0
        np.testing.assert_array_equal(style(frame), frame)
        style.strength, style.keep_colors = 1.0, True
        np.testing.assert_array_equal(style(frame), with_colors_of(frame, 255 - frame))
        style.strength = 1.5
        with pytest.raises(ValueError, match="strength must lie in"):
            style(frame)
