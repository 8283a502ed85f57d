"""One continuous line of time for a file whose clock starts late, starts again or jumps."""

from collections.abc import Iterator
from fractions import Fraction

import av
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.stream import Stream

_STARTS_AGAIN_S = Fraction(1, 10)  # as the ffmpeg program: decoding times of one stream never go back
_JUMPS_S = Fraction(10)
_INDEXED = ("mov", "mp4", "matroska", "webm")  # read from any place: their times are as the index says


class Timeline:
    """Moves packets' times so that the file begins at zero and goes on where its clock jumps.

    A file begins at zero when its earliest stream does; streams keep their distances. Parts that were
    joined (``cat a.ts b.ts``) or recorded after a loss follow each other without a gap, and all streams of
    a part are moved by the same span. This is what ``ffmpeg -i`` does, but for its changing of one
    stream's span in the middle of a part.

    Every reader of a file must show it all packets of sound and pictures in the file's order, from the
    first on; in files with an index it may begin anywhere.

    Attributes:
        origin: seconds on the file's clock that are zero now.
        may_jump: whether files of this kind are recordings whose clock jumps.
        jumps: seconds of the new time at which the clock started again or jumped.
    """

    def __init__(self, container: InputContainer) -> None:
        begin = Fraction(container.start_time or 0, av.time_base)
        names = container.format.name.split(",")
        self.origin = max(Fraction(0), begin)
        self.jumps: list[Fraction] = []
        self._may_start_again = not any(name in _INDEXED for name in names)
        self.may_jump = Flags.ts_discont in Flags(container.format.flags)
        self._spans = [-self.origin]  # one a part
        self._part_of: dict[int, int] = {}
        self._last: dict[int, Fraction] = {}  # decoding time of each stream's last packet, moved
        self._end: dict[int, Fraction] = {}

    @property
    def notes(self) -> list[str]:
        """A line each for a clock that began hours late (a second or two is usual in a TS), and for jumps."""
        notes = []
        if self.origin > _JUMPS_S:
            notes.append(
                f"the clock begins at {float(self.origin):.3f} s: every time was moved to begin at zero"
            )
        if self.jumps:
            places = ", ".join(f"{float(at):.2f} s" for at in self.jumps[:3])
            more = f" and {len(self.jumps) - 3} more" if len(self.jumps) > 3 else ""
            notes.append(f"the clock starts again or jumps at {places}{more}: the parts were put end to end")
        return notes

    def place(self, packet: "Packet[Stream]") -> None:
        """Move the packet's times."""
        ticks = packet.dts if packet.dts is not None else packet.pts
        index = packet.stream_index
        part = self._part_of.get(index, len(self._spans) - 1)
        if ticks is not None and self._may_start_again and packet.stream.type in ("audio", "video"):
            part = self._part(index, ticks * packet.time_base, part)
            self._note(index, ticks * packet.time_base + self._spans[part], packet)
        moved = round(self._spans[part] / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts + moved
        packet.dts = None if packet.dts is None else packet.dts + moved

    def _part(self, index: int, clock: Fraction, part: int) -> int:
        """The part a packet belongs to: its stream's, a later one that is known, or a new one."""
        if self._breaks(index, clock + self._spans[part]):
            last, later = self._last[index], range(part + 1, len(self._spans))
            part = next((p for p in later if abs(clock + self._spans[p] - last) < _JUMPS_S), len(self._spans))
            if part == len(self._spans):
                self._spans.append(max(self._end.values()) - clock)
                self.jumps.append(clock + self._spans[part])
            self._spans[part] += max(Fraction(0), self._end[index] - clock - self._spans[part])
        self._part_of[index] = part
        return part

    def _breaks(self, index: int, at: Fraction) -> bool:
        if index not in self._last:
            return False
        late = self.may_jump and at > max(self._end.values()) + _JUMPS_S
        return late or at + _STARTS_AGAIN_S < self._last[index]

    def _note(self, index: int, at: Fraction, packet: "Packet[Stream]") -> None:
        self._last[index] = at
        end = at + (packet.duration or 0) * packet.time_base
        self._end[index] = max(end, self._end.get(index, end))


def placed(container: InputContainer, timeline: Timeline) -> "Iterator[Packet[Stream]]":
    """All packets of all streams in the file's order, moved; the empty ones that end the streams too."""
    for packet in container.demux():
        if packet.size:
            timeline.place(packet)
        yield packet
