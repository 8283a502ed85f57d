"""Pictures into files, and the sink that only counts."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.common.errors import OutputError
from pipeline.frame import Frame
from pipeline.images.reading import read_image
from pipeline.images.writing import write_image
from pipeline.live.sinks.null import NullSink
from pipeline.stream import StreamInfo

INFO = StreamInfo((6, 8))
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)


@pytest.mark.parametrize("name", ["a.png", "ä 画.tiff", "b.PNG"])
def test_lossless_formats_keep_every_pixel(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / name, PIXELS)
    assert np.array_equal(read_image(tmp_path / name), PIXELS)
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.jpg", "a.webp"])
def test_lossy_formats_come_close(tmp_path: Path, name: str) -> None:
    smooth = np.full((32, 32, 3), (20, 120, 220), np.uint8)
    write_image(tmp_path / name, smooth)
    assert np.abs(read_image(tmp_path / name).astype(int) - smooth).max() <= 4


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    taken = tmp_path / "taken.png"
    taken.write_text("precious")
    for path, reason in (
        (tmp_path / "a.xyz", "choose one of"),
        (tmp_path / "missing" / "a.png", "does not exist"),
        (taken, "already there"),
    ):
        with pytest.raises(OutputError, match=reason):
            write_image(path, PIXELS)
    with pytest.raises(OutputError, match=r"try \.png"):
        write_image(tmp_path / "wide.jpg", np.zeros((1, 70_000, 3), np.uint8))
    assert [p.name for p in tmp_path.iterdir()] == ["taken.png"]
    write_image(taken, PIXELS, overwrite=True)
    assert np.array_equal(read_image(taken), PIXELS)


def test_the_null_sink_counts() -> None:
    with NullSink() as sink:
        sink.open(INFO)
        sink.write(Frame(PIXELS, 3, 0.0))
        sink.finish()
    assert (sink.frames, sink.finished, sink.complete, sink.info) == (1, True, True, INFO)
