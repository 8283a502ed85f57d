"""Every kind of sound that people's files have, into every container: there, whole, and the same tone."""

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.video.job import VideoOptions, VideoSummary, run_video
from tests.support import make_media

pytestmark = make_media.needs_ffmpeg

_PICTURES = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=0.5")
_SECONDS, _TONE_HZ = 0.5, 440

# name: (extension of the source, encoder and its options, channels, rate in Hz)
_SOUNDS: dict[str, tuple[str, str, int, int]] = {
    "aac": (".mp4", "aac", 2, 44100),
    "aac-5.1": (".mkv", "aac", 6, 48000),
    "ac3": (".mkv", "ac3", 6, 48000),
    "adpcm-ms": (".avi", "adpcm_ms", 2, 44100),
    "adpcm-ima": (".mov", "adpcm_ima_qt", 2, 44100),
    "alac": (".mov", "alac", 2, 44100),
    "dts": (".mkv", "dca -strict -2", 6, 48000),
    "eac3": (".mkv", "eac3", 6, 48000),
    "flac": (".mkv", "flac", 2, 96000),
    "flac-7.1": (".mkv", "flac", 8, 48000),
    "flac-192k": (".mkv", "flac", 2, 192000),
    "mp2": (".mpg", "mp2", 2, 44100),
    "mp3": (".mp4", "libmp3lame", 2, 44100),
    "mulaw": (".avi", "pcm_mulaw", 1, 8000),
    "alaw": (".mov", "pcm_alaw", 1, 8000),
    "opus": (".mkv", "libopus", 2, 48000),
    "opus-5.1": (".webm", "libopus", 6, 48000),
    "pcm-s16": (".avi", "pcm_s16le", 2, 44100),
    "pcm-s16-mkv": (".mkv", "pcm_s16le", 2, 44100),
    "pcm-s16be": (".mov", "pcm_s16be", 2, 48000),
    "pcm-s24": (".mov", "pcm_s24le", 2, 48000),
    "pcm-f32": (".mov", "pcm_f32le", 2, 48000),
    "pcm-u8": (".avi", "pcm_u8", 2, 11025),
    "pcm-3": (".mkv", "pcm_s16le", 3, 48000),
    "pcm-4": (".mkv", "pcm_s16le", 4, 48000),
    "pcm-5": (".mkv", "pcm_s16le", 5, 48000),
    "pcm-6": (".mkv", "pcm_s24le", 6, 48000),
    "pcm-7": (".mkv", "pcm_s16le", 7, 48000),
    "pcm-8": (".mkv", "pcm_s16le", 8, 48000),
    "truehd": (".mkv", "truehd -strict -2", 2, 48000),
    "vorbis": (".mkv", "libvorbis", 2, 44100),
    "wma": (".wmv", "wmav2", 2, 44100),
    "wma1": (".avi", "wmav1", 1, 22050),
}
_AS_IT_IS = {
    "aac": ".mp4 .mov .mkv", "aac-5.1": ".mp4 .mov .mkv", "ac3": ".mp4 .mov .mkv .avi", "adpcm-ima": ".mov",
    "alac": ".mp4 .mov .mkv", "alaw": ".mov .avi", "dts": ".mp4 .mov .mkv", "eac3": ".mp4 .mov .mkv",
    "flac": ".mp4 .mkv", "flac-7.1": ".mp4 .mkv", "flac-192k": ".mp4 .mkv", "mp2": ".mp4 .mov .mkv .avi",
    "mp3": ".mp4 .mov .mkv .avi", "mulaw": ".mov .avi", "opus": ".mp4 .mkv .webm",
    "opus-5.1": ".mp4 .mkv .webm", "pcm-s16": ".mov .mkv .avi", "pcm-s16-mkv": ".mov .mkv .avi",
    "pcm-s16be": ".mov .mkv", "pcm-s24": ".mov .mkv .avi", "pcm-f32": ".mov .mkv",
    "pcm-u8": ".mov .mkv .avi", "pcm-3": ".mov .mkv .avi", "pcm-4": ".mov .mkv .avi",
    "pcm-5": ".mov .mkv .avi", "pcm-6": ".mov .mkv .avi", "pcm-7": ".mov .mkv .avi",
    "pcm-8": ".mov .mkv .avi", "truehd": ".mkv", "vorbis": ".mp4 .mkv .webm",
    "wma": ".avi", "wma1": ".avi",
}  # fmt: skip


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sounds")
    made = {}
    for name, (suffix, encoder, channels, rate) in _SOUNDS.items():
        made[name] = folder / f"{name}{suffix}"
        video = "libvpx" if suffix == ".webm" else "mpeg1video" if suffix == ".mpg" else "mpeg4"
        frames = "25" if suffix == ".mpg" else "10"
        make_media.ffmpeg(
            *_PICTURES, "-f", "lavfi", "-i", f"sine=f={_TONE_HZ}:d={_SECONDS}:r={rate}", "-c:v", video,
            "-r", frames, "-af", f"pan={channels}c|" + "|".join(f"c{n}=c0" for n in range(channels)),
            "-c:a", *encoder.split(), made[name],
        )  # fmt: skip
    return made


