"""The history of generated pictures that a discriminator is shown (Shrivastava et al. 2017)."""

import torch
from torch import Tensor


class ImageHistory:
    """A pool of up to ``capacity`` generated pictures.

    Until it is full, every picture goes in and comes out. Then each one comes out itself with probability
    1/2, else it takes the place of a random one of the pool, which comes out (Zhu et al. 2017, section 4:
    fifty pictures keep the model from oscillating).
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._pool: list[Tensor] = []

    def exchange(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(N, 3, H, W) in, as many pictures out, detached; those of the pool are copies of its own."""
        return torch.stack([self._exchange_one(image.detach(), generator) for image in images])

    def _exchange_one(self, image: Tensor, generator: torch.Generator) -> Tensor:
        keep, place = torch.rand(2, generator=generator).tolist()
        if len(self._pool) < self.capacity:
            self._pool.append(image.clone())
            return image
        if keep < 0.5 or not self.capacity:
            return image
        index = int(place * self.capacity)
        earlier, self._pool[index] = self._pool[index], image.clone()
        return earlier

    def state(self) -> dict[str, Tensor]:
        """What a resumed run needs: ``pool`` (M, 3, H, W), absent while it is empty."""
        return {"pool": torch.stack(self._pool)} if self._pool else {}

    def restore(self, state: dict[str, Tensor], device: torch.device) -> None:
        """Put back what ``state`` gave."""
        self._pool = [image.to(device) for image in state.get("pool", ())]
