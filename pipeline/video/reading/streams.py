"""Which of a file's streams holds its pictures."""

from typing import Any, cast

from av.stream import Disposition, Stream


def first_pictures(streams: Any) -> Stream | None:
    """The first video stream that is not a cover picture."""
    return next((cast(Stream, s) for s in streams if not s.disposition & Disposition.attached_pic), None)
