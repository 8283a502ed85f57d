"""Several processes that train one network together, as ``torchrun`` starts them.

Each draws its share of every batch by sample number, so the union is the batch one process would draw.
DistributedDataParallel averages the gradients; what a term divides by is averaged over the processes too
(``Ranks.pooled``), so that the loss of the parts is the loss of the whole.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.parallel import DistributedDataParallel

from pipeline.common.errors import TrainingError


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Attributes:
        rank: its number, from 0; the first writes every file and tells of the progress.
        count: how many there are; 1 without torchrun.
        device: where this one computes.
    """

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes and tells."""
        return self.rank == 0

    def share(self, batch_size: int) -> slice:
        """The places of a batch that this process takes.

        Raises:
            TrainingError: the processes cannot take equal shares.
        """
        if batch_size % self.count:
            raise TrainingError(
                f"--batch-size {batch_size} cannot be shared equally by {self.count} processes; give a "
                f"multiple of {self.count}"
            )
        size = batch_size // self.count
        return slice(self.rank * size, (self.rank + 1) * size)

    def pooled(self, value: Tensor) -> Tensor:
        """The mean of ``value`` over all processes; gradients reach every process's share of it."""
        if self.count == 1:
            return value
        total: Tensor = all_reduce(value.contiguous())  # type: ignore[no-untyped-call]
        return total / self.count

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Each gradient its mean over all processes: what ``together`` does for one network called once."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.count == 1 or not gradients:
            return
        flat = torch.cat([g.reshape(-1) for g in gradients])
        distributed.all_reduce(flat)
        parts = torch.split(flat / self.count, [g.numel() for g in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def gathered(self, share: Tensor) -> Tensor:
        """The whole batch, without gradients, of which this process holds ``share``."""
        if self.count == 1:
            return share.detach()
        parts = [torch.empty_like(share, memory_format=torch.contiguous_format) for _ in range(self.count)]
        distributed.all_gather(parts, share.detach().contiguous())
        return torch.cat(parts)

    def together(self, network: nn.Module) -> nn.Module:
        """``network``, its gradients averaged over all processes; itself where this one is alone.

        On GPUs batch norm takes the moments of the whole batch; PyTorch has no such batch norm for CPUs, and
        there each process takes those of its share.
        """
        if self.count == 1:
            return network
        if self.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return DistributedDataParallel(
            network, device_ids=[self.device] if self.device.type == "cuda" else None
        )


def is_first_process() -> bool:
    """Whether this process is alone or the first of those that torchrun started."""
    return int(os.environ.get("RANK", "0")) == 0


@contextlib.contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """Meet the other processes that torchrun started (``WORLD_SIZE``), over gloo on CPUs and NCCL on GPUs.

    Args:
        device: ``cpu`` or ``cuda``, of which each process takes its own by ``LOCAL_RANK``.

    Raises:
        TrainingError: more processes than GPUs on this machine, or one GPU named for all of them.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Ranks(torch.device(device))
        return
    own = _own_device(device)
    distributed.init_process_group("nccl" if own.type == "cuda" else "gloo")
    try:
        yield Ranks(own, distributed.get_rank(), count)
    finally:
        distributed.destroy_process_group()


def _own_device(device: str) -> torch.device:
    if device == "cpu":
        return torch.device(device)
    if device != "cuda":
        raise TrainingError(
            f"--device {device}: under torchrun each process takes a GPU of its own; give cuda"
        )
    number, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if number >= there:
        raise TrainingError(
            f"torchrun started more than {there} processes on this machine, which has {there} GPUs; give "
            f"--nproc-per-node {there}"
        )
    torch.cuda.set_device(number)
    return torch.device("cuda", number)