def _run(source: Path, target: Path, styles_folder: Path) -> VideoSummary:
    style = str(styles_folder / "invert.onnx")
    return run_video(VideoOptions(source, target, style, engine="identity", preset="ultrafast"))


def _strongest_hz(path: Path) -> float:
    """Of the file's sound, read by the ffmpeg program: an older FFmpeg than the one that wrote it."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-vn", "-ac", "1", "-ar", "8000", "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    samples = np.frombuffer(done.stdout, np.float32)
    assert np.abs(samples).max() > 0.02, "there is silence"
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * 8000 / len(samples))


def _seconds_and_channels(path: Path) -> tuple[float, int]:
    with av.open(str(path)) as container:
        (stream,) = container.streams.audio
        samples = [frame.samples for frame in container.decode(stream)]
        return sum(samples) / stream.rate, stream.layout.nb_channels


def test_sound_that_cannot_be_decoded_is_left_out_with_a_line(tmp_path: Path, styles_folder: Path) -> None:
    whole, source = tmp_path / "whole.mkv", tmp_path / "in.mkv"
    make_media.ffmpeg(*_PICTURES, "-f", "lavfi", "-i", "sine=d=0.5", "-c:v", "mpeg4", "-c:a", "flac", whole)
    make_media.ffmpeg("-i", whole, "-c", "copy", "-bsf:a", "noise=amount=1", source)
    done = _run(source, tmp_path / "out.mov", styles_folder)
    assert done.damage is None
    (note,) = done.notes
    assert "sound track 1 is left out: mov cannot hold flac, and it cannot be converted" in note
    assert make_media.audio_hashes(tmp_path / "out.mov") == []


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi"])
@pytest.mark.parametrize("name", _SOUNDS)
def test_sound_arrives(
    name: str, suffix: str, sources: dict[str, Path], tmp_path: Path, styles_folder: Path
) -> None:
    target = tmp_path / f"out{suffix}"
    done = _run(sources[name], target, styles_folder)
    copied = suffix in _AS_IT_IS.get(name, "").split()
    assert done.damage is None
    assert any("sound track 1 was encoded again as" in note for note in done.notes) is not copied, done.notes
    seconds, channels = _seconds_and_channels(target)
    assert seconds == pytest.approx(_SECONDS, abs=0.1)
    wanted = _SOUNDS[name][2]
    assert channels == (8 if wanted == 7 and suffix == ".mp4" else wanted)
    assert _strongest_hz(target) == pytest.approx(_TONE_HZ, abs=4)
    if copied:
        (_, before), (_, after) = *make_media.audio_hashes(sources[name]), *make_media.audio_hashes(target)
        assert after == before
