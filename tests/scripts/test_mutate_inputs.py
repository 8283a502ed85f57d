"""A sample of what ``scripts/mutate_inputs.py --count 500`` does: damaged and hostile inputs."""

from pathlib import Path

from scripts import mutate_inputs
from tests.support import make_matrix, make_media

pytestmark = make_media.needs_ffmpeg


def test_damaged_inputs_end_in_one_line_or_a_whole_result(tmp_path: Path, styles_folder: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    seeds = [tmp_path / "a.mp4", tmp_path / "b.mkv"]
    for path in seeds:
        make_matrix.rich(path)
    done = mutate_inputs.run(6, 11, seeds, folder, styles_folder / "invert.onnx")
    assert [trial.fault for trial in done if trial.fault] == []
    assert list(folder.iterdir()) == []
