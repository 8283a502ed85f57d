"""The three lines of the Python API."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pipeline
from pipeline import api
from pipeline.common.errors import EngineError, StyleNotFoundError
from pipeline.frame import Pixels

Noise = Callable[[int, int], Pixels]


def test_three_lines(styles_folder: Path, noise: Noise) -> None:
    frame = noise(30, 50)
    style = pipeline.open_style(styles_folder / "invert.onnx", precision="fp32")
    stylized = style(frame)
    np.testing.assert_array_equal(stylized, 255 - frame)
    assert style.card.artist == "A. Painter"
    style.close()


def test_engines_of_the_last_sizes_are_kept(styles_folder: Path, noise: Noise) -> None:
    with pipeline.open_style(styles_folder / "invert.onnx", engine="identity") as style:
        style(noise(64, 64))
        first = style._open[64, 64]
        for width in range(65, 65 + api.SIZES_KEPT - 1):
            style(noise(64, width))
        style(noise(64, 64))
        assert style._open[64, 64] is first
        for width in range(90, 90 + api.SIZES_KEPT):
            style(noise(64, width))
        assert len(style._open) == api.SIZES_KEPT
        assert (64, 64) not in style._open
        with pytest.raises(EngineError, match="closed"):
            first(noise(64, 64))


def test_a_closed_style_says_so(styles_folder: Path, noise: Noise) -> None:
    with pipeline.open_style(styles_folder / "invert.onnx") as style:
        pass
    style.close()
    with pytest.raises(EngineError, match="'invert' was closed; open it again"):
        style(noise(64, 64))


def test_what_is_no_frame_is_refused(styles_folder: Path) -> None:
    with pipeline.open_style(styles_folder / "invert.onnx") as style:
        with pytest.raises(ValueError, match=r"frame must have shape \(H, W, 3\), BGR; got \(8, 8\)"):
            style(np.zeros((8, 8), np.uint8))
        with pytest.raises(ValueError, match="must be uint8"):
            style(np.zeros((8, 8, 3), np.float32))  # type: ignore[arg-type]


def test_unknown_styles_and_absurd_strengths_are_refused(styles_folder: Path) -> None:
    with pytest.raises(StyleNotFoundError):
        pipeline.open_style("no-such-style")
    with pytest.raises(ValueError, match="strength"):
        pipeline.open_style(styles_folder / "invert.onnx", strength=2.0)
    with pytest.raises(AttributeError, match="open_style"):
        pipeline.open_stile  # noqa: B018


def test_the_list_is_there() -> None:
    assert isinstance(pipeline.list_styles(), list)
