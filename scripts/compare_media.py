"""Compare a video with the one made of it, as ffprobe sees both: what the file contract promises.

python scripts/compare_media.py IN OUT     prints every difference; exit code 1 where there is one

Compared: the types of the streams, languages and chapters, every picture's time, each track's duration
within one frame, rotation (the result has none), pixel aspect ratio, colour tags.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

FFPROBE = shutil.which("ffprobe")
_MILLISECOND = Fraction(1, 1000)
_LONGEST_BLOCK = Fraction(1, 15)  # of sound that was encoded again, with its run-in
_COLOR_TAGS = ("color_space", "color_primaries", "color_transfer")


@dataclass(frozen=True)
class Media:
    """What ffprobe says of a file.

    Attributes:
        streams: one JSON object each, the picture stream first found without a cover.
        chapters: (start, end, title) each.
        times: seconds of every shown picture, in order.
        sound_s: seconds from the first to the end of the last packet, one a sound track.
    """

    streams: list[dict[str, Any]]
    chapters: list[tuple[str, str, str]]
    times: list[Fraction]
    sound_s: list[Fraction]

    @property
    def video(self) -> dict[str, Any]:
        """The picture stream."""
        return next(s for s in self.streams if s["codec_type"] == "video" and not is_cover(s))

    @property
    def rotation(self) -> int:
        """Degrees of the display matrix; 0 without one."""
        sides = self.video.get("side_data_list", [])
        return int(next((side["rotation"] for side in sides if "rotation" in side), 0))

    def kinds(self) -> list[str]:
        """Sorted types of all streams but data."""
        return sorted(s["codec_type"] for s in self.streams if s["codec_type"] != "data")


def is_cover(stream: dict[str, Any]) -> bool:
    """Whether a stream is an attached picture."""
    return bool(stream["disposition"].get("attached_pic"))


def look(path: Path) -> Media:
    """Ask ffprobe."""
    told = _probe(path, "-show_streams", "-show_chapters")
    video = next(s for s in told["streams"] if s["codec_type"] == "video" and not is_cover(s))
    fields = "frame=best_effort_timestamp"
    frames = _probe(path, "-select_streams", str(video["index"]), "-show_frames", "-show_entries", fields)
    ticks: list[int] = []
    for frame in frames["frames"]:  # the last picture of a program stream may have no time at all
        ticks.append(int(frame.get("best_effort_timestamp", 2 * ticks[-1] - ticks[-2] if ticks[1:] else 0)))
    chapters = [
        (c["start_time"], c["end_time"], c.get("tags", {}).get("title", "")) for c in told["chapters"]
    ]
    sound = [_span(path, s) for s in told["streams"] if s["codec_type"] == "audio"]
    return Media(told["streams"], chapters, [t * Fraction(video["time_base"]) for t in ticks], sound)


def _span(path: Path, stream: dict[str, Any]) -> Fraction:
    fields = "packet=pts,duration"
    packets = _probe(path, "-select_streams", str(stream["index"]), "-show_packets", "-show_entries", fields)
    timed = [(int(p["pts"]), int(p.get("duration", 0))) for p in packets["packets"] if "pts" in p]
    if not timed:
        return Fraction(0)
    return (max(sum(p) for p in timed) - min(p[0] for p in timed)) * Fraction(stream["time_base"])


def _probe(path: Path, *arguments: str) -> dict[str, Any]:
    assert FFPROBE is not None, "the ffprobe program is not installed"
    command = [FFPROBE, "-v", "error", "-of", "json", *arguments, f"file:{path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def differences(
    source: Path, result: Path, *, left_out: tuple[str, ...] = (), moved: bool = False
) -> list[str]:
    """One line for every way in which ``result`` breaks the contract; empty when it keeps it.

    Args:
        left_out: stream types that the result's container cannot hold, one entry a stream.
        moved: all times may be later by one and the same span.
    """
    before, after = look(source), look(result)
    return [
        *_streams(before, after, left_out),
        *_times(before, after, moved),
        *_durations(before, after),
        *_picture(before, after),
        *([] if "chapter" in left_out else _chapters(before, after)),
    ]


def _streams(before: Media, after: Media, left_out: tuple[str, ...]) -> Iterator[str]:
    wanted = before.kinds()
    for kind in left_out:
        if kind in wanted:
            wanted.remove(kind)
    if wanted != after.kinds():
        yield f"streams: {wanted} were wanted, {after.kinds()} are there"
    for kind in ("audio", "subtitle"):
        if kind not in left_out:
            was, is_now = (_languages(m, kind) for m in (before, after))
            if was != is_now:
                yield f"languages of {kind}: {was} were wanted, {is_now} are there"


def _languages(media: Media, kind: str) -> list[str]:
    found = (s.get("tags", {}).get("language", "und") for s in media.streams if s["codec_type"] == kind)
    return list(found)


def _times(before: Media, after: Media, moved: bool) -> Iterator[str]:
    if len(before.times) != len(after.times):
        yield f"pictures: {len(before.times)} were wanted, {len(after.times)} are there"
        return
    shift = after.times[0] - before.times[0] if moved else 0
    worst = max(abs(b + shift - a) for b, a in zip(before.times, after.times, strict=True))
    if worst > _MILLISECOND / 2:  # Matroska counts milliseconds
        yield f"times: up to {float(worst) * 1000:.3f} ms off"


def _durations(before: Media, after: Media) -> Iterator[str]:
    """Every track's span, by its packets: what headers say of streams without an index is a guess."""
    frame = max(_frame_time(before), Fraction(1, 1000))
    was, is_now = (Fraction(m.video.get("duration", 0)) for m in (before, after))
    span = before.times[-1] - before.times[0] + frame
    honest = abs(was - span) < 2 * frame  # a program stream's header is a guess
    if was and is_now and honest and abs(was - is_now) > frame + _MILLISECOND:
        yield f"video lasts {float(is_now):.3f} s, {float(was):.3f} s was wanted"
    for number, (one, other) in enumerate(zip(before.sound_s, after.sound_s, strict=False), 1):
        if abs(one - other) > max(frame, _LONGEST_BLOCK):
            yield f"sound {number} lasts {float(other):.3f} s, {float(one):.3f} s was wanted"


