"""What goes to one page: the newest frame, thumbnails in order, and news of the state.

Binary messages begin with twelve bytes, three big-endian unsigned integers: what it is (0 a frame, 1 a
thumbnail of a style, 2 of a row of a style), its number (a frame's own, a style's place in the list, or that
place times 65,536 plus the row's), and microseconds: a frame's age, or what it spent at the server where the
page itself brought it. A JPEG follows.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Callable

FRAME, THUMBNAIL, ROW_THUMBNAIL = 0, 1, 2
ROWS = 2**16
_HEAD = struct.Struct("!III")
_MOST = 2**32 - 1


def message(kind: int, number: int, seconds: float, jpeg: bytes) -> bytes:
    """A binary message to the page."""
    return _HEAD.pack(kind, number & _MOST, min(_MOST, round(seconds * 1e6))) + jpeg


class Outbox:
    """Made in the server's event loop; any thread may put, the connection takes.

    A frame that was not sent yet is replaced by a newer one, so a slow line misses frames and delays none.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._frame: Callable[[], bytes] | None = None
        self._others: deque[bytes] = deque()
        self.refusal: str | None = None

    def put_frame(self, make: Callable[[], bytes]) -> None:
        """The newest frame; ``make`` encodes it, in a thread of its own, when its turn has come."""
        self._frame = make
        self.wake()

    def put(self, one: bytes) -> None:
        """A message that is not to be left out."""
        self._others.append(one)
        self.wake()

    def refuse(self, why: str) -> None:
        """Hang up, and say why."""
        self.refusal = why
        self.wake()

    def wake(self) -> None:
        """Let the connection look: at what was put, and at the state."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed.set)

    async def wait(self, seconds: float) -> None:
        """Until something was put, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    async def take(self) -> list[bytes]:
        """What is to be sent now: others first, then the frame."""
        messages = [self._others.popleft() for _ in range(len(self._others))]
        make, self._frame = self._frame, None
        return messages if make is None else [*messages, await asyncio.to_thread(make)]
