"""From the text of ``--source`` to a source that runs by itself."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.common.errors import InputError
from pipeline.engines import registry
from pipeline.frame import Frame
from pipeline.live.sources.camera import CameraSource, Opener
from pipeline.live.sources.camera_list import find_camera
from pipeline.live.sources.network import NetworkSource, is_address, without_password
from pipeline.live.sources.paced import PacedSource, PacedSynthetic
from pipeline.live.sources.reconnecting import ReconnectingSource
from pipeline.stream import Source

SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class Asked:
    """What was asked for.

    Attributes:
        source: a camera's number or name, an address, a video file, or ``synthetic``.
        size: (height, width) to ask a camera for, to scale a file to, or to draw; None takes what comes.
        fps: to ask a camera for, or to draw; None takes what comes.
        loop: play a file again and again.
        rotate: degrees clockwise: 0, 90, 180, 270.
    """

    source: str = "0"
    size: tuple[int, int] | None = None
    fps: float | None = None
    loop: bool = False
    rotate: int = 0


def open_live(
    asked: Asked,
    stop: threading.Event,
    tell: Callable[[str], None],
    opener: Opener | None = None,
) -> Source:
    """Open it; cameras and addresses come back by themselves when they break off.

    Args:
        stop: ends every waiting.
        tell: takes lines for the person: what a camera agreed to, that it is gone, that it is back.
        opener: of cameras; None takes OpenCV.

    Raises:
        InputNotFoundError, InputError: there is no such source, or it cannot be used.
    """
    if asked.rotate not in (0, 90, 180, 270):
        raise InputError(f"a picture can be turned by 0, 90, 180 or 270 degrees, not {asked.rotate}")
    source = _upright(asked, stop, tell, opener)
    return RotatedSource(source, asked.rotate) if asked.rotate else source


def _upright(
    asked: Asked, stop: threading.Event, tell: Callable[[str], None], opener: Opener | None
) -> Source:
    if asked.source == SYNTHETIC:
        scene = PacedSynthetic(asked.size or (480, 640), round(asked.fps or 30), stop=stop)
        return _announced(scene, SYNTHETIC, tell)
    if is_address(asked.source):
        return _network(asked.source, stop, tell)
    path = Path(asked.source)
    if path.is_file() or (path.suffix and not asked.source.startswith("/dev/")):
        # by name: live/ knows no video/
        video_file = registry.load("video-file", registry.SOURCES["video-file"])
        film = PacedSource(lambda: video_file(path, asked.size), loop=asked.loop, stop=stop)
        return _announced(film, path.name, tell)
    return _camera(asked, find_camera(asked.source), stop, tell, opener)


def _network(address: str, stop: threading.Event, tell: Callable[[str], None]) -> Source:
    tell(f"connecting to {without_password(address)}")
    source = ReconnectingSource(
        without_password(address), lambda again: NetworkSource(address, again=again), tell=tell, stop=stop
    )
    return _announced(source, without_password(address), tell)


def _announced(source: Source, name: str, tell: Callable[[str], None]) -> Source:
    """The source, after its size and rate were told; a camera's own line says more."""
    height, width = source.info.size
    rate = f", {float(source.info.rate):.4g} fps" if source.info.rate else ""
    tell(f"{name}: {width}x{height}{rate}")
    return source


def _camera(
    asked: Asked, device: int, stop: threading.Event, tell: Callable[[str], None], opener: Opener | None
) -> Source:
    def open_camera(again: bool) -> Source:
        camera = CameraSource(device, asked.size or (480, 640), asked.fps or 30, opener=opener)
        tell(f"camera {device}: {camera.negotiated}")
        return camera

    return ReconnectingSource(f"camera {device}", open_camera, tell=tell, stop=stop)


class RotatedSource(Source):
    """Another source's frames, turned clockwise by quarters."""

    def __init__(self, source: Source, degrees: int) -> None:
        """Take a source; it is closed with this one."""
        self._source = source
        self._quarters = degrees // 90
        height, width = source.info.size
        size = (width, height) if self._quarters % 2 else (height, width)
        self.info = replace(source.info, size=size)

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            yield replace(frame, pixels=np.ascontiguousarray(np.rot90(frame.pixels, -self._quarters)))
        self.damage = self._source.damage

    def close(self) -> None:
        """Close the source. Closing twice is no error."""
        self._source.close()
