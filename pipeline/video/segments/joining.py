"""Segments into one stream: the same packets in order, with decoding times that fit together."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from pipeline.common.errors import OutputError
from pipeline.video.segments.segment_file import read_packets, read_times, reorder_delay
from pipeline.video.writing.frame_encoder import EncodedPacket


def joined(segments: Sequence[Path], last_duration: int) -> Iterator[EncodedPacket]:
    """Every packet of the segments' files in decoding order, one in memory at a time.

    The pts stay. A packet's dts is the pts that stands ``delay`` places before its own place among all
    pts in order (what x264 writes too); the first ones go before zero at the stream's own pace. So dts
    rise across segments whatever the frame rate does.

    Args:
        last_duration: ticks the last picture is shown.

    Raises:
        OutputError: a segment is damaged, or begins before the one before it ended.
    """
    delay = max((reorder_delay(read_times(path)) for path in segments), default=0)
    dts, left = _decoding_times(segments, delay), frame_count(segments)
    for path in segments:
        ordered = sorted(read_times(path))
        following = dict(pairwise(ordered))
        next_begin = _first_time_after(segments, path)
        for packet in read_packets(path):
            end = following.get(packet.pts, next_begin)
            left -= 1
            # mp4 measures a track by the packet that is decoded last
            duration = last_duration if end is None or not left else end - packet.pts
            yield replace(packet, dts=next(dts), duration=duration)


def _first_time_after(segments: Sequence[Path], path: Path) -> int | None:
    place = segments.index(path) + 1
    return min(read_times(segments[place])) if place < len(segments) else None


def _times_in_order(segments: Sequence[Path]) -> Iterator[int]:
    last: int | None = None
    for path in segments:
        for pts in sorted(read_times(path)):
            if last is not None and pts <= last:
                raise OutputError(
                    f"the segment {path} begins before the one before it ends: the input's times go "
                    "backwards; run again with --fps"
                )
            yield pts
            last = pts


def _decoding_times(segments: Sequence[Path], delay: int) -> Iterator[int]:
    times = _times_in_order(segments)
    first = [pts for _, pts in zip(range(delay + 1), times, strict=False)]
    lead = first[-1] - first[0] if len(first) > 1 else 0
    begin = [pts - lead for pts in first[:delay]]
    waiting = deque(first)
    yield from begin
    for pts in times:
        yield waiting.popleft()
        waiting.append(pts)
    yield from waiting


def frame_count(segments: Sequence[Path]) -> int:
    """Pictures in all the files."""
    return sum(len(read_times(path)) for path in segments)


def first_and_last(segments: Sequence[Path]) -> tuple[int, int]:
    """The first and the last pts in ticks."""
    return min(read_times(segments[0])), max(read_times(segments[-1]))
