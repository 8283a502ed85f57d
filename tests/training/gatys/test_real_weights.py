"""With the genuine VGG-19 and a painting: runs where BRUSHSTREAM_DATA names the folder that has them."""

from dataclasses import replace
from pathlib import Path

import pytest

from training.gatys.job import Job, render_still
from training.gatys.recipe import PRESETS


@pytest.fixture
def job(shared_data: Path, tmp_path: Path) -> Job:
    weights = sorted((shared_data / "weights").glob("vgg19*.safetensors"))
    photo = next(iter(sorted((shared_data / "photos").glob("*.jpg"))), None)
    painting = shared_data / "styles" / "starry-night.jpg"
    if not weights or photo is None or not painting.is_file():
        pytest.skip(f"{shared_data} has no VGG-19, photos or starry-night")
    return Job(photo, (painting,), tmp_path / "out.png", vgg_weights=weights[0])


def test_shallow_pyramid_comes_near_the_painting_and_keeps_the_photo(job: Job) -> None:
    done = render_still(replace(PRESETS["shallow-pyramid"], sizes=(64,), iterations=(15,)), job)
    first, last = done.history[0], done.history[-1]
    assert last["style"] < 0.5 * first["style"]
    assert last["content"] < 1.0  # 1 is a blank picture
