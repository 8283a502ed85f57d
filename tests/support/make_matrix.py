"""The clips of the file contract, each made by the real ffmpeg in one peculiar way: 64x48, one second."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.make_media import H264, TESTSRC, ffmpeg
from tests.support.make_media import turned as turn

TONE = ("-f", "lavfi", "-i", "sine=d=1")
SUBTITLES = (
    "1\n00:00:00,100 --> 00:00:00,500\nFirst line\n\n2\n00:00:00,600 --> 00:00:00,900\nSecond <i>line</i>\n"
)
CHAPTERS = (
    ";FFMETADATA1\ntitle=A clip\nartist=Somebody\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=One\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND=1000\ntitle=Two\n"
)


@dataclass(frozen=True)
class Case:
    """One clip.

    Attributes:
        source: its name; the extension chooses the container.
        make: writes it.
        result: the extension of the copy.
        left_out: types of streams that copy cannot hold.
        notes: words that must be among the job's notes.
        moved: all times may be later by one span.
    """

    source: str
    make: Callable[[Path], None]
    result: str = ".mp4"
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    moved: bool = False


def plain(*arguments: str) -> Callable[[Path], None]:
    """Pictures and one tone with these encoder arguments."""
    return lambda path: ffmpeg(*TESTSRC, *TONE, *arguments, path)


def silent(*arguments: str, source: tuple[str, ...] = TESTSRC) -> Callable[[Path], None]:
    """Pictures alone."""
    return lambda path: ffmpeg(*source, *arguments, path)


def rich(path: Path) -> None:
    """Two sound tracks, subtitles, chapters, tags."""
    words, chapters = path.with_name("words.srt"), path.with_name("chapters.txt")
    words.write_text(SUBTITLES)
    chapters.write_text(CHAPTERS)
    text = "mov_text" if path.suffix == ".mp4" else "srt"
    ffmpeg(
        *TESTSRC, *TONE, "-f", "lavfi", "-i", "sine=f=880:d=1", "-i", words, "-i", chapters,
        "-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map_metadata", "4", *H264, "-c:a", "aac",
        "-c:s", text, "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu",
        "-metadata:s:s:0", "language=fra", path,
    )  # fmt: skip


def turned(path: Path) -> None:
    """A telephone's clip: lying pixels and a tag."""
    straight = path.with_name("straight.mp4")
    ffmpeg(*TESTSRC, *TONE, *H264, "-c:a", "aac", straight)
    turn(path, straight)


def cut_in(path: Path) -> None:
    """Cut without encoding, in the middle of a group of pictures: an edit list hides what is before."""
    whole = path.with_name("whole.mp4")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=2", *H264, "-bf", "2", "-g", "50", whole)
    ffmpeg("-ss", "0.7", "-i", whole, "-t", "0.8", "-c", "copy", path)


def negative(path: Path) -> None:
    """B-frames, and a first picture before zero."""
    ffmpeg(
        *TESTSRC, *TONE, *H264, "-bf", "3", "-c:a", "aac", "-output_ts_offset", "-0.4",
        "-avoid_negative_ts", "disabled", path,
    )  # fmt: skip


def with_cover(path: Path) -> None:
    """A picture attached."""
    cover = path.with_name("cover.png")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x32", "-frames:v", "1", cover)
    ffmpeg(
        *TESTSRC, *TONE, "-i", cover, "-map", "0", "-map", "1", "-map", "2", "-c:v:0", "libx264", "-pix_fmt",
        "yuv420p", "-c:v:1", "png", "-disposition:v:1", "attached_pic", "-c:a", "aac", path,
    )  # fmt: skip


_VFR = ("-vf", "select='not(mod(n,7))+not(mod(n,3))'", "-fps_mode", "vfr")
_ODD = ("-vf", "scale=63:47", "-c:v", "ffv1", "-pix_fmt", "yuv444p")
_BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
_NTSC = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=30000/1001:d=1")
_INTERLACED = ("-vf", "tinterlace=interleave_top,setfield=tff", "-flags", "+ilme+ildct", "-c:v", "mpeg2video")
_PRORES = ("-c:v", "prores_ks")
AAC = ("-c:a", "aac")

CASES = {
    "vfr": Case("in.mp4", plain(*_VFR, *H264, "-bf", "2", *AAC)),
    "vfr-mkv": Case("in.mkv", plain(*_VFR, *H264, *AAC), ".mkv"),
    "rotated": Case("in.mov", turned),
    "rich-mp4": Case("in.mp4", rich),
    "rich-mkv": Case("in.mkv", rich, ".mkv"),
    "rich-mkv-to-mp4": Case("in.mkv", rich, ".mp4", notes=("converted to mov_text",)),
    "rich-mp4-to-mkv": Case("in.mp4", rich, ".mkv", notes=("converted to subrip",), moved=True),
    "rich-mkv-to-webm": Case("in.mkv", rich, ".webm", notes=("as opus", "converted to webvtt"), moved=True),
    "negative-start": Case("in.mp4", negative, moved=True),
    "audio-shorter": Case(
        "in.mp4", lambda p: ffmpeg(*TESTSRC, "-f", "lavfi", "-i", "sine=d=0.4", *H264, *AAC, p)
    ),
    "audio-longer": Case(
        "in.mp4", lambda p: ffmpeg(*TESTSRC, "-f", "lavfi", "-i", "sine=d=2.0", *H264, *AAC, p)
    ),
    "ten-bit-hevc": Case(
        "in.mp4", silent("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params",
                         "log-level=error", *_BT709), notes=("10 bits",)
    ),
    "interlaced-mpeg2": Case("in.mpg", plain(*_INTERLACED, "-c:a", "mp2"), notes=("interlaced",), moved=True),
    "mov-prores": Case("in.mov", plain(*_PRORES, "-c:a", "pcm_s16le"), ".mov", notes=("bits a colour",)),
    "webm": Case("in.webm", plain("-c:v", "libvpx", "-c:a", "libopus"), ".webm", moved=True),
    "avi": Case("in.avi", plain("-c:v", "mpeg4", "-c:a", "mp3")),
    "ts": Case("in.ts", plain(*H264, *AAC), moved=True),
    "drop-frame": Case("in.mov", silent(*H264, "-timecode", "00:00:59;20", source=_NTSC), ".mov"),
    "edit-list": Case("in.mp4", cut_in),
    "odd-size": Case("in.mkv", silent(*_ODD), notes=("padded to 64x48",)),
    "single-frame": Case("in.mp4", silent("-frames:v", "1", *H264)),
    "no-audio": Case("in.mp4", silent(*H264, *_BT709)),
    "anamorphic": Case("in.mp4", silent("-vf", "setsar=4/3", *H264)),
    "cover-mp4": Case("in.mp4", with_cover),
    "cover-mkv": Case("in.mp4", with_cover, ".mkv", moved=True),
}  # fmt: skip
