"""Waiting for what other processes and threads do."""

import time
from collections.abc import Callable

LONG_S = 90.0


def happens(something: Callable[[], object], within_s: float) -> bool:
    """Wait for it; False where it does not come."""
    give_up_at = time.monotonic() + within_s
    while not something():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.05)
    return True


def until(happened: Callable[[], object], what: str, within_s: float = LONG_S) -> None:
    """Wait for it; fail with ``what`` where it does not come."""
    assert happens(happened, within_s), f"waited in vain for {what}"
