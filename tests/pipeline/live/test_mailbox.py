"""One slot: the newest wins, and nobody waits for ever."""

import threading

import pytest

from pipeline.common.concurrency import EndOfItemsError, LatestSlot, StoppedError


def test_the_newest_wins_and_drops_are_counted() -> None:
    box: LatestSlot[int] = LatestSlot(threading.Event())
    assert [box.put(number) for number in range(4)] == [None, 0, 1, 2]
    assert box.get() == 3
    assert box.dropped == 3
    assert box.get(wait_s=0.0) is None


def test_putting_never_waits_and_the_last_is_delivered_after_the_end() -> None:
    box: LatestSlot[int] = LatestSlot(threading.Event())
    for number in range(10_000):
        box.put(number)
    box.end()
    assert box.get() == 9999
    with pytest.raises(EndOfItemsError):
        box.get()


def test_a_stopped_mailbox_lets_nobody_wait() -> None:
    stop = threading.Event()
    box: LatestSlot[int] = LatestSlot(stop)
    timer = threading.Timer(0.05, stop.set)
    timer.start()
    with pytest.raises(StoppedError):
        box.get()
    timer.join()


def test_one_who_waits_is_woken_by_an_item() -> None:
    box: LatestSlot[int] = LatestSlot(threading.Event())
    timer = threading.Timer(0.02, box.put, (7,))
    timer.start()
    assert box.get() == 7
    timer.join()
