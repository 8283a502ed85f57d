"""How a video looks from moment to moment: styles by schedule, cross-faded, aware of cuts."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.common.closeable import Closeable
from pipeline.engines.base import Controls, Precision, default_controls
from pipeline.frame import Frame, Pixels
from pipeline.style import StyleFile
from pipeline.stylize.blend import blend, mixed
from pipeline.stylize.cuts import CutDetector
from pipeline.stylize.schedule import Part, Schedule
from pipeline.stylize.steady import Motion, Steady
from pipeline.stylize.stylizer import Stylizer


@dataclass(frozen=True)
class _Waiting:
    """A frame in flight: its parts were settled when it came, what they become is settled in order."""

    frame: Frame
    parts: tuple["_Painted", ...]
    motion: Motion | None  # None where the frame begins a scene or a segment, or none is followed


@dataclass(frozen=True)
class _Painted:
    """What an engine paints of a frame, and how much of the picture that is."""

    file: Path
    controls: Controls
    strength: float
    weight: float


class ScheduledStylizer(Closeable):
    """Frame in, pixels out, by a schedule; one engine a style file, all open from the start.

    Between two styles of one file a cross-fade mixes their rows inside the network, in the time of one
    picture; between two files it mixes pictures.

    Used by one thread at a time. What it does with a frame depends on the frame's time and on the cuts of
    the last ``lead_in_s`` seconds, on nothing else; not on how many frames are in flight either.
    """

    def __init__(
        self,
        styles: Mapping[str, StyleFile],
        schedule: Schedule,
        size: tuple[int, int],
        *,
        start: Fraction,
        engine: str = "auto",
        precision: Precision | None = None,
        keep_colors: bool = False,
        steady: Steady | None = None,
        segment_frames: int | None = None,
        in_flight: int = 1,
    ) -> None:
        """Open the engines.

        Args:
            styles: file by the name the schedule uses.
            size: (height, width) of the frames.
            start: pts of the first frame, at which the schedule begins.
            steady: calms the pictures; it begins anew at cuts and every ``segment_frames`` frames, so that
                a resumed or distributed job gives the same frames as one in a piece.
            in_flight: frames that will be submitted before the first is collected, where the engines can.

        Raises:
            EngineError, MissingPackageError: as ``Stylizer``.
        """
        self._schedule, self._start = schedule, start
        self._steady, self._segment_frames = steady, segment_frames
        self._watches_cuts = steady is not None or (len(schedule.cues) > 1 and schedule.fade_s > 0)
        self._keep_colors = keep_colors
        self._cuts = CutDetector()
        self._last_cut: Fraction | None = None
        self._waiting: deque[_Waiting] = deque()
        self._styles = dict(styles)
        self._stylizers: dict[Path, Stylizer] = {}
        try:
            for style in {styles[name].path: styles[name] for name in schedule.styles}.values():
                self._stylizers[style.path] = Stylizer(
                    style,
                    size,
                    engine=engine,
                    precision=precision,
                    in_flight=in_flight,
                )
        except BaseException:
            self.close()
            raise

    @property
    def lead_in_s(self) -> Fraction:
        """Seconds of frames before a point that must be shown to ``look_at`` to go on from there."""
        return self._schedule.fade_s + 1 if self._watches_cuts else Fraction(0)

    def describe(self) -> str:
        """The engine that runs, and why preferred ones do not."""
        return next(iter(self._stylizers.values())).describe()

    @property
    def engine_names(self) -> list[str]:
        """Name, version, device and precision of every engine, by style."""
        return [str(stylizer.info) for stylizer in self._stylizers.values()]

    @property
    def slots(self) -> int:
        """Frames that may be in flight between ``submit`` and ``collect``; may change between frames."""
        return min(stylizer.slots for stylizer in self._stylizers.values())

    def look_at(self, frame: Frame) -> None:
        """Take notice of a frame that is not stylized, before the first that is: of its cut, if it is one."""
        self._begins_scene(frame)

    def submit(self, frame: Frame) -> None:
        """Hand in a frame; ``collect`` returns the results in order.

        Args:
            frame: its pixels must stay unchanged until its result was collected.

        Raises:
            EngineError: an engine failed, or ``slots`` frames are in flight already.
        """
        begins_segment = bool(self._segment_frames) and frame.index % (self._segment_frames or 1) == 0
        begins = self._begins_scene(frame) or begins_segment
        parts = self._painted(self._schedule.parts_at(self._seconds(frame), self._last_cut))
        for part in parts:
            self._stylizers[part.file].submit(frame.pixels, part.controls)
        motion = None if self._steady is None else self._steady.follow(frame.pixels, begins)
        self._waiting.append(_Waiting(frame, parts, motion))

    def collect(self) -> Pixels:
        """The oldest frame's picture, (H, W, 3) uint8 BGR. Raises EngineError where an engine failed on it.

        Not calmed, it is the caller's; calmed, it is only to be read.
        """
        waiting = self._waiting.popleft()
        if self._steady is not None:
            self._steady.carry(waiting.motion)
        pictures = [self._collect(part, waiting.frame.pixels) for part in waiting.parts]
        picture = mixed(pictures[0], pictures[-1], waiting.parts[-1].weight)
        return picture if self._steady is None else self._steady.blend(picture)

    def __call__(self, frame: Frame) -> Pixels:
        """One frame, with no other in flight."""
        self.submit(frame)
        return self.collect()

    def _begins_scene(self, frame: Frame) -> bool:
        cut = self._watches_cuts and self._cuts(frame.pixels)
        if cut:
            self._last_cut = self._seconds(frame)
        return cut

    def _seconds(self, frame: Frame) -> Fraction:
        return (frame.pts if frame.pts is not None else Fraction(0)) - self._start

    def _painted(self, parts: Sequence[Part]) -> tuple[_Painted, ...]:
        """What the engines do for ``parts``: two of one file become one."""
        painted = [self._alone(part) for part in parts]
        first, last = painted[0], painted[-1]
        if first is last or first.file != last.file:
            return tuple(painted)
        both = {
            name: first.weight * first.controls[name] + last.weight * last.controls[name]
            for name in first.controls
        }
        strength = first.weight * first.strength + last.weight * last.strength
        return (_Painted(first.file, both, strength, 1.0),)

    def _alone(self, part: Part) -> _Painted:
        style = self._styles[part.style]
        return _Painted(style.path, default_controls(style.card), part.strength, part.weight)

    def _collect(self, part: _Painted, source: Pixels) -> Pixels:
        return blend(source, self._stylizers[part.file].collect(), part.strength, self._keep_colors)

    def close(self) -> None:
        """Close every engine. Closing twice is no error."""
        for stylizer in self._stylizers.values():
            stylizer.close()
