"""Transparent video: what is hidden stays hidden, and alpha is kept where the output can hold it."""

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.common.errors import EngineError
from pipeline.frame import Frame
from pipeline.images.transparency import without_fringe
from pipeline.stylize.scheduled import ScheduledStylizer
from pipeline.video.alpha_plane import read_alpha
from pipeline.video.color import VideoColor, to_bgr
from pipeline.video.frame_filter import FrameFilter
from pipeline.video.job import VideoOptions, VideoSummary, run_video
from pipeline.video.reading.media import Position, pixels_crc
from pipeline.video.reading.video_file import VideoFileSource
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg

DISC = "lt(hypot(X-32,Y-24),16)"


def disc(path: Path, *encoder: str) -> Path:
    """A red disc, alpha 0 elsewhere over hidden green, half transparent in the last eight rows."""
    planes = f"geq=r='if({DISC},255,0)':g='if({DISC},0,255)':b=0:a='if({DISC},255,if(gte(Y,40),128,0))'"
    make_media.ffmpeg(
        "-f", "lavfi", "-i", "color=black:s=64x48:r=5:d=0.6,format=rgba", "-vf", planes, *encoder, path
    )  # fmt: skip
    return path


@pytest.mark.parametrize(
    "encoder",
    [
        ("-c:v", "qtrle", "-pix_fmt", "argb"),
        ("-c:v", "png", "-pix_fmt", "rgba"),
        ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"),
        ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-crf", "5", "-b:v", "0"),
        ("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-crf", "4", "-b:v", "4M"),
    ],
)
@pytest.mark.parametrize("size", [None, (24, 32)])
def test_transparent_video_is_laid_on_white(
    tmp_path: Path, encoder: tuple[str, ...], size: tuple[int, int] | None
) -> None:
    exact = 0 if "argb" in encoder or "rgba" in encoder else 6 if "prores_ks" in encoder else 12
    suffix = ".webm" if "yuva420p" in encoder else ".mov"
    with VideoFileSource(disc(tmp_path / f"in{suffix}", *encoder), size) as source:
        pixels = next(iter(source)).pixels.astype(int)
        list(source)
    middle, corner, low = pixels[pixels.shape[0] // 2, pixels.shape[1] // 2], pixels[1, 1], pixels[-2, 1]
    assert np.abs(middle - (0, 0, 255)).max() <= exact
    assert np.abs(corner - 255).max() <= exact
    assert np.abs(low - (127, 255, 127)).max() <= exact
    assert source.transparent


def test_opaque_pictures_with_an_alpha_channel_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "in.mov"
    make_media.ffmpeg(*make_media.TESTSRC, "-c:v", "qtrle", "-pix_fmt", "argb", path)
    with VideoFileSource(path) as source:
        frames = list(source)
    assert len(frames) == 25
    assert source.notes == []
    assert not source.transparent


def test_a_transparent_webm_is_resumed_where_it_was(tmp_path: Path) -> None:
    path = disc(tmp_path / "in.webm", "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p")
    with VideoFileSource(path) as source:
        frames = list(source)
    with VideoFileSource(path) as source:
        before = frames[1]
        source.skip_to(Position(1, before.pts, pixels_crc(before.pixels)))
        rest = list(source)
    assert [frame.pts for frame in rest] == [frames[2].pts]
    np.testing.assert_array_equal(rest[0].pixels, frames[2].pixels)


SOURCES = {
    "qtrle": (".mov", ("-c:v", "qtrle", "-pix_fmt", "argb")),
    "png": (".mov", ("-c:v", "png", "-pix_fmt", "rgba")),
    "apng": (".apng", ("-c:v", "apng", "-pix_fmt", "rgba")),
    "prores": (".mov", ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le")),
    "vp8": (
        ".webm",
        ("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-crf", "4", "-b:v", "4M"),
    ),
    "vp9": (".webm", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-lossless", "1")),
    "pictures": ("/%02d.png", ("-c:v", "png", "-pix_fmt", "rgba")),
}
# output: (codec, levels by which colours and alpha may differ where it is seen)
TARGETS = {
    "out.mov": ("auto", 4, 0),
    "prores.mkv": ("prores", 4, 0),
    "out.webm": ("auto", 12, 3),
    "vp9.mkv": ("vp9", 12, 3),
    "ffv1.mkv": ("ffv1", 1, 0),
    "out/%02d.png": ("auto", 1, 0),
    "out/%02d.webp": ("auto", 12, 0),
    "out/%02d.tif": ("auto", 1, 0),
}  # fmt: skip


def source_of(name: str, folder: Path) -> Path:
    suffix, encoder = SOURCES[name]
    (folder / "in").mkdir()
    return disc(folder / f"in{suffix}", *encoder)


def run(source: Path, target: Path, styles_folder: Path, **options: object) -> VideoSummary:
    style = str(styles_folder / "invert.onnx")
    return run_video(VideoOptions(source, target, style, engine="identity", **options))  # type: ignore[arg-type]


def decoded(path: Path) -> list[np.ndarray]:
    """(H, W, 4) BGRA of each picture of a video or a pattern."""
    if "%" in path.name:
        opened = [Image.open(picture) for picture in sorted(path.parent.iterdir())]
        return [np.asarray(picture)[..., [2, 1, 0, 3]] for picture in opened]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context
        if codec.name == "vp9":
            assert stream.metadata["alpha_mode"] == "1"
            codec = av.CodecContext.create("libvpx-vp9", "r")  # type: ignore[assignment]
        frames = [frame for packet in container.demux(stream) for frame in codec.decode(packet)]
        return [_bgra(frame) for frame in frames if isinstance(frame, av.VideoFrame)]


def _bgra(frame: av.VideoFrame) -> np.ndarray:
    size, color = (frame.height, frame.width), VideoColor.of_frame(frame)
    pixels = FrameFilter(lambda picture: to_bgr(color, picture, size)).convert(frame).to_ndarray()
    alpha = read_alpha(frame)
    return pixels if alpha is None else np.dstack((pixels[..., :3], alpha))


def assert_disc(picture: np.ndarray, of_color: int, of_alpha: int) -> None:
    """Red and opaque in the middle, clear at the top, half clear at the bottom; nothing hidden there."""
    rows, columns = picture.shape[:2]
    middle, corner, low = (
        picture[place].astype(int) for place in ((rows // 2, columns // 2), (2, 2), (rows - 3, 2))
    )
    assert np.abs(middle[:3] - (0, 0, 255)).max() <= of_color
    assert np.abs(low[:3] - (0, 255, 0)).max() <= 2 * of_color
    assert np.abs(np.array([middle[3], corner[3], low[3]]) - (255, 0, 128)).max() <= of_alpha
    clear = picture[picture[..., 3] == 0].astype(int)
    assert len(clear)
    assert np.quantile(clear[:, :3].min(1), 0.3) > 200, "something is hidden"


PAIRS = [("qtrle", target) for target in TARGETS] + [(source, "out.webm") for source in SOURCES]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_alpha_is_kept(source: str, target: str, tmp_path: Path, styles_folder: Path) -> None:
    codec, of_color, of_alpha = TARGETS[target]
    lossy = {"vp8": 14, "prores": 4}.get(source, 0)
    done = run(source_of(source, tmp_path), tmp_path / target, styles_folder, codec=codec)
    assert not any("laid on white" in note and "--codec h264" not in note for note in done.notes)
    pictures = decoded(tmp_path / target)
    assert len(pictures) == 3
    for picture in pictures:
        assert_disc(picture, of_color + lossy, of_alpha + (2 if source == "vp8" else 0))


@pytest.mark.parametrize("source", ["qtrle", "vp9"])
def test_a_gif_keeps_what_is_clear(source: str, tmp_path: Path, styles_folder: Path) -> None:
    done = run(source_of(source, tmp_path), tmp_path / "out.gif", styles_folder)
    assert any("clear or opaque" in note for note in done.notes)
    for picture in decoded(tmp_path / "out.gif"):
        assert set(np.unique(picture[..., 3])) == {0, 255}
        assert (picture[2, 2, 3], picture[24, 32, 3], picture[45, 2, 3]) == (0, 255, 255)
        assert picture[24, 32, :3].tolist() == pytest.approx([0, 0, 255], abs=4)
        assert picture[45, 2, :3].tolist() == pytest.approx([0, 255, 0], abs=4)


@pytest.mark.parametrize(("target", "codec"), [("out.mp4", "auto"), ("out.mov", "h264")])
def test_an_output_without_alpha_gets_white_and_a_line(
    target: str, codec: str, tmp_path: Path, styles_folder: Path
) -> None:
    done = run(source_of("qtrle", tmp_path), tmp_path / target, styles_folder, codec=codec)
    assert sum("transparency was laid on white" in note for note in done.notes) == 1
    with VideoFileSource(tmp_path / target) as result:
        assert next(iter(result)).pixels[2, 2].min() >= 252


def test_size_turn_and_a_resumed_run_keep_alpha(
    tmp_path: Path, styles_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = disc(tmp_path / "in.webm", "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-lossless", "1")
    target = tmp_path / "out.webm"
    submit = ScheduledStylizer.submit

    def cut_off(self: ScheduledStylizer, frame: Frame) -> None:
        if frame.index == 2:
            raise EngineError("cut off")
        submit(self, frame)

    asked = VideoOptions(
        source, target, str(styles_folder / "invert.onnx"), engine="identity", size=(24, 33), segment_frames=1
    )
    whole = replace(asked, output=tmp_path / "whole.webm")
    run_video(whole)
    with monkeypatch.context() as patch:
        patch.setattr(ScheduledStylizer, "submit", cut_off)
        with pytest.raises(EngineError, match="cut off"):
            run_video(asked)
    assert run_video(asked).resumed > 0
    made, wanted = decoded(target), decoded(whole.output)
    assert len(made) == 3
    np.testing.assert_array_equal(made, wanted)
    assert made[0].shape == (24, 34, 4)  # an even width
    assert_disc(made[0], 24, 3)


def test_a_fresh_look_at_the_video_by_another_program(tmp_path: Path, styles_folder: Path) -> None:
    """FFmpeg's own program finds the same alpha in WebM, ProRes and GIF."""
    source = source_of("qtrle", tmp_path)
    for name, decoder in (("out.webm", ("-c:v", "libvpx-vp9")), ("out.mov", ()), ("out.gif", ())):
        run(source, tmp_path / name, styles_folder)
        picture = tmp_path / f"{name}.png"
        make_media.ffmpeg(*decoder, "-i", tmp_path / name, "-frames:v", "1", "-pix_fmt", "rgba", picture)
        seen = cv2.imread(str(picture), cv2.IMREAD_UNCHANGED)
        assert seen is not None
        assert (seen[24, 32, 3], seen[2, 2, 3]) == (255, 0), name
        assert abs(int(seen[45, 2, 3]) - (255 if name.endswith(".gif") else 128)) <= 2


def test_what_is_clear_leaves_no_fringe() -> None:
    picture = np.full((4, 4, 4), 255, np.uint8)
    picture[..., 3] = 0
    picture[0, 0] = (10, 20, 30, 255)
    picture[1, 0] = (20, 30, 40, 1)
    filled = without_fringe(picture)
    assert filled[0, 1].tolist() == filled[1, 1].tolist() == [15, 25, 35, 0]
    assert filled[0, 0].tolist() == [10, 20, 30, 255]
    assert filled[2:].tolist() == picture[2:].tolist()


def test_a_sequence_whose_first_picture_is_opaque(tmp_path: Path, styles_folder: Path) -> None:
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "1.png"), np.full((16, 16, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "in" / "2.png"), np.full((16, 16, 4), 90, np.uint8))
    run(tmp_path / "in", tmp_path / "out" / "%d.png", styles_folder)
    first, second = decoded(tmp_path / "out" / "%d.png")
    assert set(np.unique(first[..., 3])) == {255}
    assert set(np.unique(second[..., 3])) == {90}
