"""From the text of ``--source`` to a source that runs by itself."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.common.adapters import Adapter, load
from pipeline.common.errors import InputError
from pipeline.frame import Frame
from pipeline.live.sources.addresses import is_address, without_password
from pipeline.live.sources.asked import Asked
from pipeline.live.sources.camera import CameraSource, Opener
from pipeline.live.sources.camera_list import find_camera
from pipeline.live.sources.paced import PacedSource, PacedSynthetic
from pipeline.live.sources.reconnecting import ReconnectingSource
from pipeline.stream import Source

SYNTHETIC = "synthetic"


NETWORK = Adapter("pipeline.live.sources.network:NetworkSource", "av")
VIDEO_FILE = Adapter("pipeline.video.reading.video_file:VideoFileSource", "av")
"""Reached by name: PyAV is slow to import, and ``live`` knows nothing of ``video``."""

Tell = Callable[[str], None]
Open = Callable[[Asked, threading.Event, Tell, Opener | None], Source]


def open_live(
    asked: Asked,
    stop: threading.Event,
    tell: Tell,
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
    kind = next(kind for kind in SOURCES.values() if kind.takes(asked.source))
    source = kind.open(asked, stop, tell, opener)
    return RotatedSource(source, asked.rotate) if asked.rotate else source


def _synthetic(asked: Asked, stop: threading.Event, tell: Tell, opener: Opener | None) -> Source:
    scene = PacedSynthetic(asked.size or (480, 640), round(asked.fps or 30), stop=stop)
    return _announced(scene, SYNTHETIC, tell)


def _is_file(text: str) -> bool:
    path = Path(text)
    return path.is_file() or bool(path.suffix and not text.startswith("/dev/"))


def _film(asked: Asked, stop: threading.Event, tell: Tell, opener: Opener | None) -> Source:
    path, video_file = Path(asked.source), load("video-file", VIDEO_FILE)
    film = PacedSource(lambda: video_file(path, asked.size), loop=asked.loop, stop=stop)
    return _announced(film, path.name, tell)


def _network(asked: Asked, stop: threading.Event, tell: Tell, opener: Opener | None) -> Source:
    address, shown, network = asked.source, without_password(asked.source), load("network", NETWORK)
    tell(f"connecting to {shown}")
    source = ReconnectingSource(shown, lambda again: network(address, again=again), tell=tell, stop=stop)
    return _announced(source, shown, tell)


def _announced(source: Source, name: str, tell: Tell) -> Source:
    """The source, after its size and rate were told; a camera's own line says more."""
    height, width = source.info.size
    rate = f", {float(source.info.rate):.4g} fps" if source.info.rate else ""
    tell(f"{name}: {width}x{height}{rate}")
    return source


def _camera(asked: Asked, stop: threading.Event, tell: Tell, opener: Opener | None) -> Source:
    device = find_camera(asked.source)

    def open_camera(again: bool) -> Source:
        camera = CameraSource(device, asked.size or (480, 640), asked.fps or 30, opener=opener)
        tell(f"camera {device}: {camera.negotiated}")
        return camera

    return ReconnectingSource(f"camera {device}", open_camera, tell=tell, stop=stop)


@dataclass(frozen=True)
class SourceKind:
    """One kind of source: whether a text of ``--source`` names it, and how it is opened."""

    takes: Callable[[str], bool]
    open: Open


SOURCES: Mapping[str, SourceKind] = {  # the first that takes the text opens it
    "synthetic": SourceKind(lambda text: text == SYNTHETIC, _synthetic),
    "network": SourceKind(is_address, _network),
    "video-file": SourceKind(_is_file, _film),
    "camera": SourceKind(lambda text: True, _camera),
}


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
