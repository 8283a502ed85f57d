"""Pipes and addresses are refused at once, in one line that names the way out."""

import os
from pathlib import Path

import pytest

from pipeline.common.errors import InputError, OutputError
from pipeline.video.job import VideoOptions, run_video


@pytest.fixture
def style(styles_folder: Path) -> str:
    return str(styles_folder / "invert.onnx")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x.mp4", "https://host/a.mp4", "rtsp://host/live"])
def test_an_address_is_named_whole(tmp_path: Path, style: str, address: str) -> None:
    with pytest.raises(InputError, match="is an address") as refused:
        run_video(VideoOptions(Path(address), tmp_path / "out.mp4", style, engine="identity"))
    assert address in str(refused.value)
    assert list(tmp_path.glob("out*")) == []


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path, style: str) -> None:
    pipe = tmp_path / "in.ts"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="is a pipe, which can be read only once"):
        run_video(VideoOptions(pipe, tmp_path / "out.mp4", style, engine="identity"))
    with pytest.raises(InputError, match="is a pipe"):
        run_video(VideoOptions(Path("-"), tmp_path / "out.mp4", style, engine="identity"))


def test_standard_output_is_refused(tmp_path: Path, style: str) -> None:
    with pytest.raises(OutputError, match="name a file instead of -"):
        run_video(VideoOptions(tmp_path / "in.mp4", Path("-"), style, engine="identity"))
