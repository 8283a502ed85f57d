"""One slot: the newest wins, and nobody waits for ever."""

import threading

import pytest

from pipeline.common.concurrency import LatestSlot, StoppedError


def test_the_newest_wins_and_drops_are_counted() -> None:
    slot: LatestSlot[int] = LatestSlot(threading.Event())
    assert [slot.put(number) for number in range(4)] == [None, 0, 1, 2]
    assert next(iter(slot)) == 3
    assert slot.dropped == 3
    assert next(slot.polled(0.0)) is None


def test_putting_never_waits_and_the_last_is_delivered_after_the_end() -> None:
    slot: LatestSlot[int] = LatestSlot(threading.Event())
    for number in range(10_000):
        slot.put(number)
    slot.end()
    assert list(slot) == [9999]
    assert list(slot.polled(0.0)) == []


def test_a_stopped_slot_lets_nobody_wait() -> None:
    stop = threading.Event()
    slot: LatestSlot[int] = LatestSlot(stop)
    timer = threading.Timer(0.05, stop.set)
    timer.start()
    with pytest.raises(StoppedError):
        next(iter(slot))
    timer.join()


def test_one_who_waits_is_woken_by_an_item() -> None:
    slot: LatestSlot[int] = LatestSlot(threading.Event())
    timer = threading.Timer(0.02, slot.put, (7,))
    timer.start()
    assert next(iter(slot)) == 7
    timer.join()
