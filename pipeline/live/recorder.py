"""What the person keeps of a live stream: recordings and screenshots, made in a thread of their own.

A slow disk or encoder therefore costs frames of the recording, never a frame on the screen.
"""

import datetime
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from pipeline.common.adapters import Adapter, load
from pipeline.common.concurrency import LOOK_EVERY_S, LatestSlot
from pipeline.common.errors import OutputError
from pipeline.drawing.letterbox import letterbox
from pipeline.frame import Frame, Pixels
from pipeline.images.writing import write_image
from pipeline.live.painter import Painting
from pipeline.stream import Sink, StreamInfo

VIDEO_FILE = Adapter("pipeline.video.writing.recording:VideoFileSink", "av")
"""What a recording is written with; not needed for the first picture, and slow to import."""

_MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Kept:
    """A finished recording.

    Attributes:
        path: the file.
        frames: in it.
        missed: frames that came while the encoder was busy.
    """

    path: Path
    frames: int
    missed: int


class Recorder:
    """``offer`` takes every frame, ``run`` is the thread's body, the rest is called at will.

    Attributes:
        folder: where files without a name of their own go.
        kept: finished recordings.
    """

    def __init__(
        self,
        folder: Path,
        stop: threading.Event,
        tell: Callable[[str], None],
        *,
        record: Path | None = None,
        overwrite: bool = False,
    ) -> None:
        """``record`` starts a recording of that name with the first frame.

        Raises:
            OutputError: that name cannot be written: unknown extension, taken, no folder.
        """
        self.folder = folder
        self.kept: list[Kept] = []
        self._tell = tell
        self._overwrite = overwrite
        self._offered: LatestSlot[tuple[Frame, StreamInfo]] = LatestSlot(stop)
        self._pictures: queue.SimpleQueue[Painting] = queue.SimpleQueue()
        self._path: Path | None = record  # of the recording that is wanted
        self._recording: _Recording | None = None
        self._began_at: float | None = None
        if record is not None:
            load("recording", VIDEO_FILE)(record, overwrite=overwrite)

    @classmethod
    def idle(cls, stop: threading.Event) -> "Recorder":
        """One that nobody asks for anything: for measurements."""
        return cls(Path(), stop, lambda line: None)

    def recording_s(self, now: float) -> float | None:
        """How long the recording runs, None where there is none."""
        began_at = self._began_at
        return None if began_at is None or self._path is None else max(0.0, now - began_at)

    def toggle_recording(self) -> None:
        """Start a recording under a new name, or end the one that runs."""
        if self._path is None:
            self._path = _free(self.folder / f"brushstream-{_now()}.mp4")
        else:
            self._path = None

    def screenshot(self, painting: Painting) -> None:
        """Write the source, the result, and both in one picture."""
        self._pictures.put(painting)

    def offer(self, frame: Frame, info: StreamInfo) -> None:
        """The newest result; kept where a recording is wanted."""
        if self._path is not None:
            self._offered.put((frame, info))

    def run(self) -> None:
        """Write until the stream ends; what was recorded is kept, whatever ended it.

        Raises:
            OutputError: a recording cannot be written. A screenshot that cannot be is only told.
        """
        try:
            for item in self._offered.polled(LOOK_EVERY_S):
                self._write_pictures()
                self._end_if_done()
                if item is not None and self._path is not None:
                    self._write(self._path, *item)
        finally:
            self._write_pictures()
            self._end()

    def _write(self, path: Path, frame: Frame, info: StreamInfo) -> None:
        if self._recording is None:
            self._recording = _Recording(path, self._overwrite, info, frame, self._offered.dropped)
            self._began_at = frame.captured_at
            self._tell(f"recording to {path}")
        self._recording.write(frame)

    def _end_if_done(self) -> None:
        if self._recording is not None and self._recording.path != self._path:
            self._end()

    def _end(self) -> None:
        recording, self._recording, self._began_at = self._recording, None, None
        if recording is None:
            return
        kept = recording.finish(self._offered.dropped)
        self.kept.append(kept)
        missed = f", {kept.missed} more came too fast for the encoder" if kept.missed else ""
        self._tell(f"recorded {kept.frames} frames to {kept.path}{missed}")

    def _write_pictures(self) -> None:
        while not self._pictures.empty():
            painting = self._pictures.get()
            stem = f"brushstream-{_now()}"
            both: Pixels = np.hstack((painting.source, painting.result))
            try:
                for name, pixels in (
                    ("source", painting.source),
                    ("result", painting.result),
                    ("both", both),
                ):
                    write_image(_free(self.folder / f"{stem}-{name}.png"), pixels)
            except OutputError as error:
                self._tell(f"no screenshot: {error}")
            else:
                self._tell(f"screenshot: {self.folder / stem}-source.png, -result.png, -both.png")


class _Recording:
    """One file; times are those of capturing, so that frames left out leave the rest in step."""

    def __init__(
        self, path: Path, overwrite: bool, info: StreamInfo, first: Frame, dropped_before: int
    ) -> None:
        self.path = path
        self._frames = 0
        self._began_at = first.captured_at
        self._dropped_before = dropped_before
        self._size = first.size
        self._sink: Sink = load("recording", VIDEO_FILE)(path, overwrite=overwrite)
        self._sink.open(StreamInfo(first.size, info.rate or Fraction(30), live=True))

    def write(self, frame: Frame) -> None:
        pts = Fraction(round((frame.captured_at - self._began_at) * _MICROSECONDS), _MICROSECONDS)
        pixels = letterbox(frame.pixels, self._size)
        try:
            self._sink.write(Frame(pixels, self._frames, frame.captured_at, pts))
        except BaseException:
            self._sink.close()
            raise
        self._frames += 1

    def finish(self, dropped: int) -> Kept:
        try:
            self._sink.finish()
        finally:
            self._sink.close()
        return Kept(self.path, self._frames, dropped - self._dropped_before)


def _now() -> str:
    return datetime.datetime.now().strftime("%Y%m%d-%H%M%S")


def _free(path: Path) -> Path:
    """The path itself, or with a number where it is taken."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free
