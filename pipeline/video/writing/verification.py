"""The last look at a video before it gets its name: is everything in it that should be?"""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Stream
from av.video.stream import VideoStream

from pipeline.common.errors import OutputError
from pipeline.video.reading.streams import first_pictures
from pipeline.video.writing.passthrough import OF_THE_FILE

_ROUNDING_S = Fraction(1, 500)  # Matroska and GIF count in milliseconds and more
_TAG_ALIASES = {"date": "creation_time"}


def check_video(
    path: Path,
    *,
    frames: int,
    span: Fraction,
    frame_time: Fraction,
    kinds: Sequence[str],
    sound_s: Sequence[Fraction] = (),
    empty: Sequence[str] = (),
    source: Path | None = None,
    complete: bool = True,
) -> list[str]:
    """Open ``path`` as a stranger would and compare.

    Args:
        frames: how many pictures there must be.
        span: seconds from the first to the last of them.
        frame_time: seconds one frame may last; durations agree within it.
        kinds: types of the streams that must be there.
        empty: those of ``kinds`` into which nothing went, which containers may drop.
        sound_s: seconds that went into each sound track.
        source: the input, whose tags are compared; None compares none.
        complete: False where a run was stopped or its input is damaged: sound may end earlier then.

    Returns:
        A line where the container did not keep some tags of the source.

    Raises:
        OutputError: something is missing; the message says what was wanted and what is there.
    """
    try:
        with av.open(f"file:{path}", metadata_errors="replace") as container:
            wrong = _wrong_streams(container, kinds, empty) or _first_fault(
                container, frames, span, frame_time
            )
            if wrong is None and complete:
                wrong = _shorter_track(path, sound_s, frame_time)
            if wrong is None and source is not None:
                with av.open(f"file:{source}", metadata_errors="replace") as original:
                    return _lost_tags(container, original)
    except (FFmpegError, OSError) as error:
        wrong = f"it cannot be read ({error})"
    if wrong is not None:
        raise OutputError(
            f"the finished video did not pass its check: {wrong}; it was not given its name, its segments "
            "are kept: run the same command again, or with --no-resume"
        )
    return []


def _wrong_streams(container: InputContainer, kinds: Sequence[str], empty: Sequence[str]) -> str | None:
    found = Counter(stream.type for stream in container.streams if stream.type != "data")
    if Counter(kinds) - Counter(empty) <= found <= Counter(kinds):
        return None
    return f"streams {', '.join(sorted(kinds))} were wanted, {', '.join(sorted(found.elements()))} are there"


def _first_fault(container: InputContainer, frames: int, span: Fraction, frame_time: Fraction) -> str | None:
    stream = first_pictures(container.streams.video)
    assert isinstance(stream, VideoStream)
    times = _picture_times(container, stream)
    if len(times) != frames:
        return f"{frames} pictures were wanted, {len(times)} are there"
    found_span = max(times) - min(times)
    if abs(found_span - span) > frame_time + _ROUNDING_S:
        return f"pictures over {float(span):.3f} s were wanted, they last {float(found_span):.3f} s"
    return _ends_decodable(container, stream)


def _picture_times(container: InputContainer, stream: VideoStream) -> list[Fraction]:
    """Decoding times where there are no others: pictures that are counted are shown in that order."""
    packets = [packet for packet in container.demux(stream) if packet.size]
    times = [(p.dts if p.pts is None else p.pts, p.time_base) for p in packets]
    return [ticks * tick for ticks, tick in times if ticks is not None]


def _ends_decodable(container: InputContainer, stream: VideoStream) -> str | None:
    """Decode from the start to the first picture, and from the last key frame to the end."""
    container.seek(0)
    if next(container.decode(stream), None) is None:
        return "its first picture cannot be decoded"
    if container.duration:
        end = round(container.duration / av.time_base / (stream.time_base or 1)) + (stream.start_time or 0)
        container.seek(end, stream=stream)
    last = None
    for last in container.decode(stream):
        if last.is_corrupt:
            return "its last pictures are damaged"
    return "its last picture cannot be decoded" if last is None else None


def _shorter_track(path: Path, sound_s: Sequence[Fraction], frame_time: Fraction) -> str | None:
    """A sound track that ends earlier than what went into it, by more than a frame or an encoder's block."""
    allowed = max(frame_time, Fraction(1, 10))
    found = _sound_seconds(path)
    for number, want in enumerate(sound_s):
        have = found[number] if number < len(found) else Fraction(0)
        if want - have > allowed:
            return f"sound track {number + 1} of {float(want):.2f} s was wanted, it lasts {float(have):.2f} s"
    return None


def _sound_seconds(path: Path) -> list[Fraction]:
    """Of each sound track that is not empty."""
    with av.open(f"file:{path}", metadata_errors="replace") as container:
        count = len(container.streams.audio)
    found = []
    for number in range(count):
        with av.open(
            f"file:{path}", metadata_errors="replace"
        ) as container:  # a seek would miss what is before 0
            found.append(_seconds(container, container.streams.audio[number]))
    return [seconds for seconds in found if seconds is not None]


def _seconds(container: InputContainer, stream: Stream) -> Fraction | None:
    """From the first to the end of the last packet: headers leave out what an edit list hides."""
    timed = [
        (packet.pts * packet.time_base, (packet.pts + (packet.duration or 0)) * packet.time_base)
        for packet in container.demux(stream)
        if packet.size and packet.pts is not None
    ]
    return max(end for _, end in timed) - min(begin for begin, _ in timed) if timed else None


def _lost_tags(container: InputContainer, original: InputContainer) -> list[str]:
    pictures = first_pictures(container.streams.video)
    tagged = (container, pictures) if pictures is not None else (container,)
    kept: dict[str, Any] = {key.lower(): value for one in tagged for key, value in one.metadata.items()}
    lost = [
        key
        for key in original.metadata
        if key.lower() not in OF_THE_FILE and key.lower() not in kept and _TAG_ALIASES.get(key) not in kept
    ]
    name = container.format.name.split(",")[0]
    if len(lost) == 1:
        return [f"the tag {lost[0]!r} is left out: {name} cannot hold it"]
    return [f"the tags {', '.join(map(repr, lost))} are left out: {name} cannot hold them"] if lost else []
