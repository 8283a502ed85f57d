"""A camera on the network: RTSP, HTTP, UDP, RTMP, SRT or TCP, received with FFmpeg through PyAV."""

import time
from collections.abc import Iterator

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.common.errors import InputError
from pipeline.common.latency import Clock
from pipeline.common.machine import usable_cores
from pipeline.frame import Frame, Pixels
from pipeline.live.sources.addresses import without_password
from pipeline.stream import Source, StreamInfo

FIRST_OPEN_S = 8.0
REOPEN_S = 1.8
SILENCE_S = 1.5
"""A stream that sends nothing for so long is gone; UDP has no other way to say so."""

_LITTLE_DELAY = {
    "fflags": "nobuffer",
    "flags": "low_delay",
    "analyzeduration": "1000000",
    "probesize": "500000",
}


class NetworkSource(Source):
    """Pictures of a stream as they come, in whatever size it has.

    Iteration ends, with ``damage``, when the stream ends, breaks, or is silent for SILENCE_S.
    """

    def __init__(self, address: str, *, again: bool = False, clock: Clock = time.monotonic) -> None:
        """Connect and wait for the first picture.

        Args:
            address: ``rtsp://``, ``http://``, ``udp://`` and so on.
            again: an attempt to come back: gives up after REOPEN_S instead of FIRST_OPEN_S.

        Raises:
            InputError: nobody answers, or what comes is no video. No password stands in the message.
        """
        self.address = without_password(address)
        self._clock = clock
        self._patience_s = REOPEN_S if again else FIRST_OPEN_S
        self._container = self._connect(address)
        self._broke_off = "the stream ended"
        self._decoded = self._decode()
        first = self._first()
        rate = self._stream.average_rate or self._stream.guessed_rate
        self._pending: VideoFrame | None = first
        self.info = StreamInfo((first.height, first.width), rate or None, live=True)

    def _connect(self, address: str) -> InputContainer:
        rtsp = {"rtsp_transport": "tcp"} if address.startswith("rtsp") else {}
        try:
            container = av.open(
                address,
                mode="r",
                options={**_LITTLE_DELAY, **rtsp},
                timeout=(self._patience_s, SILENCE_S),
                metadata_errors="replace",
            )
        except (FFmpegError, OSError, ValueError) as error:
            raise self._refused(_reason(error, self._patience_s)) from error
        if not container.streams.video:
            container.close()
            raise self._refused("what comes holds no video")
        return container

    def _refused(self, reason: str) -> InputError:
        return InputError(
            f"{self.address} gives no video ({reason}); check the address, that the camera is on and that "
            "this machine reaches it"
        )

    @property
    def _stream(self) -> VideoStream:
        return self._container.streams.video[0]

    def _first(self) -> VideoFrame:
        frame = next(self._decoded, None)
        if frame is None:
            self._container.close()
            raise self._refused(self._broke_off)
        return frame

    def _decode(self) -> Iterator[VideoFrame]:
        """Pictures until the stream breaks off; those before the first key picture cannot be had."""
        self._stream.codec_context.thread_type = "SLICE"  # frame threads would keep pictures back
        self._stream.codec_context.thread_count = min(2, usable_cores())
        give_up_at, seen = self._clock() + self._patience_s, False
        packets = self._container.demux(self._stream)
        while True:
            if not seen and self._clock() > give_up_at:
                self._broke_off = "no whole picture came"
                return
            try:
                pictures = next(packets).decode()
            except StopIteration:
                return
            except av.error.InvalidDataError:
                continue
            except (FFmpegError, OSError) as error:
                self._broke_off = _reason(error, SILENCE_S)
                return
            for picture in pictures:
                seen = True
                yield picture

    def __iter__(self) -> Iterator[Frame]:
        first, self._pending = self._pending, None
        if first is None:
            return
        yield Frame(_pixels(first), 0, self._clock())
        for index, picture in enumerate(self._decoded, 1):
            yield Frame(_pixels(picture), index, self._clock())
        self.damage = self._broke_off

    def close(self) -> None:
        """Hang up. Closing twice is no error."""
        self._pending = None
        self._container.close()


def _pixels(picture: VideoFrame) -> Pixels:
    pixels: Pixels = np.ascontiguousarray(picture.to_ndarray(format="bgr24"))
    return pixels


def _reason(error: Exception, patience_s: float) -> str:
    if isinstance(error, av.error.ExitError | TimeoutError):  # FFmpeg exits when our patience ends
        return f"nothing came for {patience_s:g} s"
    return getattr(error, "strerror", None) or str(error)
