"""The governor on a fake clock and a machine whose time grows with the square of the scale."""

import itertools
from collections.abc import Callable

import pytest

from pipeline.live.controls import SCALES
from pipeline.live.governor import LONGEST_RAISE_AFTER_S, RAISE_AFTER_S, Governor

Cost = Callable[[float, float], float]


def run(
    governor: Governor, seconds: float, cost: Cost, *, start: float = 0.0, highest: float = 1.0
) -> list[float]:
    """Scale after every frame; ``cost(scale, now)`` in seconds at scale."""
    now, chosen = start, []
    while now < start + seconds:
        service_s = cost(governor.scale, now)
        now += max(service_s, 1 / 30)
        chosen.append(governor.observe(service_s, governor.scale, highest, now))
    return chosen


def changes(chosen: list[float]) -> int:
    return sum(a != b for a, b in itertools.pairwise(chosen))


def test_nothing_changes_where_the_rate_is_held() -> None:
    assert set(run(Governor(30), 60, lambda scale, now: 0.020 * scale**2)) == {1.0}


def test_too_slow_goes_down_at_once_to_what_fits() -> None:
    governor = Governor(30)
    chosen = run(governor, 60, lambda scale, now: 0.060 * scale**2)
    assert chosen[-1] == 0.6  # .0216 of .0333 s; 0.75 would take .0338
    assert changes(chosen) == 1
    assert chosen.index(0.6) < 20


def test_it_comes_back_up_when_the_machine_is_free_again() -> None:
    governor = Governor(30)
    chosen = run(governor, 60, lambda scale, now: (0.060 if now < 20 else 0.020) * scale**2)
    assert chosen[-1] == 1.0
    assert 0.6 in chosen


def test_it_does_not_hunt_at_the_edge() -> None:
    """0.75 takes 97 % of the time and 0.6 62 %: there is no good scale, so it must stay at the lower one."""
    chosen = run(Governor(30), 300, lambda scale, now: 0.0575 * scale**2)
    assert changes(chosen) == 1


def test_a_raise_that_fails_is_tried_less_and_less_often() -> None:
    """A cost that grows faster than the square deceives every raise."""
    governor = Governor(30)
    chosen = run(governor, 600, lambda scale, now: 0.012 if scale < 1.0 else 0.050)
    assert governor.raise_after_s == LONGEST_RAISE_AFTER_S
    assert changes(chosen) < 40
    assert governor.raise_after_s > RAISE_AFTER_S


def test_one_stall_changes_nothing() -> None:
    stalls = iter([0.5])
    chosen = run(Governor(30), 20, lambda scale, now: next(stalls, 0.5) if 10 < now < 10.03 else 0.015)
    assert set(chosen) == {1.0}


def test_frames_of_the_engine_before_do_not_count() -> None:
    governor = Governor(30)
    for frame in range(100):
        governor.observe(0.1, 0.75, 1.0, frame / 30)
    assert governor.scale == 1.0


def test_the_persons_choice_is_the_limit() -> None:
    governor = Governor(30)
    assert governor.observe(0.001, 1.0, 0.5, 0.0) == 0.5
    chosen = run(governor, 60, lambda scale, now: 0.001, highest=0.6)
    assert max(chosen) == 0.6
    assert governor.describe() == "holding 30 fps at scale 0.6"
    governor.network = "fast"
    assert governor.describe() == "holding 30 fps at scale 0.6, fast network"


def test_the_smallest_scale_is_the_end() -> None:
    governor = Governor(30)
    chosen = run(governor, 60, lambda scale, now: 1.0 if now < 30 else 0.005)
    assert min(chosen) == SCALES[0]
    assert governor.describe() == "holding 30 fps at scale 1"


def test_a_rate_that_even_the_smallest_scale_misses_is_said() -> None:
    governor = Governor(30)
    assert run(governor, 60, lambda scale, now: 1.0)[-1] == SCALES[0]
    assert governor.describe() == "30 fps cannot be held, even at scale 0.4"


@pytest.mark.parametrize(("rate", "scales"), [(0.0, SCALES), (30.0, ())])
def test_nonsense_is_refused(rate: float, scales: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="positive rate"):
        Governor(rate, scales)
