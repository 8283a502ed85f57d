"""Who is painted and who waits, by a clock that the test turns."""

import threading

import pytest

from pipeline.common.concurrency import StoppedError
from pipeline.live.visitors.line import IDLE_S, TURN_S, Line


class Someone:
    """A visitor with as many frames as he likes."""

    def __init__(self, name: str, clock: "Clock") -> None:
        self.name, self.has_frame, self._clock, self._heard_at = name, True, clock, clock.now
        self.silent = False

    @property
    def heard_at(self) -> float:
        return self._heard_at if self.silent else self._clock.now


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def line_of(limit: int, *names: str) -> tuple[Clock, Line[Someone], list[Someone]]:
    clock = Clock()
    line: Line[Someone] = Line(limit, threading.Event(), clock)
    people = [Someone(name, clock) for name in names]
    for one in people:
        line.join(one)
    return clock, line, people


def test_everybody_inside_is_painted_in_turn() -> None:
    _, line, _ = line_of(3, "a", "b", "c")
    assert [line.next().name for _ in range(6)] == ["a", "b", "c", "a", "b", "c"]


def test_who_has_no_frame_loses_no_place_and_holds_nobody_up() -> None:
    _, line, (_, second, _) = line_of(3, "a", "b", "c")
    second.has_frame = False
    assert [line.next().name for _ in range(4)] == ["a", "c", "a", "c"]
    second.has_frame = True
    assert line.next().name == "b"


def test_the_limit_holds_and_a_place_that_is_free_is_taken() -> None:
    _, line, (first, second, third, fourth) = line_of(2, "a", "b", "c", "d")
    assert [line.place(one) for one in (first, second, third, fourth)] == [0, 0, 1, 2]
    line.leave(first)
    line.leave(first)
    assert [line.place(one) for one in (second, third, fourth)] == [0, 0, 1]
    assert {line.next().name for _ in range(4)} == {"b", "c"}


def test_who_is_silent_gives_way_and_comes_back_when_heard() -> None:
    clock, line, (first, second) = line_of(1, "a", "b")
    first.silent = True
    clock.now += IDLE_S + 1
    assert (line.place(second), line.active) == (0, 1)
    assert line.next().name == "b"
    first.silent = False
    assert line.place(first) == 1


def test_a_turn_ends_where_somebody_waits_and_only_there() -> None:
    clock, line, (first, second) = line_of(1, "a", "b")
    assert line.next() is first
    clock.now += TURN_S + 1
    assert line.next() is second
    assert (line.place(first), line.place(second)) == (1, 0)
    line.leave(first)
    clock.now += 10 * TURN_S
    assert line.next() is second


def test_stopping_ends_the_wait() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError):
        Line[Someone](1, stop).next()
