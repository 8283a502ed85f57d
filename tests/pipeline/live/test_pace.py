"""The first pair of network and scale: pure choice, and the figure of an earlier start."""

import pytest

from pipeline.live import pace
from pipeline.live.controls import SCALES
from pipeline.live.pace import choose_pace, fast_versions, find_pace, frame_cost_s
from pipeline.style import StyleFile, list_styles, style_paths
from pipeline.stylize.stylizer import Stylizer
from tests.support.live_rig import open_identity


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


def test_the_pair_is_found_for_every_style_and_governors_begin_there(
    invert_style: StyleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    styles, fast = (invert_style, *list_styles()), style_paths(quality="fast")
    first = next(place for place, style in enumerate(styles) if style.path.stem in fast)
    slow = styles[first].path
    monkeypatch.setattr(pace, "frame_cost_s", lambda opened: 0.2 if opened.style.path == slow else 0.05)
    found, chosen = find_pace(styles, first, (64, 64), open_identity, 24.0, 1.0)
    assert (found[0], found[first].path) == (invert_style, fast[slow.stem])
    governor = chosen.governor(12.0)
    assert (governor.target_fps, governor.scale, governor.network) == (12.0, 0.75, "fast")
    assert find_pace(styles, 0, (64, 64), open_identity, 24.0, 0.6)[1].quality == "best"
