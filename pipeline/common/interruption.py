"""Ctrl-C as an event instead of an exception in the middle of something."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def stop_on_ctrl_c(stop: threading.Event, on_first: Callable[[], None] = lambda: None) -> Iterator[None]:
    """While this lasts, the first Ctrl-C (or SIGTERM) sets ``stop``; a second raises KeyboardInterrupt.

    Args:
        on_first: called by the first, to tell the person what happens now.

    Outside the main thread, where signals cannot be had, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def heard(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        on_first()

    before: dict[int, Any] = {
        number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
