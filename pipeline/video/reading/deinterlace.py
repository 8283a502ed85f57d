"""Interlaced pictures made whole by FFmpeg's bwdif filter, one out for each one in."""

from collections.abc import Iterator

from av.video.frame import VideoFrame

from pipeline.video.frame_filter import FrameFilter

FILTER = "bwdif"
_ARGUMENTS = "mode=send_frame:parity=auto:deint=interlaced"


def deinterlaced(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """The same pictures at the same times; those not marked as interlaced pass untouched."""
    bwdif = FrameFilter(lambda _: [(FILTER, _ARGUMENTS)])
    for frame in frames:
        yield from bwdif.push(frame)
    yield from bwdif.flush()
