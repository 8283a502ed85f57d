"""What may be judged on: never a photograph of training, always the same ones, paintings by name."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipeline.common.errors import InputError
from training.evaluation import material
from training.feed_forward.data import is_held_out, split_photos


def pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        cv2.imwrite(str(folder / f"{number}.png"), rng.integers(0, 256, (9, 12, 3), np.uint8))
    return folder


def test_no_photograph_of_training_is_used(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "photos", 120)
    training, held_out = split_photos(sorted(folder.iterdir()))
    found = material.photos_to_judge(folder, side_px=16)
    assert {photo.name for photo in found} == {path.name for path in held_out}
    assert not {photo.name for photo in found} & {path.name for path in training}
    assert all(photo.frame.shape == (16, 16, 3) for photo in found)
    few = material.photos_to_judge(folder, 2, 16)
    assert [photo.name for photo in few] == [found[0].name, found[len(found) // 2].name]
    assert len(material.photos_to_judge(folder, 999, 16)) == len(found)


def test_a_folder_without_held_out_photographs_must_be_marked(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "photos", 120)
    for path in folder.iterdir():
        if is_held_out(path):
            path.unlink()
    with pytest.raises(InputError, match="put an empty file HELD_OUT into it"):
        material.photos_to_judge(folder)
    (folder / "HELD_OUT").touch()
    assert len(material.photos_to_judge(folder, side_px=16)) == len(list(folder.glob("*.png")))


def test_unreadable_photographs_are_passed_over(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "photos", 2)
    (folder / "HELD_OUT").touch()
    (folder / "broken.jpg").write_bytes(b"no picture")
    assert len(material.photos_to_judge(folder, side_px=16)) == 2
    for path in folder.glob("*.png"):
        path.unlink()
    with pytest.raises(InputError, match="none of the 1 held-out photographs can be read"):
        material.photos_to_judge(folder)


def test_the_middle_is_cut_out_and_turned_to_bgr(tmp_path: Path) -> None:
    bgr = np.zeros((10, 30, 3), np.uint8)
    bgr[:, 10:20, 2] = 255  # a red square in the middle
    cv2.imwrite(str(tmp_path / "red.png"), bgr)
    (tmp_path / "HELD_OUT").touch()
    square = material.photos_to_judge(tmp_path, side_px=10)[0].frame
    assert np.unique(square.reshape(-1, 3), axis=0).tolist() == [[0, 0, 255]]
    assert square.flags.c_contiguous
    assert material.image_of(square)[0, :, 0, 0].tolist() == [1.0, 0.0, 0.0]
    assert np.array_equal(material.frame_of(material.image_of(square)), square)
    assert torch.equal(material.image_of(square), material.image_of(square, "cpu"))


def test_paintings_are_found_by_name_or_beginning(tmp_path: Path) -> None:
    for name in ("great-wave.jpg", "great.png", "udnie.png", "notes.txt"):
        (tmp_path / name).touch()
    found = [
        material.find_painting(tmp_path, name) for name in ("udnie", "great-wave-johnson", "greater", "notes")
    ]
    assert [path.name if path else None for path in found] == ["udnie.png", "great-wave.jpg", None, None]
    assert material.find_painting(tmp_path, "trial-7", "great-wave") == tmp_path / "great-wave.jpg"
    with pytest.raises(InputError, match=r"--paintings .*folder of paintings was expected"):
        material.find_painting(tmp_path / "absent", "udnie")


def test_clips_are_read_and_scaled_down(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for level in (0, 100, 200):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    assert material.find_clips(tmp_path) == [path]
    clip = material.read_clip(path, 2, longest_px=32)
    assert (clip.name, [frame.shape for frame in clip.frames]) == ("clip.avi", [(24, 32, 3)] * 2)
    assert abs(int(material.read_clip(path, 9).frames[2].mean()) - 200) < 4
    with pytest.raises(InputError, match="1 can be read"):
        material.read_clip(path, 1)
    with pytest.raises(InputError, match="no video in it"):
        material.find_clips(pictures(tmp_path / "photos", 1))
    with pytest.raises(InputError, match=r"--clips .*there is none"):
        material.find_clips(tmp_path / "absent")
