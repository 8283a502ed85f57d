"""Subtitles that overlap, marks of 3D and 360-degree video, animations that FFmpeg does not read."""

from pathlib import Path

import av
import pytest
from PIL import Image

from pipeline.common.errors import InputError
from pipeline.images.reading import read_picture
from pipeline.video.job import VideoSummary, run_video
from pipeline.video.options import VideoOptions
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg
_PICTURES = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=6")
_HEAD = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\n"
    "Style: Default,Arial,16\n\n[Events]\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)


def run(source: Path, target: Path, styles_folder: Path) -> VideoSummary:
    style = str(styles_folder / "invert.onnx")
    return run_video(VideoOptions(source, target, style, engine="identity", preset="ultrafast"))


def subtitled(folder: Path, *lines: tuple[str, str, str]) -> Path:
    """A film of six seconds with these (begin, end, text)."""
    said = [f"Dialogue: 0,0:00:0{begin},0:00:0{end},Default,,0,0,0,,{text}\n" for begin, end, text in lines]
    (folder / "words.ass").write_text(_HEAD + "".join(said))
    make_media.ffmpeg(
        *_PICTURES, "-i", folder / "words.ass", "-c:v", "mpeg4", "-c:s", "ass", folder / "in.mkv"
    )
    return folder / "in.mkv"


def shown(path: Path) -> list[tuple[float, float, str]]:
    """(begin, end, text) as a player that knows no overlap has them."""
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        found = []
        for packet in container.demux(stream):
            text = bytes(packet)[2:].decode()
            if text and packet.pts is not None:
                begin, end = packet.pts, packet.pts + (packet.duration or 0)
                found.append((float(begin * packet.time_base), float(end * packet.time_base), text))
    return found


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_overlapping_lines_keep_their_times(tmp_path: Path, styles_folder: Path, suffix: str) -> None:
    source = subtitled(
        tmp_path, ("0.00", "5.00", "A sign"), ("0.50", "1.20", "One"), ("1.50", "2.20", "Two"),
        ("4.50", "5.50", "Three"),
    )  # fmt: skip
    done = run(source, tmp_path / f"out{suffix}", styles_folder)
    assert [note for note in done.notes if "overlap" in note] == [
        "subtitle lines that overlap are shown together: there is one at a time"
    ]
    assert shown(done.output) == [
        (0.0, 0.5, "A sign"), (0.5, 1.2, "A sign\nOne"), (1.2, 1.5, "A sign"), (1.5, 2.2, "A sign\nTwo"),
        (2.2, 4.5, "A sign"), (4.5, 5.0, "A sign\nThree"), (5.0, 5.5, "Three"),
    ]  # fmt: skip


def test_lines_that_do_not_overlap_are_as_they_were(tmp_path: Path, styles_folder: Path) -> None:
    source = subtitled(tmp_path, ("0.00", "1.00", "One"), ("1.00", "2.00", "Two"), ("3.00", "3.50", "Three"))
    done = run(source, tmp_path / "out.mp4", styles_folder)
    assert not any("overlap" in note for note in done.notes)
    assert shown(done.output) == [(0.0, 1.0, "One"), (1.0, 2.0, "Two"), (3.0, 3.5, "Three")]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_the_mark_of_3d_video_is_told(tmp_path: Path, styles_folder: Path, suffix: str) -> None:
    marked = tmp_path / "in.mkv"
    mark = ("-metadata:s:v", "stereo_mode=left_right")
    make_media.ffmpeg(*make_media.TESTSRC, *make_media.H264, *mark, marked)
    if suffix == ".mp4":
        make_media.ffmpeg("-i", marked, "-c", "copy", "-strict", "unofficial", tmp_path / "in.mp4")
    done = run(tmp_path / f"in{suffix}", tmp_path / "out.mp4", styles_folder)
    assert done.notes == ("the mark of 3D video (two views) is left out",)


def test_the_mark_of_360_degree_video_is_told(tmp_path: Path, styles_folder: Path) -> None:
    source = make_media.clip(tmp_path / "in.mp4")
    source.write_bytes(_with_spherical_mark(source.read_bytes()))
    done = run(source, tmp_path / "out.mp4", styles_folder)
    assert done.notes == ("the mark of 360-degree video is left out",)


def _with_spherical_mark(film: bytes) -> bytes:
    """The mark that cameras put at the end of a track; the index stands last, so that nothing else moves."""
    text = (
        b'<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="x" xmlns:GSpherical="y">'
        b"<GSpherical:Spherical>true</GSpherical:Spherical><GSpherical:Stitched>true</GSpherical:Stitched>"
        b"<GSpherical:StitchingSoftware>x</GSpherical:StitchingSoftware>"
        b"<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType></rdf:SphericalVideo>"
    )
    name = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
    box = (len(text) + 24).to_bytes(4, "big") + b"uuid" + name + text
    changed = bytearray(film)
    index, track = film.rindex(b"moov") - 4, film.rindex(b"trak") - 4
    for place in (index, track):
        size = int.from_bytes(film[place : place + 4], "big")
        changed[place : place + 4] = (size + len(box)).to_bytes(4, "big")
    end = track + int.from_bytes(film[track : track + 4], "big")
    changed[end:end] = box
    return bytes(changed)


def test_an_animated_webp_is_named_and_apng_is_read(tmp_path: Path, styles_folder: Path) -> None:
    frames = [Image.new("RGB", (32, 32), color) for color in ("red", "green", "blue")]
    for name in ("in.webp", "in.png"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(InputError, match="is an animated WebP, which FFmpeg does not read; make a GIF"):
        run(tmp_path / "in.webp", tmp_path / "out.mp4", styles_folder)
    assert run(tmp_path / "in.png", tmp_path / "out.mp4", styles_folder).frames == 3
    assert "once it is made a GIF or MP4" in read_picture(tmp_path / "in.webp").notes[0]
    assert "use `brushstream video`" in read_picture(tmp_path / "in.png").notes[0]


def test_tags_that_are_lost_are_told_in_one_line(tmp_path: Path, styles_folder: Path) -> None:
    source = tmp_path / "in.mkv"
    tags = ("-metadata", "scanner=a", "-metadata", "reel=b", "-metadata", "title=c")
    make_media.ffmpeg(*make_media.TESTSRC, *make_media.H264, *tags, source)
    (note,) = run(source, tmp_path / "out.mp4", styles_folder).notes
    assert note.lower() in (
        "the tags 'scanner', 'reel' are left out: mov cannot hold them",
        "the tags 'reel', 'scanner' are left out: mov cannot hold them",
    )


def test_a_timecode_that_a_container_refuses_is_left_out_with_a_line(
    tmp_path: Path, styles_folder: Path
) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "out.mov"
    make_media.ffmpeg(*make_media.TESTSRC, *make_media.H264, "-metadata:s:v", "timecode=01:00:00;00", source)
    done = run(source, target, styles_folder)
    assert "the timecode 01:00:00;00 is left out: mov has none such at 25 fps" in done.notes
    assert len(make_media.probe(target).times) == 25


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_timecode_that_is_kept_needs_no_line(tmp_path: Path, styles_folder: Path, suffix: str) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / f"out{suffix}"
    make_media.ffmpeg(*make_media.TESTSRC, *make_media.H264, "-metadata:s:v", "timecode=01:00:00:00", source)
    assert run(source, target, styles_folder).notes == ()
