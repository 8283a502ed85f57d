"""The first pair of network and scale: pure choice, and the figure of an earlier start."""

import pytest

from pipeline.live import pace
from pipeline.live.controls import SCALES
from pipeline.live.pace import choose_pace, fast_versions, find_pace, frame_cost_s, steady_cost_s
from pipeline.style import StyleFile, list_styles, style_paths


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
    assert f"{chosen[0]} network at scale {chosen[1]:g}" in found.reason
    assert f" for {fps} fps" in found.reason


def test_bundled_styles_have_their_fast_versions_and_others_stay(invert_style: StyleFile) -> None:
    fast = style_paths(quality="fast")
    styles = (*list_styles(), invert_style)
    swapped = fast_versions(styles)
    assert swapped[-1] is invert_style
    for before, after in zip(styles, swapped, strict=True):
        assert after.path == (fast.get(before.path.stem, before.path))


def test_frames_are_timed_once_on_a_machine(invert_style: StyleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "is_overloaded", lambda: False)
    first = frame_cost_s(invert_style, (64, 64), "identity"), steady_cost_s((64, 64))
    monkeypatch.setattr(pace, "_quickest_s", lambda work: pytest.fail("timed again"))
    monkeypatch.setattr(pace, "Stylizer", lambda *_, **__: pytest.fail("opened again"))
    assert (frame_cost_s(invert_style, (64, 64), "identity"), steady_cost_s((64, 64))) == first


def test_what_was_timed_under_load_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "is_overloaded", lambda: True)
    times = iter((0.5, 0.1))
    monkeypatch.setattr(pace, "_quickest_s", lambda work: next(times))
    assert [steady_cost_s((64, 96)), steady_cost_s((64, 96))] == [0.5, 0.1]


@pytest.mark.parametrize(("steady_s", "steady"), [(0.006, True), (0.012, False)])
def test_flicker_is_calmed_where_time_is_left(steady_s: float, steady: bool) -> None:
    found = choose_pace({"best": 0.050, "fast": 0.020}, 30, steady_s=steady_s)
    assert (found.quality, found.scale, found.steady) == ("fast", 1.0, steady)
    assert (", steady for" in found.reason) == steady


def test_a_network_that_was_asked_for_stays(invert_style: StyleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "frame_cost_s", lambda style, *_: 0.090)
    styles, found = find_pace((invert_style,), 0, (64, 64), quality="best", target_fps=30)
    assert styles == (invert_style,)
    assert (found.quality, found.scale) == ("best", 0.5)


def test_the_pair_is_found_for_every_style_and_governors_begin_there(
    invert_style: StyleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    styles, fast = (invert_style, *list_styles()), style_paths(quality="fast")
    first = next(place for place, style in enumerate(styles) if style.path.stem in fast)
    slow = styles[first].path
    monkeypatch.setattr(pace, "frame_cost_s", lambda style, *_: 0.2 if style.path == slow else 0.05)
    found, chosen = find_pace(styles, first, (64, 64), quality="auto", target_fps=24.0)
    assert (found[0], found[first].path) == (invert_style, fast[slow.stem])
    governor = chosen.governor(12.0)
    assert (governor.target_fps, governor.scale, governor.network) == (12.0, 0.75, "fast")
    alone = find_pace(styles, 0, (64, 64), quality="auto", target_fps=24.0, highest=0.6)[1]
    assert (alone.quality, alone.scale) == ("best", 0.6)
