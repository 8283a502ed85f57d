"""Frames of a video file, decoded with FFmpeg through PyAV."""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from pipeline.common.errors import InputError
from pipeline.frame import Frame
from pipeline.stream import StreamInfo
from pipeline.video.alpha_plane import has_alpha
from pipeline.video.color import VideoColor
from pipeline.video.frame_filter import Filters, FrameFilter
from pipeline.video.picture_format import NO_RATE, PictureFormat
from pipeline.video.reading.decoder import REPAIR, VideoDecoder
from pipeline.video.reading.deinterlace import FILTER, deinterlaced
from pipeline.video.reading.geometry import Geometry
from pipeline.video.reading.media import MediaSource, Position, pixels_crc
from pipeline.video.reading.resample import resampled
from pipeline.video.reading.tone_mapping import ToneMap
from pipeline.video.reading.transparency import WhiteGround

Deinterlace = Literal["auto", "on", "off"]
Hdr = Literal["tone-map", "keep-tags"]
_SEEK_EARLIER_S = 1  # so that filters that look back have something to look at

_MARKS = {"STEREO3D": "3D video (two views)", "SPHERICAL": "360-degree video"}


def _marks(picture: VideoFrame) -> list[str]:
    """What goes along with a picture and is lost."""
    try:
        beside = picture.side_data
    except (
        ValueError
    ):  # PyAV 18 has no name for some kinds that FFmpeg 8 gives: EXIF, whose file has no marks
        return []
    return [what for mark, what in _MARKS.items() if beside.get(mark) is not None]


