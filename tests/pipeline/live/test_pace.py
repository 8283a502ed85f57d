"""The first pair of network and scale: pure choice, and the figure of an earlier start."""

import pytest

from pipeline.live import pace
from pipeline.live.controls import SCALES
from pipeline.live.pace import choose_pace, fast_versions, frame_cost_s
from pipeline.style import StyleFile, list_styles, style_paths
from pipeline.stylize.stylizer import Stylizer


@pytest.mark.parametrize(
    ("costs_s", "fps", "highest", "chosen"),
    [
        ({"best": 0.020, "fast": 0.010}, 30, 1.0, ("best", 1.0)),
        ({"best": 0.050, "fast": 0.024}, 30, 1.0, ("fast", 1.0)),
        ({"best": 0.050}, 30, 1.0, ("best", 0.6)),
        ({"best": 0.090, "fast": 0.060}, 30, 1.0, ("fast", 0.6)),
        ({"best": 0.020, "fast": 0.010}, 30, 0.5, ("best", 0.5)),
        ({"best": 9.0, "fast": 5.0}, 30, 1.0, ("fast", SCALES[0])),
        ({"best": 0.050}, 15, 1.0, ("best", 1.0)),
    ],
)
def test_the_best_looking_pair_that_holds_the_rate(
    costs_s: dict[str, float], fps: float, highest: float, chosen: tuple[str, float]
) -> None:
    found = choose_pace(costs_s, fps, highest)
    assert (found.quality, found.scale) == chosen
    assert f"{chosen[0]} network at scale {chosen[1]:g} for {fps} fps" in found.reason


def test_bundled_styles_have_their_fast_versions_and_others_stay(invert_style: StyleFile) -> None:
    fast = style_paths(quality="fast")
    styles = (*list_styles(), invert_style)
    swapped = fast_versions(styles)
    assert swapped[-1] is invert_style
    for before, after in zip(styles, swapped, strict=True):
        assert after.path == (fast.get(before.path.stem, before.path))


def test_frames_are_timed_once_on_a_machine(invert_style: StyleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    with Stylizer(invert_style, (64, 64), engine="identity") as stylizer:
        first = frame_cost_s(stylizer)
        monkeypatch.setattr(pace.time, "perf_counter", lambda: pytest.fail("timed again"))
        assert frame_cost_s(stylizer) == first
