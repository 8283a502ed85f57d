"""HDR input: PQ and HLG become BT.709 before they are painted, or keep their tags where that is asked."""

import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.video.job import VideoOptions, run_video
from pipeline.video.reading.tone_mapping import tone_mapped
from pipeline.video.reading.video_file import VideoFileSource
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg

NAMES = {"smpte2084": 16, "arib-std-b67": 18}
WHITE_NITS = 203  # of diffuse white, ITU-R BT.2408
COLORS = {
    "white": (1, 1, 1),
    "grey": (0.2, 0.2, 0.2),
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
}
FROM_BT709 = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
)  # BT.2087


def pq(nits: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084."""
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(nits: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100 for a display of 1000 nits."""
    shown = nits / 1000
    luminance = np.maximum((shown @ [0.2627, 0.6780, 0.0593])[..., None], 1e-9)
    scene = shown * luminance ** (1 / 1.2 - 1)
    high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), high)


def bars(path: Path, transfer: str) -> Path:
    """Five bars of 32 pixels, diffuse white and colours of BT.709, as HEVC in 10 bits."""
    linear = np.clip(np.array(list(COLORS.values())) @ FROM_BT709.T, 0, None) * WHITE_NITS
    code = {"smpte2084": pq, "arib-std-b67": hlg}[transfer](linear)
    pixels = np.broadcast_to(np.repeat(code, 32, 0), (48, 160, 3))
    parameters = f"log-level=error:lossless=1:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    command = [
        make_media.FFMPEG, "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb48le", "-s", "160x48", "-i", "-",
        "-vf", "scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p10le", "-c:v", "libx265",
        "-x265-params", parameters, path,
    ]  # fmt: skip
    raw = np.round(pixels * 65535).astype("<u2").tobytes() * 3
    subprocess.run([str(part) for part in command], input=raw, check=True)
    return path


def levels(pixels: np.ndarray) -> dict[str, list[int]]:
    """BGR in the middle of each bar."""
    return {name: pixels[24, 32 * number + 16].tolist() for number, name in enumerate(COLORS)}


def assert_looks_right(shown: dict[str, list[int]]) -> None:
    for name in ("white", "grey"):
        assert max(shown[name]) - min(shown[name]) <= 2
    assert 224 <= shown["white"][0] <= 234
    assert 127 <= shown["grey"][0] <= 135
    assert 0.4 <= shown["grey"][0] / shown["white"][0] <= 0.65  # 0.2 by BT.709's transfer is 0.46
    for place, name in enumerate(("blue", "green", "red")):
        others = [value for at, value in enumerate(shown[name]) if at != place]
        assert max(others) < 0.5 * shown[name][place], (name, shown[name])


@pytest.fixture
def style(styles_folder: Path) -> str:
    return str(styles_folder / "invert.onnx")


@pytest.mark.parametrize("transfer", NAMES)
def test_hdr_is_tone_mapped_and_tagged_bt709(tmp_path: Path, style: str, transfer: str) -> None:
    source, target = bars(tmp_path / "in.mp4", transfer), tmp_path / "out.mp4"
    done = run_video(VideoOptions(source, target, style, engine="identity", crf=0))
    assert any("HDR was tone-mapped to BT.709" in note for note in done.notes)
    assert make_media.probe(target).color == (1, 1, 1, 1)
    with VideoFileSource(target) as result:
        assert_looks_right(levels(next(iter(result)).pixels))


@pytest.mark.parametrize("transfer", NAMES)
def test_pictures_of_hdr_are_not_washed_out(tmp_path: Path, style: str, transfer: str) -> None:
    source = bars(tmp_path / "in.mp4", transfer)
    run_video(VideoOptions(source, tmp_path / "out" / "%02d.png", style, engine="identity"))
    picture = cv2.imread(str(next((tmp_path / "out").iterdir())))
    assert picture is not None
    assert_looks_right(levels(picture))


@pytest.mark.parametrize(("transfer", "number"), NAMES.items())
def test_tags_can_be_kept(tmp_path: Path, style: str, transfer: str, number: int) -> None:
    source, target = bars(tmp_path / "in.mp4", transfer), tmp_path / "out.mp4"
    done = run_video(VideoOptions(source, target, style, engine="identity", hdr="keep-tags"))
    assert not any("tone-mapped" in note for note in done.notes)
    assert make_media.probe(target).color == (9, 9, number, 1)


@pytest.mark.parametrize(("nits", "level"), [(0, 0), (40.6, 130), (203, 228), (1000, 255), (4000, 255)])
def test_greys_of_pq_by_their_light(nits: float, level: int) -> None:
    shown = 255 * tone_mapped(pq(np.full((1, 3), float(nits))), 16)
    np.testing.assert_allclose(shown, level, atol=1.5)


def test_greys_of_hlg_rise_and_stay_grey() -> None:
    shown = 255 * tone_mapped(np.repeat(np.linspace(0, 1, 101)[:, None], 3, 1), 18)
    assert (np.diff(shown[:, 0]) >= 0).all()
    assert np.ptp(shown, axis=1).max() < 0.5
    assert (shown[0, 0], shown[-1, 0]) == pytest.approx((0, 255), abs=0.5)
    assert shown[75, 0] == pytest.approx(228, abs=2)  # 75 % is diffuse white, ITU-R BT.2408


def test_the_table_is_removed_with_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = bars(tmp_path / "in.mp4", "smpte2084")
    (tmp_path / "it's: a folder").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "it's: a folder"))
    with VideoFileSource(source) as reader:
        assert_looks_right(levels(next(iter(reader)).pixels))
    assert list((tmp_path / "it's: a folder").iterdir()) == []
