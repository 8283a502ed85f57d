"""When every picture of a file is, without decoding one."""

from fractions import Fraction
from pathlib import Path

import av

from pipeline.common.errors import InputError
from pipeline.video.reading.media import MediaSource
from pipeline.video.reading.resample import resampled
from pipeline.video.reading.streams import first_pictures
from pipeline.video.reading.timeline import Timeline, placed


def picture_times(path: Path, source: MediaSource, fps: Fraction | None = None) -> list[Fraction]:
    """Seconds of every frame that ``source`` will give, from the packets' times alone.

    Args:
        fps: the even rate the source was opened with, if any.

    Raises:
        InputError: the file has pictures without times.
    """
    if not path.is_file():
        assert source.info.rate is not None
        return [index / source.info.rate for index in range(source.info.frame_count or 0)]
    with av.open(f"file:{path}", metadata_errors="replace") as container:
        stream = first_pictures(container.streams.video)
        assert stream is not None  # the source is open already
        every = placed(container, Timeline(container))
        packets = [p for p in every if p.size and p.stream_index == stream.index and not p.is_discard]
        if any(packet.pts is None for packet in packets):
            raise InputError(f"{path} has pictures without times and cannot be split; run without --cluster")
        times = sorted({p.pts * p.time_base for p in packets if p.pts is not None})
    shown = [seconds for seconds in times if seconds >= source.start]
    if fps is None:
        return shown
    return [
        seconds for seconds, _ in resampled(((at, at) for at in shown), fps, source.start, source.last_end)
    ]