def _frame_time(media: Media) -> Fraction:
    rate = Fraction(media.video["avg_frame_rate"]) if media.video["avg_frame_rate"] != "0/0" else Fraction(25)
    return 1 / rate if rate else Fraction(1, 25)


def _picture(before: Media, after: Media) -> Iterator[str]:
    if after.rotation:
        yield f"rotation: the pixels were turned and the tag still says {after.rotation}"
    turned = before.rotation % 180 != 0
    size = [before.video["width"], before.video["height"]]
    wanted = [side + side % 2 for side in (size[::-1] if turned else size)]
    found = [after.video["width"], after.video["height"]]
    if found not in (wanted, size[::-1] if turned else size):
        yield f"size: {wanted} was wanted, {found} is there"
    ratio, now = (
        Fraction(m.video.get("sample_aspect_ratio", "1:1").replace(":", "/")) for m in (before, after)
    )
    if now != (1 / ratio if turned else ratio):
        yield f"pixel aspect ratio: {ratio} was wanted, {now} is there"
    for tag in _COLOR_TAGS:
        was = before.video.get(tag, "unknown")
        if was not in ("unknown", "gbr", after.video.get(tag)):
            yield f"{tag}: {was} was wanted, {after.video.get(tag)} is there"


def _chapters(before: Media, after: Media) -> Iterator[str]:
    was, is_now = ([title for _, _, title in m.chapters] for m in (before, after))
    if was != is_now:
        yield f"chapters: {was} were wanted, {is_now} are there"
    for one, other in zip(before.chapters, after.chapters, strict=False):
        if abs(Fraction(one[0]) - Fraction(other[0])) > _MILLISECOND:
            yield f"chapter {one[2]!r} begins at {other[0]} s, {one[0]} s was wanted"


def main(arguments: list[str]) -> int:
    """Print the differences of two files; 1 where there are any."""
    found = differences(Path(arguments[0]), Path(arguments[1]))
    print("\n".join(found) or "The result keeps the contract.")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
