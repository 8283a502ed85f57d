from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipeline.common.errors import InputError
from training.feed_forward import data


def test_photos_are_found_nested_and_in_order(photos: Path) -> None:
    found = data.find_photos(photos)
    assert len(found) == 13
    assert found == sorted(found)
    assert {p.parent.name for p in found} == {"photos", "nested"}


def test_a_missing_and_an_empty_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is none"):
        data.find_photos(tmp_path / "absent")
    with pytest.raises(InputError, match="no picture in it"):
        data.find_photos(tmp_path)


def test_the_held_out_part_is_fixed_by_name_and_near_one_in_twenty() -> None:
    names = [Path(f"folder/{number}.jpg") for number in range(4000)]
    train, held_out = data.split_photos(names)
    assert not set(train) & set(held_out)
    assert 150 < len(held_out) < 250
    assert data.is_held_out(Path("a/7.jpg")) == data.is_held_out(Path("other/7.jpg"))


def test_a_sample_depends_on_its_number_and_the_seed_alone(photos: Path) -> None:
    one, two = (data.PhotoSamples(data.find_photos(photos), 64, seed=3) for _ in range(2))
    assert torch.equal(one[5], two[5])
    assert torch.equal(next(iter(data.batches(one, 2, 3, 5, 1)))[0], two[6])
    assert not torch.equal(one[5], data.PhotoSamples(one.photos, 64, seed=4)[5])
    few = data.PhotoSamples(one.photos, 64, seed=3, different=3)
    assert torch.equal(few[5], one[2])


def test_batches_do_not_depend_on_where_a_run_began_or_on_threads(photos: Path) -> None:
    samples = data.PhotoSamples(data.find_photos(photos), 64, seed=0)
    whole = list(data.batches(samples, 3, 0, 6, 1))
    rest = list(data.batches(samples, 3, 4, 6, 3))
    assert len(whole) == 6
    assert torch.equal(torch.stack(whole[4:]), torch.stack(rest))
    assert whole[0].shape == (3, 3, 64, 64)
    assert 0 <= whole[0].min() <= whole[0].max() <= 1


def test_broken_photos_are_skipped_and_counted(photos: Path) -> None:
    samples = data.PhotoSamples(data.find_photos(photos), 64, seed=0, plain_share=0.0)
    for number in range(26):
        assert samples[number].shape == (3, 64, 64)
    assert samples.broken == 1


def test_a_folder_of_broken_photos_ends_with_a_message(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match="none of the 1 files"):
        data.PhotoSamples([tmp_path / "a.jpg"], 64, seed=0, plain_share=0.0)[0]


def test_plain_pictures_come_flat_dark_and_graded() -> None:
    pictures = [data.plain_picture(np.random.default_rng(seed), 64) for seed in range(60)]
    smoothed = [cv2.blur(p, (9, 9)).astype(float) for p in pictures]
    spread = np.array([np.ptp(s.mean(axis=2)) for s in smoothed])
    brightness = np.array([s.mean() for s in smoothed])
    assert (spread < 8).sum() > 10
    assert (spread > 40).sum() > 10
    assert (brightness < 30).sum() > 10


def test_a_painting_is_scaled_by_its_longest_side(painting: Path) -> None:
    image = data.read_painting(painting, 256)
    assert image.shape == (1, 3, 192, 256)
    assert image.dtype == torch.float32


def test_paintings_are_read_as_rgb(tmp_path: Path) -> None:
    pixels = np.full((70, 70, 3), (0, 0, 255), np.uint8)
    pixels[:, 35:] = 0
    cv2.imwrite(str(tmp_path / "red.png"), pixels)
    assert data.read_painting(tmp_path / "red.png", 70)[0, :, 0, 0].tolist() == [1.0, 0.0, 0.0]


def test_a_painting_of_one_colour_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "red.png"), np.full((70, 70, 3), (0, 0, 255), np.uint8))
    with pytest.raises(InputError, match="of one colour"):
        data.read_painting(tmp_path / "red.png", 70)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.png", None, "no such file"),
        ("text.png", b"text", "no picture"),
        ("empty.png", b"", "no picture"),
    ],
)
def test_paintings_that_are_none(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        data.read_painting(tmp_path / name, 256)


def test_a_painting_too_thin_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "thin.png"), np.zeros((10, 400, 3), np.uint8))
    with pytest.raises(InputError, match="64 px on the short side"):
        data.read_painting(tmp_path / "thin.png", 512)
