import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pipeline.common.errors import CheckpointError, OutputError, UnsafeCheckpointError
from training import checkpoint as checkpoints
from training import networks
from training.checkpoint import Checkpoint


def small_checkpoint(network_name: str = "hourglass-40") -> Checkpoint:
    torch.manual_seed(0)
    weights = networks.build("hourglass-40").state_dict()
    return Checkpoint(network_name, weights, {"steps": 3}, 2, {"title": "Nachtcafé"}, {"photos": 4})


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    saved = small_checkpoint()
    checkpoints.save(tmp_path / "a.safetensors", saved)
    loaded = checkpoints.load(tmp_path / "a.safetensors")
    assert (loaded.recipe, loaded.step, loaded.artwork) == (saved.recipe, 2, {"title": "Nachtcafé"})
    assert all(torch.equal(loaded.network[k], v) for k, v in saved.network.items())
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_the_network_comes_back_whole(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "a.safetensors", small_checkpoint())
    torch.manual_seed(0)
    image, expected = torch.rand(1, 3, 32, 32), networks.build("hourglass-40").eval()
    torch.manual_seed(0)
    expected = networks.build("hourglass-40").eval()
    assert torch.equal(checkpoints.load(tmp_path / "a.safetensors").build_network()(image), expected(image))


class Runs:
    """Pickled, this would create a file when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "evil.safetensors").write_bytes(pickle.dumps(Runs(tmp_path / "ran"), protocol))
    with pytest.raises(UnsafeCheckpointError, match="can run code"):
        checkpoints.load(tmp_path / "evil.safetensors")
    assert not (tmp_path / "ran").exists()


def test_a_header_whose_length_begins_like_a_pickle_is_read(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    header = json.dumps({"__metadata__": {"told": "x"}}).ljust(0x0280).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    assert path.read_bytes().startswith(b"\x80\x02")
    assert checkpoints.read_safetensors(path) == ({}, {"told": "x"})


def test_a_torch_archive_is_refused(tmp_path: Path) -> None:
    torch.save({"x": torch.ones(1)}, tmp_path / "net.pth")
    with pytest.raises(UnsafeCheckpointError, match=r"only \.safetensors checkpoints"):
        checkpoints.load(tmp_path / "net.pth")


def test_files_that_are_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        checkpoints.load(tmp_path / "absent.safetensors")
    (tmp_path / "text").write_text("hello, this is text")
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        checkpoints.load(tmp_path / "text")
    save_file({"x": torch.ones(1)}, str(tmp_path / "other.safetensors"))
    with pytest.raises(CheckpointError, match="not a checkpoint written by"):
        checkpoints.load(tmp_path / "other.safetensors")


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    checkpoints.save(path, small_checkpoint())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="not a whole"):
        checkpoints.load(path)


def test_a_network_this_version_lacks_and_weights_that_do_not_fit(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "a.safetensors", small_checkpoint("transformer-9"))
    with pytest.raises(CheckpointError, match="'transformer-9', which this version does not have"):
        checkpoints.load(tmp_path / "a.safetensors").build_network()
    with pytest.raises(CheckpointError, match="do not fit network 'hourglass-80'"):
        small_checkpoint("hourglass-80").build_network()


def test_a_folder_that_is_missing_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="could not be written"):
        checkpoints.save(tmp_path / "absent" / "a.safetensors", small_checkpoint())
    assert list(tmp_path.iterdir()) == []
