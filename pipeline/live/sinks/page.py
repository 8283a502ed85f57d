"""A page in the browser for machines without a screen: what the live loop shows, and the same controls.

Bound to this machine unless told otherwise; ``pipeline.live.web`` answers, and says whom.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import cv2

from pipeline.frame import Frame
from pipeline.live.web.outbox import FRAME, Outbox, message
from pipeline.live.web.server import PageServer
from pipeline.stream import Sink, StreamInfo

Do = Callable[[str], None]
State = Callable[[], Mapping[str, Any]]
SEEN = "seen "
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 85]
_UNSEEN = 2


class PageSink(Sink):
    """The newest frame for everybody who looks; a viewer whose line is slow misses frames, others do not.

    Attributes:
        server: its port, its token.
        address: what to open in a browser.
    """

    interactive: ClassVar[bool] = True

    def __init__(
        self, port: int, do: Do, state: State, *, host: str = "127.0.0.1", token: str | None = None
    ) -> None:
        """Take the port; nobody is answered before ``open``.

        Args:
            do: carries out a command; ValueError for an unknown one. Called from the server's thread.
            state: what the page shows besides the picture; JSON.
            port, host, token: as for ``PageServer``.

        Raises:
            OutputError: the port is taken, or the address is not this machine's.
        """
        self._do, self._state = do, state
        self._viewers: set[_Viewer] = set()
        self.server = PageServer(self._welcome, port, host=host, token=token)
        self.address = self.server.address

    def _welcome(self, outbox: Outbox) -> "_Viewer":
        viewer = _Viewer(outbox, self._do, self._state, self._viewers.discard)
        self._viewers.add(viewer)
        return viewer

    def open(self, info: StreamInfo) -> None:
        """Answer from now on; the page takes frames of any size."""
        self.server.start()

    def write(self, frame: Frame) -> None:
        """Encode the frame where anybody is ready for one; quality 85."""
        ready = [viewer for viewer in list(self._viewers) if viewer.ready]
        if ready:
            _, jpeg = cv2.imencode(".jpg", frame.pixels, _QUALITY)
            for viewer in ready:
                viewer.show(jpeg.tobytes())

    def close(self) -> None:
        """Hang up on everybody and end every thread. Closing twice is no error."""
        self.server.close()


class _Viewer:
    """A page that looks: it tells which frame it has shown, and is at most two behind."""

    def __init__(self, outbox: Outbox, do: Do, state: State, leave: Callable[["_Viewer"], None]) -> None:
        self._outbox, self._do, self.state, self._leave = outbox, do, state, leave
        self._number = self._seen = 0

    @property
    def ready(self) -> bool:
        return self._number - self._seen < _UNSEEN

    def show(self, jpeg: bytes) -> None:
        self._number += 1
        one = message(FRAME, self._number, 0.0, jpeg)
        self._outbox.put_frame(lambda: one)

    def command(self, text: str) -> None:
        if text.startswith(SEEN) and text.removeprefix(SEEN).isdecimal():
            self._seen = min(self._number, int(text.removeprefix(SEEN)))
        else:
            self._do(text)

    def frame(self, data: bytes) -> None:
        raise ValueError("this page looks at the server's camera and brings none")

    def leave(self) -> None:
        self._leave(self)
