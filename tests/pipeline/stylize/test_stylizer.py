"""Any size in, the same size out."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.common.errors import EngineError
from pipeline.frame import Pixels
from pipeline.style import StyleFile, read_style
from pipeline.stylize.stylizer import MINIMUM_PX, Stylizer, borders, reflect
from tests.support import make_models

Noise = Callable[[int, int], Pixels]
SIZES = [(1, 1), (1, 200), (200, 1), (359, 641), (16, 4096), (64, 64), (63, 65), (480, 640)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("engine", ["openvino", "onnxruntime", "identity"])
def test_any_size_comes_back_whole(
    size: tuple[int, int], engine: str, invert_style: StyleFile, noise: Noise
) -> None:
    frame = noise(*size)
    with Stylizer(invert_style, size, engine=engine) as stylizer:
        result = stylizer(frame)
    assert result.flags.c_contiguous
    if engine == "identity":
        np.testing.assert_array_equal(result, frame)
    else:
        assert (
            np.abs(result.astype(int) - (255 - frame)).max() <= 1
        )  # bf16 holds 0..255, half steps it does not


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("multiple", [1, 4, 8, 96])
def test_borders_reach_the_multiple_evenly(size: tuple[int, int], multiple: int) -> None:
    top, bottom, left, right = borders(size, multiple)
    for length, before, after in ((size[0], top, bottom), (size[1], left, right)):
        total = length + before + after
        assert total % multiple == 0
        assert total >= MINIMUM_PX
        assert total < max(length, MINIMUM_PX) + multiple
        assert after - before in (0, 1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("margin", [3, 20, 150])
def test_borders_hold_the_margin_on_every_side(size: tuple[int, int], margin: int) -> None:
    sides = borders(size, 4, margin)
    assert min(sides) >= margin
    assert (size[0] + sides[0] + sides[1]) % 4 == 0
    assert (size[1] + sides[2] + sides[3]) % 4 == 0


def test_a_margin_keeps_the_networks_own_border_out_of_the_picture(tmp_path: Path, noise: Noise) -> None:
    frame = noise(64, 96)
    inside = cv2.blur(frame, (3, 3), borderType=cv2.BORDER_REFLECT_101).astype(int)
    differences = []
    for margin in (0, 4):
        style = read_style(make_models.blur(tmp_path / f"blur-{margin}.onnx", margin_px=margin))
        with Stylizer(style, (64, 96), engine="onnxruntime") as stylizer:
            differences.append(np.abs(stylizer(frame) - inside))
    without, with_margin = differences
    assert without[:, 0].mean() > 20  # a dark frame
    assert with_margin.max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 3), (5, 7), (40, 30)])
def test_reflection_goes_on_beyond_a_small_frame(size: tuple[int, int], noise: Noise) -> None:
    frame = noise(*size)
    sides = (30, 33, 31, 32)
    expected = np.pad(frame, (sides[:2], sides[2:], (0, 0)), mode="reflect")
    np.testing.assert_array_equal(reflect(frame, sides), expected)


def test_the_frame_is_only_read(invert_style: StyleFile, noise: Noise) -> None:
    frame = noise(50, 50)
    kept = frame.copy()
    frame.flags.writeable = False
    with Stylizer(invert_style, (50, 50)) as stylizer:
        result = stylizer(frame)
    np.testing.assert_array_equal(frame, kept)
    result[:] = 0


def test_wrong_frames_are_refused(invert_style: StyleFile, noise: Noise) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Stylizer(invert_style, (0, 64))
    with Stylizer(invert_style, (64, 64), engine="identity") as stylizer:
        with pytest.raises(EngineError, match=r"opened for \(height, width\) = \(64, 64\), got \(64, 65\)"):
            stylizer(noise(64, 65))
        with pytest.raises(ValueError, match="shape"):
            stylizer(noise(64, 64)[..., 0])


def test_says_what_runs(invert_style: StyleFile) -> None:
    with Stylizer(invert_style, (64, 64), engine="identity") as stylizer:
        assert stylizer.describe() == "identity 1, cpu, fp32"
        assert stylizer.engine.size == (64, 64)
