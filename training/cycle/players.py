"""The four networks of a training between two folders, with their optimizers and histories, as one state."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training import networks
from training.checkpoint import Checkpoint
from training.cycle.discriminators import Discriminator, initialise_normal
from training.cycle.history import ImageHistory
from training.cycle.recipe import DIRECTIONS, CycleRecipe
from training.feed_forward.distributed import Ranks
from training.feed_forward.optimizer import Optimizer

SIDES = ("a", "b")


@dataclass(frozen=True)
class Players:
    """Everything that changes while training goes on.

    Attributes:
        generators: ``a2b`` (the paper's G) and ``b2a`` (its F).
        averages: running means of their weights, which are saved and shown; the generators themselves where
            the recipe takes no mean.
        discriminators: ``a`` and ``b``, each of its own side's pictures.
        guides: running means of the discriminators' weights while those learn alone; fixed from then on.
        histories: generated pictures of side ``a`` and ``b``.
        generator_optimizer, discriminator_optimizer: of both networks each.
    """

    generators: nn.ModuleDict
    averages: nn.ModuleDict
    discriminators: nn.ModuleDict
    guides: nn.ModuleDict
    histories: dict[str, ImageHistory]
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer

    def average(self, share: float) -> None:
        """Move the running means on by a step; ``share`` is what of the old stays."""
        if self.averages is not self.generators:
            _move_towards(self.generators, self.averages, share)

    def teach_guides(self, share: float) -> None:
        """The same for what the discriminators know, while no generator plays."""
        if len(self.guides):
            _move_towards(self.discriminators, self.guides, share)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """(networks and histories, optimizers) by name: all that a resumed run needs."""
        tensors: dict[str, Tensor] = {}
        for part, network in self._networks():
            tensors |= {f"{part}.{name}": value.detach() for name, value in network.state_dict().items()}
        for side, history in self.histories.items():
            tensors |= {f"history.{side}.{name}": value for name, value in history.state().items()}
        moments: dict[str, Tensor] = {}
        for part, optimizer in self._optimizers():
            moments |= {f"{part}.{name}": value for name, value in optimizer.state().items()}
        return tensors, moments

    def restore(self, saved: Checkpoint, device: torch.device) -> None:
        """Put back what ``state`` gave."""
        for part, network in self._networks():
            network.load_state_dict(_part(saved.network, part))
        for side, history in self.histories.items():
            history.restore(_part(saved.network, f"history.{side}"), device)
        for part, optimizer in self._optimizers():
            optimizer.restore(_part(saved.optimizer, part))

    def _networks(self) -> list[tuple[str, nn.ModuleDict]]:
        found = [("generators", self.generators), ("discriminators", self.discriminators)]
        found += [("guides", self.guides)] if len(self.guides) else []
        return found if self.averages is self.generators else [*found, ("averages", self.averages)]

    def _optimizers(self) -> list[tuple[str, Optimizer]]:
        return [("generators", self.generator_optimizer), ("discriminators", self.discriminator_optimizer)]


def fresh_players(recipe: CycleRecipe, ranks: Ranks, start: dict[str, Tensor] | None = None) -> Players:
    """Four freshly initialised networks.

    Args:
        start: weights for both generators; a network that adds its input begins by changing nothing.

    Raises:
        RuntimeError: ``start`` is of another network.
    """
    torch.manual_seed(recipe.seed)
    generators = nn.ModuleDict({d: networks.build(recipe.network) for d in DIRECTIONS})
    discriminators = nn.ModuleDict({side: _discriminator(recipe) for side in SIDES})
    if recipe.initialisation == "normal":
        drawn = torch.Generator().manual_seed(recipe.seed)
        for network in (*generators.values(), *discriminators.values()):
            initialise_normal(network, drawn)
    for generator in generators.values():
        if start is not None:
            generator.load_state_dict(start)
        if start is not None and networks.adds_input(generator):
            generator.leave_unchanged()  # type: ignore[operator]
    generators, discriminators = (
        part.to(ranks.device).to(memory_format=torch.channels_last) for part in (generators, discriminators)
    )
    guides = copy.deepcopy(discriminators) if recipe.guide_weight else nn.ModuleDict()
    averages = copy.deepcopy(generators).requires_grad_(False) if recipe.average else generators
    return Players(
        generators,
        averages,
        discriminators,
        guides.requires_grad_(False),
        {side: ImageHistory(recipe.history) for side in SIDES},
        _optimizer(generators, recipe.learning_rate, recipe, ranks),
        _optimizer(discriminators, recipe.discriminator_rate, recipe, ranks),
    )


def _move_towards(now: nn.Module, mean: nn.Module, share: float) -> None:
    for old, new in zip(mean.parameters(), now.parameters(), strict=True):
        old.data.lerp_(new.data, 1.0 - share)


def _discriminator(recipe: CycleRecipe) -> Discriminator:
    return Discriminator(
        recipe.discriminator_width, recipe.discriminator_layers, recipe.discriminator_features
    )


def _optimizer(network: nn.Module, rate: float, recipe: CycleRecipe, ranks: Ranks) -> Optimizer:
    return Optimizer(
        network, "adam", rate, recipe.precision == "fp16", (recipe.beta1, 0.999), ranks.average_gradients
    )


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    start = name + "."
    return {key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)}
