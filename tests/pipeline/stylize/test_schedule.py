"""Style over time: what a schedule says, cuts, cross-fades, frame rates, interlaced pictures, codecs."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.common.errors import InputError, OutputError
from pipeline.frame import Frame, Pixels
from pipeline.live.sources.synthetic import SyntheticSource
from pipeline.style import read_style
from pipeline.stylize.cuts import CutDetector
from pipeline.stylize.schedule import Part, parse_schedule
from pipeline.stylize.scheduled import ScheduledStylizer
from pipeline.stylize.steady import Motion, Steady
from pipeline.video.job import run_video
from pipeline.video.options import VideoOptions
from pipeline.video.reading.resample import resampled
from pipeline.video.reading.video_file import VideoFileSource
from pipeline.video.writing.encoding import CODECS, Encoding, family_for, hardware_encoders
from tests.support import make_media


def test_a_schedule_is_read() -> None:
    schedule = parse_schedule("0:starry-night, 12.5:great-wave, 20:great-wave@0.4", Fraction(2))
    assert schedule.styles == ("starry-night", "great-wave")
    assert schedule.parts_at(Fraction(3)) == (Part("starry-night", 1.0, 1.0),)
    assert schedule.parts_at(Fraction(13)) == (
        Part("starry-night", 1.0, 0.75),
        Part("great-wave", 1.0, 0.25),
    )
    assert schedule.parts_at(Fraction(21)) == (Part("great-wave", pytest.approx(0.7), 1.0),)
    assert schedule.parts_at(Fraction(99)) == (Part("great-wave", 0.4, 1.0),)


def test_a_fade_ends_at_a_cut() -> None:
    schedule = parse_schedule("0:a, 10:b", Fraction(2))
    assert len(schedule.parts_at(Fraction(11), last_cut=Fraction(9))) == 2
    assert schedule.parts_at(Fraction(11), last_cut=Fraction(21, 2)) == (Part("b", 1.0, 1.0),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("1:a", "begins at 0"), ("0:a, 5", "is no SECONDS"), ("0:a, 9:b, 5:c", "rise"), ("0:a@2", "0..1"),
     ("0:a, 5:b, 5.5:c", "shorten --fade")],
)  # fmt: skip
def test_a_schedule_that_makes_no_sense_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        parse_schedule(text, Fraction(1))


def scenes() -> list[Pixels]:
    """Two moving scenes, twelve frames each, one after the other."""
    return [f.pixels for seed in (1, 5) for f in SyntheticSource((72, 128), 25, 12, seed)]


def test_cuts_are_seen_and_motion_is_none() -> None:
    first, second = scenes()[:12], [255 - pixels for pixels in scenes()[12:]]
    detect = CutDetector()
    assert [i for i, pixels in enumerate(first + second) if detect(pixels)] == [12]


class Tally(Steady):
    """Notes which frames begin anew."""

    def __init__(self) -> None:
        super().__init__()
        self.begins: list[bool] = []

    def follow(self, source: Pixels, begins: bool = False) -> Motion | None:
        self.begins.append(begins)
        return super().follow(source, begins)


def test_steady_begins_anew_at_cuts_and_segments(styles_folder: Path) -> None:
    tally, style = Tally(), read_style(styles_folder / "invert.onnx")
    frames = scenes()[:12] + [255 - pixels for pixels in scenes()[12:]]
    schedule = parse_schedule("0:x", Fraction(0))
    with ScheduledStylizer(
        {"x": style}, schedule, (72, 128), start=Fraction(0), engine="identity", steady=tally,
        segment_frames=8,
    ) as look:  # fmt: skip
        shown = [look(Frame(pixels, index, 0.0, Fraction(index, 25))) for index, pixels in enumerate(frames)]
    beginnings = [index for index, begins in enumerate(tally.begins) if begins]
    assert beginnings == [0, 8, 12, 16]
    assert all((shown[index] == frames[index]).all() for index in beginnings)


def test_a_cross_fade_mixes_both_styles(styles_folder: Path) -> None:
    styles = {name: read_style(styles_folder / f"{name}.onnx") for name in ("invert", "blur")}
    schedule = parse_schedule("0:invert, 1:blur", Fraction(2))
    flat = np.full((64, 64, 3), 60, np.uint8)
    with ScheduledStylizer(styles, schedule, (64, 64), start=Fraction(5), engine="onnxruntime") as look:
        levels = [int(look(Frame(flat, i, 0.0, Fraction(5 + i)))[32, 32, 0]) for i in range(4)]
    assert levels == [195, 195, 128, 60]


def test_an_even_rate_shows_what_is_shown_then() -> None:
    uneven = [(Fraction(t, 10), t) for t in (0, 1, 5, 6, 9)]
    found = list(resampled(iter(uneven), Fraction(5), Fraction(0), lambda begin: begin + Fraction(1, 10)))
    assert found == [(Fraction(i, 5), shown) for i, shown in enumerate((0, 1, 1, 6, 6))]
    later = list(
        resampled(iter(uneven[1:]), Fraction(5), Fraction(0), lambda begin: begin + Fraction(1, 10), 2)
    )
    assert later == found[2:]


@make_media.needs_ffmpeg
def test_interlaced_pictures_are_made_whole(tmp_path: Path) -> None:
    path = tmp_path / "in.mpg"
    combed = "tinterlace=interleave_top,setfield=tff"
    make_media.ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:r=50:d=1", "-vf", combed, "-flags",
                      "+ilme+ildct", "-c:v", "mpeg2video", "-q:v", "1", path)  # fmt: skip
    with VideoFileSource(path) as whole, VideoFileSource(path, deinterlace="off") as combed_source:
        assert "interlaced" in whole.notes[0]
        pairs = list(zip(whole, combed_source, strict=True))
    assert [a.pts for a, _ in pairs] == [b.pts for _, b in pairs]
    assert sum(_comb(a) for a, _ in pairs) < sum(_comb(b) for _, b in pairs)


def _comb(frame: Frame) -> float:
    """How much neighbouring rows differ more than rows of one field do."""
    rows = frame.pixels.astype(float)
    return float(np.abs(rows[1:-1] * 2 - rows[:-2] - rows[2:]).mean())


@make_media.needs_ffmpeg
@pytest.mark.parametrize(
    ("codec", "suffix", "name"),
    [("h264", ".mp4", "h264"), ("hevc", ".mp4", "hevc"), ("av1", ".mp4", "av1"), ("av1", ".webm", "av1"),
     ("prores", ".mov", "prores"), ("ffv1", ".mkv", "ffv1"), ("vp9", ".mkv", "vp9")],
)  # fmt: skip
def test_every_codec_writes_odd_sizes(
    tmp_path: Path, styles_folder: Path, codec: str, suffix: str, name: str
) -> None:
    from scripts.compare_media import look

    source = make_media.lossless(tmp_path / "in.mkv", "97x75", 12)
    style, target = str(styles_folder / "invert.onnx"), tmp_path / f"out{suffix}"
    run_video(
        VideoOptions(
            source, target, style, engine="identity", codec=codec, preset="ultrafast", segment_frames=5
        )
    )
    seen = look(target)
    assert (seen.video["codec_name"], len(seen.times)) == (name, 12)


def test_a_codec_that_does_not_fit_is_refused_with_what_does() -> None:
    with pytest.raises(OutputError, match=r"mp4 cannot hold ffv1; choose an output ending in \.mkv"):
        family_for(Encoding(codec="ffv1"), "mp4")
    with pytest.raises(OutputError, match="no codec is called 'nonsense'"):
        family_for(Encoding(codec="nonsense"), "mp4")
    with pytest.raises(OutputError, match="no encoder h264_mf here"):
        family_for(Encoding(codec="h264_mf"), "mp4")
    assert all(family_for(Encoding(codec=name), "matroska") for name in CODECS)
    for name in hardware_encoders():
        assert family_for(Encoding(codec=name), "matroska").encoder == name


@make_media.needs_ffmpeg
def test_hardware_without_its_device_is_one_line_before_any_work(tmp_path: Path, styles_folder: Path) -> None:
    source, style = make_media.clip(tmp_path / "in.mp4"), str(styles_folder / "invert.onnx")
    absent = [name for name in hardware_encoders() if not opens(name)]
    if not absent:
        pytest.skip("every hardware encoder that PyAV offers has its device here")
    with pytest.raises(OutputError, match=rf"the hardware encoder {absent[0]} does not open for 64x48"):
        run_video(VideoOptions(source, tmp_path / "out.mp4", style, engine="identity", codec=absent[0]))
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def opens(encoder: str) -> bool:
    context = av.CodecContext.create(encoder, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = 64, 48, "yuv420p"
    context.time_base = Fraction(1, 25)
    try:
        context.open()
    except (av.FFmpegError, OSError, ValueError):
        return False
    return True
