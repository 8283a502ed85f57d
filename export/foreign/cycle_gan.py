"""ResNet generators of pytorch-CycleGAN-and-pix2pix (``*_net_G.pth``), Zhu et al. 2017.

7x7, two 3x3 of stride 2 (zero-padded), six or nine residual blocks, two transposed 3x3 of stride 2, 7x7,
tanh; instance norms without weights; reflection where not said otherwise; RGB in -1..1 in and out.

The layers are numbered by their place in a sequence. A block with dropout has one layer more before its
second convolution; dropout does nothing once training has ended. Generators with batch norms, those that
resample with blurred kernels, and U-nets are of other layouts and are refused. Reflection and replication
padding have the same names; reflection, the default of that project, is assumed. Norms that have weights,
and blocks called ``block``, as in some descendants, are read too.
"""

import re
from collections.abc import Mapping

from torch import Tensor

from export.foreign.network import ForeignNetwork, count, fill, renamed
from pipeline.common.errors import CheckpointError
from training.networks.resnet_generator import ResnetGenerator

LAYOUT = "cycle-gan"
DESCRIPTION = "ResNet generators of pytorch-CycleGAN-and-pix2pix (*_net_G.pth)"
VALUE_RANGE = (-1.0, 1.0)
_FIRST_BLOCK = 10
_BLOCK = re.compile(r"model\.(\d+)\.(conv_block|block)\.\d+\.")
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""Before PyTorch 0.4 instance norms stored them; stylizing never used them."""


class ImportedGenerator(ResnetGenerator):
    """The generator as that project calls it: RGB in -1..1 in and out.

    Its norms have weights: 1 and 0, the same sums, where the file has none.
    """

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 3, H, W), H and W multiples of 4."""
        return self.draw(image)


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the names are this layout's."""
    return "model.1.weight" in tensors and any(_BLOCK.match(name) for name in tensors)


def network_from_tensors(tensors: Mapping[str, Tensor]) -> ForeignNetwork:
    """The generator of a state dict.

    Raises:
        CheckpointError: batch norms, or names or shapes that the layout does not have.
    """
    _refuse_batch_norms(tensors)
    used = {name: value for name, value in tensors.items() if not name.endswith(_STATISTICS)}
    blocks = len({found[1] for name in used if (found := _BLOCK.match(name))})
    weights = renamed(used, names_of(used, blocks), LAYOUT)
    width = int(weights["stem.weight"].shape[0])
    network = ImportedGenerator(width, blocks)
    plain = {name: value for name, value in network.state_dict().items() if "norm" in name}
    fill(network, {**plain, **weights}, LAYOUT)
    return ForeignNetwork(network, LAYOUT, f"cycle-gan-{blocks}", count(weights), VALUE_RANGE)


def _refuse_batch_norms(tensors: Mapping[str, Tensor]) -> None:
    """Statistics beside weights are a batch norm's; beside none, an old instance norm's."""
    if "model.2.running_mean" in tensors and "model.2.weight" in tensors:
        raise CheckpointError(
            "this generator has batch norms (`--norm batch`, the default of pix2pix); those with instance "
            "norms (`--norm instance`, the default of CycleGAN) can be imported"
        )


def names_of(tensors: Mapping[str, Tensor], blocks: int) -> dict[str, str]:
    """Our name by theirs, for the weights of ``tensors``; norms only where it has weights for them."""
    block = next(found[2] for name in tensors if (found := _BLOCK.match(name)))
    dropout = f"model.{_FIRST_BLOCK}.{block}.6.weight" in tensors and (
        tensors[f"model.{_FIRST_BLOCK}.{block}.6.weight"].ndim == 4
    )
    after = _FIRST_BLOCK + blocks
    places = {"model.1": "stem", "model.4": "down1", "model.7": "down2"}
    places |= {f"model.{after}": "up1", f"model.{after + 3}": "up2", f"model.{after + 7}": "head.conv"}
    norms = {"model.2": "stem_norm", "model.5": "down1_norm", "model.8": "down2_norm"}
    norms |= {f"model.{after + 1}": "up1_norm", f"model.{after + 4}": "up2_norm"}
    second = 6 if dropout else 5
    for i in range(blocks):
        at = f"model.{_FIRST_BLOCK + i}.{block}"
        places |= {f"{at}.1": f"blocks.{i}.conv1", f"{at}.{second}": f"blocks.{i}.conv2"}
        norms |= {f"{at}.2": f"blocks.{i}.norm1", f"{at}.{second + 1}": f"blocks.{i}.norm2"}
    if "model.2.weight" in tensors:
        places |= norms
    return {f"{t}.{part}": f"{o}.{part}" for t, o in places.items() for part in ("weight", "bias")}