class VideoFileSource(MediaSource):
    """The pictures of a video file, upright, in order, with the file's own times.

    The first picture is decoded by the constructor, so that a file without any is refused there. A file
    that breaks later gives what can be decoded; ``damage`` says so when iteration has ended. See
    ``MediaSource`` for what it tells.

    Attributes:
        info: ``size`` is after rotation and scaling.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int] | None = None,
        *,
        fps: Fraction | None = None,
        deinterlace: Deinterlace = "auto",
        square: bool = False,
        even: bool = False,
        fastest: Fraction | None = None,
        hdr: Hdr = "tone-map",
    ) -> None:
        """Open ``path``.

        Args:
            size: (height, width) that frames are scaled to; None keeps the file's.
            fps: frames at this even rate instead of the file's own times.
            deinterlace: ``auto`` does it where the first picture is marked as interlaced.
            even: frames from zero on at the file's own rate, made even, where ``fps`` is None.
            fastest: frames a second at most; a faster file gets this even rate.
            square: pixels that are not square become so.
            hdr: PQ and HLG become BT.709, or stay as they are coded and are tagged so.

        Raises:
            InputNotFoundError: no such file.
            InputError: not a video, empty, a folder, sound only, or no picture can be decoded.
        """
        self.path = path
        self.notes: list[str] = []
        self._framed = 0
        self._tone_map: ToneMap | None = None
        self._to_bgr = FrameFilter(self._filters)
        self._begin()
        own = ((self._decoder.even_rate if even else self._decoder.rate) or NO_RATE).limit_denominator(1001)
        self.even_fps = fps or (own if even else None)
        if fastest is not None and (wanted := self.even_fps or own) > fastest:
            self.even_fps = fastest
            self.notes.append(
                f"{float(wanted):g} pictures a second became {fastest}: players slow faster ones down"
            )
        self._from_zero = even
        first = self._peek()
        self._deinterlace = deinterlace == "on" or (deinterlace == "auto" and first.interlaced_frame)
        self._unasked = deinterlace == "auto" and not self._deinterlace
        if self._deinterlace:
            self.notes.append(f"interlaced pictures were made whole ({FILTER})")
        self._geometry = self._shape(first, size, square)
        self._settle_color(first, hdr)
        self._describe(first)
        self._pictures = self._timed(0)

    def _begin(self) -> None:
        """Open the file at its start; nothing is decoded yet."""
        self._decoder = VideoDecoder(self.path)
        self._decoded = self._decoder.pictures()
        self._next_index = 0

    def _peek(self) -> VideoFrame:
        first = next(self._decoded, None)
        if first is None:
            animated_webp = "webp" in self._decoder.container.format.name
            self.close()
            if animated_webp:
                raise InputError(
                    f"{self.path} is an animated WebP, which FFmpeg does not read; make a GIF or MP4 of it"
                )
            raise InputError(
                f"{self.path} has a video stream, but not one picture of it can be decoded{REPAIR}"
            )
        self._decoded = itertools.chain([first], self._decoded)
        return first

    def _shape(self, first: VideoFrame, size: tuple[int, int] | None, square: bool) -> Geometry:
        aspect = self._decoder.stream.sample_aspect_ratio or Fraction(1)
        geometry = Geometry.of(
            first, aspect, self._decoder.aperture((first.height, first.width)), size, square
        )
        self.notes += geometry.notes(aspect)
        self.notes += [f"the mark of {what} is left out" for what in _marks(first)]
        return geometry

    def _settle_color(self, first: VideoFrame, hdr: Hdr) -> None:
        self._coded = VideoColor.of_frame(first)
        self._ground = WhiteGround(self._coded)
        if self._coded.is_hdr and hdr == "tone-map":
            self._tone_map = ToneMap(self._coded.transfer)
            self.notes.append("HDR was tone-mapped to BT.709; --hdr keep-tags paints its numbers as they are")

    def _filters(self, decoded: VideoFrame) -> Filters:
        table = None if self._tone_map is None else self._tone_map.path
        return self._geometry.filters(self._coded, decoded, table)

    def _describe(self, first: VideoFrame) -> None:
        rate = self._decoder.rate
        self._own_rate = rate or NO_RATE
        self.start = self._time_of(first, 0)
        if self._from_zero and self.even_fps:
            self.start = min(Fraction(0), math.floor(self.start * self.even_fps) / self.even_fps)
        self.end = None if self.even_fps else self._decoder.end()
        self.info = StreamInfo(
            self._geometry.size, self.even_fps or rate or None, self._expected_frames(rate)
        )
        tick = None if self.even_fps else self._decoder.tick
        color = VideoColor() if self._tone_map else self._coded
        self._ground.lay(first)
        self.pictures = replace(
            PictureFormat.of(self.info, tick, color, self._geometry.aspect),
            alpha=has_alpha(first),
            seen_through=self._ground.shown,
        )
        depth = max(component.bits for component in first.format.components)
        if depth > 8:
            self.notes.append(f"the input has {depth} bits a colour, the result has 8")

    def _expected_frames(self, rate: Fraction | None) -> int | None:
        if self._decoder.stream.frames and not self.even_fps:
            return self._decoder.stream.frames
        seconds, rate = self._decoder.duration_s(), self.even_fps or rate
        return max(1, round(seconds * rate)) if seconds and rate else None

    def _time_of(self, decoded: VideoFrame, number: int) -> Fraction:
        if decoded.pts is None:
            return number / self._own_rate
        tick = decoded.time_base or self._decoder.tick  # a flushed picture has none of its own
        return decoded.pts * tick

    def _timed(self, first_index: int) -> Iterator[tuple[Fraction, VideoFrame]]:
        """(pts, picture), whole and at the wanted rate; ``first_index`` is where an even rate begins."""
        whole = deinterlaced(self._decoded) if self._deinterlace else self._decoded
        timed = ((self._time_of(picture, number), picture) for number, picture in enumerate(whole))
        if self.even_fps is None:
            return timed
        return resampled(timed, self.even_fps, self.start, self._read_end, first_index)

    def _read_end(self, begin: Fraction) -> Fraction:
        """Where the last picture that was read ends; without the header's word where some are missing."""
        return begin + 1 / self._own_rate if self._decoder.damage() else self.last_end(begin)

    def last_end(self, begin: Fraction) -> Fraction:
        """See ``MediaSource``."""
        end, step = self._decoder.end(), 1 / self._own_rate
        if end is None or self.even_fps is None:
            return max(begin + step, end or begin)
        return max(begin + min(step, 1 / self.even_fps), end)  # a clock with pauses has a low rate

    def skip_to(
        self,
        position: Position,
        lead_in_s: Fraction = Fraction(0),
        on_lead_in: Callable[[Frame], None] | None = None,
    ) -> None:
        """See ``MediaSource``: by seeking where the file can do that, checked against ``position.crc``."""
        tell = on_lead_in or (lambda frame: None)
        if position.pts is not None and self._decoder.seekable:
            self._seek(position.pts - lead_in_s - _SEEK_EARLIER_S)
            if self._reach(position, lead_in_s, tell, counted=False):
                return
        self._decoder.close()
        self._begin()
        if not self._reach(position, lead_in_s, tell, counted=True):
            raise InputError(
                f"{self.path} is not the file it was: frame {position.index} is another one; run again with "
                "--no-resume"
            )

    def _seek(self, pts: Fraction) -> None:
        self._decoder.seek(max(pts, self.start))
        self._decoded = self._decoder.pictures()

    def _reach(
        self, position: Position, lead_in_s: Fraction, tell: Callable[[Frame], None], counted: bool
    ) -> bool:
        """Read up to and with ``position``; whether it is there and looks the same."""
        lead = position.index if self.even_fps is None else int(lead_in_s * self.even_fps)
        first = 0 if self.even_fps is None else max(0, position.index - lead)
        self._pictures = self._timed(first)
        for number, (pts, picture) in enumerate(self._pictures, first):
            there = number == position.index if counted or position.pts is None else pts == position.pts
            if there:
                frame = self._to_frame(position.index, pts, picture)
                self._next_index = position.index + 1
                tell(frame)
                return position.crc in (None, pixels_crc(frame.pixels))
            if position.pts is not None and pts >= position.pts - lead_in_s and lead_in_s:
                tell(self._to_frame(-1, pts, picture))
            if not counted and position.pts is not None and pts > position.pts:
                return False
        return False

    def __iter__(self) -> Iterator[Frame]:
        for pts, picture in self._pictures:
            frame = self._to_frame(self._next_index, pts, picture)
            self._next_index += 1
            del picture
            yield frame
        self.damage = self._damage(self._decoder.damage())
        self.notes += [note for note in self._decoder.timeline.notes if note not in self.notes]
        if self._framed:
            height, width = self.info.size
            self.notes.append(
                f"{self._framed} pictures have another size: framed in black to {width}x{height}"
            )
        left = self._decoder.interlaced if self._unasked else 0
        if left:
            self.notes.append(
                f"{left} pictures are interlaced though the first is not, and were left "
                "so; --deinterlace on makes them whole"
            )

    def _to_frame(self, index: int, pts: Fraction, picture: VideoFrame) -> Frame:
        whole = self._upright(picture)
        alpha = np.ascontiguousarray(whole[..., 3]) if whole.shape[2] > 3 and self.pictures.alpha else None
        return Frame(np.ascontiguousarray(whole[..., :3]), index, time.monotonic(), pts, alpha)

    def _upright(self, decoded: VideoFrame) -> NDArray[np.uint8]:
        """(H, W, 3 or 4) BGR or BGRA."""
        self._framed += (decoded.height, decoded.width) != self._geometry.coded
        pixels = self._to_bgr.convert(self._ground.lay(decoded)).to_ndarray()
        turned: NDArray[np.uint8] = np.rot90(pixels, self._geometry.quarter_turns)
        return turned

    @property
    def transparent(self) -> bool:
        """See ``MediaSource``."""
        return self._ground.shown

    def damage_so_far(self) -> str | None:
        """See ``MediaSource``."""
        return self.damage or self._damage(self._decoder.damage(at_end=False))

    def _damage(self, reasons: list[str]) -> str | None:
        if not reasons:
            return None
        expected = f" of about {self.info.frame_count}" if self.info.frame_count else ""
        return f"{self.path.name} is damaged: {', '.join(reasons)}; {self._next_index}{expected} frames read"

    def close(self) -> None:
        """Close the file. Closing twice is no error."""
        self._decoder.close()
        if self._tone_map is not None:
            self._tone_map.close()
