"""A page in the browser for machines without a screen: MJPEG over plain HTTP, and the same controls.

Bound to this machine unless told otherwise; ``page_server`` answers, and says whom.
"""

import secrets
import socket
import threading
from typing import ClassVar

import cv2

from pipeline.common.errors import OutputError
from pipeline.frame import Frame
from pipeline.live.sinks.page_server import Do, Newest, PageServer, State
from pipeline.stream import Sink, StreamInfo

HERE_ONLY = "127.0.0.1"
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 85]


class ServeSink(Sink):
    """The newest frame for everybody who looks; a viewer whose line is slow misses frames, others do not.

    Attributes:
        token: the secret part of the address.
        port: where it listens; chosen by the system where 0 was asked for.
    """

    interactive: ClassVar[bool] = True

    def __init__(
        self,
        port: int,
        do: Do,
        state: State,
        *,
        host: str = HERE_ONLY,
        token: str | None = None,
    ) -> None:
        """Take the port; nobody is answered before ``open``.

        Args:
            port: 0 takes any that is free.
            do: carries out a command; ValueError for an unknown one. Called from the server's threads.
            state: what the page shows besides the picture; JSON.
            host: the address to listen at; 0.0.0.0 lets the whole network in that knows the token.

        Raises:
            OutputError: the port is taken, or the address is not this machine's.
        """
        self.token = token or secrets.token_urlsafe(16)
        self._newest = Newest()
        try:
            self._server = PageServer((host, port), self._newest, self.token, do, state)
        except OSError as error:
            raise OutputError(
                f"cannot serve at {host}:{port} ({error.strerror}); choose another port, --serve 0 takes a "
                "free one"
            ) from error
        self.port: int = self._server.server_address[1]
        self._host = host
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="brushstream-serve", daemon=True
        )

    @property
    def address(self) -> str:
        """What to open in a browser."""
        shown = socket.gethostname() if self._host in ("0.0.0.0", "::") else self._host
        return f"http://{shown}:{self.port}/{self.token}/"

    def open(self, info: StreamInfo) -> None:
        """Answer from now on; the page takes frames of any size."""
        self._thread.start()

    def write(self, frame: Frame) -> None:
        """Encode the frame where anybody looks; quality 85."""
        if self._newest.viewers:
            _, data = cv2.imencode(".jpg", frame.pixels, _QUALITY)
            self._newest.put(data.tobytes())

    def close(self) -> None:
        """Hang up on everybody and end every thread. Closing twice is no error."""
        self._newest.end()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.hang_up()
        self._server.server_close()
