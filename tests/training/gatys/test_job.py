"""Stills from files to a file: colours, profile, what is refused before any work, blow-ups."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from torch import Tensor

from pipeline.common.errors import InputError, LayerMissingError, OutputError
from training import image_io
from training.gatys.job import Job, render_still
from training.gatys.recipe import PRESETS, RenderRecipe
from training.gatys.step import DivergedError
from training.losses import color
from training.losses.objective import Features, Objective

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RECIPE = RenderRecipe(
    content_layers=(("relu1_2", 1.0),),
    style_layers=(("relu1_1", 1.0),),
    octaves=1,
    sizes=(48,),
    iterations=(4,),
    learning_rate=0.05,
)


@pytest.fixture
def job(tmp_path: Path, painting: Path, random_vgg: Path) -> Job:
    columns = torch.linspace(0, 1, 64).expand(1, 1, 52, 64)
    photo = torch.cat([columns, 0.5 * columns, 1 - columns], dim=1)
    image_io.write_picture(tmp_path / "photo.png", photo, 8, PROFILE)
    return Job(tmp_path / "photo.png", (painting,), tmp_path / "out.png", vgg_weights=random_vgg)


@pytest.mark.parametrize(("name", "bits"), [("out.png", 8), ("out.png", 16), ("out.tif", 16), ("out.jpg", 8)])
def test_the_result_has_the_depth_asked_for_and_the_contents_profile(job: Job, name: str, bits: int) -> None:
    job = replace(job, output=job.output.with_name(name), bits=bits)
    done = render_still(replace(RECIPE, iterations=(1,)), job)
    pixels = cv2.imread(str(job.output), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    assert pixels.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert pixels.shape == (39, 48, 3)
    written = image_io.read_picture(job.output, "result")
    assert written.icc_profile == PROFILE
    assert (written.image - done.image).abs().mean() < 0.03
    assert not job.resume_file.exists()


def test_a_photo_with_exif_orientation_comes_out_upright(job: Job) -> None:
    with Image.open(job.content) as photo:
        exif = photo.getexif()
        exif[0x0112] = 8
        photo.save(job.content.with_name("turned.jpg"), exif=exif)
    done = render_still(RECIPE, replace(job, content=job.content.with_name("turned.jpg")))
    assert done.image.shape == (1, 3, 48, 39)
    with Image.open(job.output) as written:
        assert written.getexif().get(0x0112, 1) == 1


def test_original_colours_stay_and_luma_is_painted(job: Job) -> None:
    render_still(replace(RECIPE, original_colors=True), job)
    found = image_io.read_picture(job.output, "result").image
    content = image_io.fit(image_io.read_picture(job.content, "content").image, 48)
    assert (color.luma(found) - color.luma(content)).abs().mean() > 0.02
    inside = (found.amin(1) > 0.01) & (found.amax(1) < 0.99)  # clipping changes hue at the ends
    chroma = [(image - color.luma(image))[0][:, inside[0]] for image in (found, content)]
    assert inside.float().mean() > 0.3
    assert (chroma[0] - chroma[1]).abs().max() < 0.01


def test_snapshots_lie_beside_the_result(job: Job) -> None:
    render_still(RECIPE, replace(job, snapshot_interval=2))
    folder = job.output.with_suffix(".snapshots")
    assert sorted(p.name for p in folder.iterdir()) == ["000002.png", "000004.png"]
    assert (folder / "000004.png").read_bytes() == job.output.read_bytes()


def test_a_stop_keeps_the_picture_and_goes_on_to_the_same_end(job: Job) -> None:
    render_still(RECIPE, job)
    whole = job.output.read_bytes()
    asked = iter([False, True])
    assert not render_still(RECIPE, job, should_stop=lambda: next(asked)).finished
    assert job.resume_file.exists()
    assert job.output.read_bytes() != whole
    assert render_still(RECIPE, job).finished
    assert job.output.read_bytes() == whole


def test_missing_layers_are_named_before_any_picture_is_read(job: Job) -> None:
    nowhere = replace(job, content=Path("absent.png"))
    with pytest.raises(LayerMissingError, match=r"relu4_2, .*relu5_1: not in .*end at relu3_4.*leave out"):
        render_still(PRESETS["gatys-2016"], nowhere)


def test_pictures_that_are_none_or_too_small_are_refused(job: Job, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("text")
    with pytest.raises(InputError, match=r"content .*text.jpg"):
        render_still(RECIPE, replace(job, content=tmp_path / "text.jpg"))
    with pytest.raises(InputError, match=r"style .*text.jpg"):
        render_still(RECIPE, replace(job, styles=(tmp_path / "text.jpg",)))
    with pytest.raises(InputError, match=r"content: 48x39 at --size 48 is too small; 64 px"):
        render_still(replace(RECIPE, octaves=4), job)
    with pytest.raises(InputError, match=r"style: \d+x\d+ at --size 64 is too small; 32 px"):
        render_still(replace(RECIPE, sizes=(64,), style_scale=0.5), job)


def test_a_huge_result_is_refused_with_its_memory(job: Job) -> None:
    with pytest.raises(InputError, match=r"9000x7312 is over 8192 px and needs about \d+ GB.*--force"):
        render_still(replace(RECIPE, sizes=(9000,)), job)


def test_an_output_that_cannot_be_written_is_refused(job: Job) -> None:
    with pytest.raises(OutputError, match="for 16 bits"):
        render_still(RECIPE, replace(job, output=job.output.with_suffix(".jpg"), bits=16))


def test_a_blow_up_keeps_the_last_good_picture(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    render_still(replace(RECIPE, iterations=(2,)), job)
    good = job.output.read_bytes()
    job.output.unlink()
    real, calls = Objective._content_term, iter(range(100))

    def failing(self: Objective, features: Features, target: Features) -> Tensor:
        return real(self, features, target) * (float("inf") if next(calls) == 3 else 1.0)

    monkeypatch.setattr(Objective, "_content_term", failing)
    with pytest.raises(
        DivergedError, match=r"after 3 steps: the content term.*out\.last-good\.png.*lower --lr"
    ):
        render_still(replace(RECIPE, iterations=(9,)), job)
    assert job.last_good_file.read_bytes() == good
    assert not job.output.exists()


@pytest.mark.parametrize("statistic", ["covariance", "wasserstein"])
@pytest.mark.parametrize("normalization", ["gatys", "johnson", "relative"])
def test_every_statistic_under_every_normalization_lowers_its_loss(
    statistic: str, normalization: str, job: Job
) -> None:
    recipe = replace(RECIPE, statistic=statistic, normalization=normalization, content_weight=0.0)
    done = render_still(replace(recipe, sizes=(48,), style_scale=1.5), replace(job, output=job.output))
    assert done.history[-1]["style"] < 0.9 * done.history[0]["style"]


def test_several_styles_lie_between_the_single_ones(job: Job, tmp_path: Path) -> None:
    dark = tmp_path / "dark.png"
    image_io.write_picture(dark, torch.full((1, 3, 64, 64), 0.1))
    first, second = job.styles[0], dark
    recipe = replace(RECIPE, content_weight=0.0, iterations=(25,))

    def mean(styles: tuple[Path, ...], weights: tuple[float, ...] = ()) -> float:
        return float(render_still(recipe, replace(job, styles=styles, style_weights=weights)).image.mean())

    ends = mean((first,)), mean((second,))
    assert ends[0] != pytest.approx(ends[1], abs=0.03)
    assert min(ends) < mean((first, second), (1.0, 1.0)) < max(ends)
