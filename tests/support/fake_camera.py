"""A camera with ``cv2.VideoCapture``'s methods that misbehaves as told: busy, absent, unplugged, another
size in the middle, damaged JPEGs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from pipeline.frame import Pixels

Read = tuple[bool, Pixels | None]
DAMAGED = b"\xff\xd8\xff\xe0 this begins as a JPEG and is none"
UNPLUGGED = b""


def jpeg(size: tuple[int, int], level: int) -> bytes:
    """A grey picture as the camera sends it."""
    done, data = cv2.imencode(".jpg", np.full((*size, 3), level, np.uint8))
    assert done
    return data.tobytes()


@dataclass
class FakeCamera:
    """Plays ``sends``: JPEGs, or nothing for a device that is gone; the last is repeated.

    Attributes:
        opens: whether the device can be opened.
        agrees: property -> the value it answers whatever was asked; others take what was asked.
        asked: (property, value) in order.
        released: it was given back.
    """

    sends: Sequence[bytes]
    opens: bool = True
    agrees: dict[int, float] = field(default_factory=dict)
    one_buffer: bool = True
    asked: list[tuple[int, float]] = field(default_factory=list)
    released: bool = False
    before_read: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        self._has: dict[int, float] = {}
        self._pictures = self._play()

    def isOpened(self) -> bool:  # noqa: N802
        return self.opens

    def set(self, name: int, value: float) -> bool:
        self.asked.append((name, value))
        self._has[name] = value
        return self.one_buffer if name == cv2.CAP_PROP_BUFFERSIZE else True

    def get(self, name: int) -> float:
        return self.agrees.get(name, self._has.get(name, 0.0))

    def getBackendName(self) -> str:  # noqa: N802
        return "FAKE"

    def read(self) -> Read:
        self.before_read()
        return next(self._pictures)

    def _play(self) -> Iterator[Read]:
        number = 0
        while True:
            data = self.sends[min(number, len(self.sends) - 1)]
            number += 1
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
            yield picture is not None, picture  # type: ignore[misc]

    def release(self) -> None:
        self.released = True
