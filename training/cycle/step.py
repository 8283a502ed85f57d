"""One step of training between two folders: what generators and discriminators are told of their pictures."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.cycle import augmentation, losses
from training.cycle.discriminators import Discriminator, Seen, look
from training.cycle.players import Players
from training.cycle.recipe import CycleRecipe
from training.cycle.shift import Shift, shift_loss
from training.feed_forward import temporal
from training.feed_forward.distributed import Ranks
from training.feed_forward.validation import autocast
from training.losses import functional
from training.losses.encoder import VggEncoder

TERMS = ("adversarial", "guide", "shift", "cycle", "identity", "content", "smoothness", "temporal")


@dataclass(frozen=True)
class Draw:
    """What a step draws at random, the same in every process.

    Attributes:
        generator: for what is drawn later in the step.
        augment_a, augment_b: of real pictures of either side and of what is painted from them.
        motion, second: the frame after those of ``direction``'s source; None before the ramp begins.
    """

    generator: torch.Generator
    augment_a: augmentation.Augment
    augment_b: augmentation.Augment
    direction: str
    motion: temporal.Motion | None = None
    second: Tensor | None = None


def draw(step: int, a: Tensor, b: Tensor, recipe: CycleRecipe, ranks: Ranks) -> Draw:
    """The random numbers of ``step``, and of every other step a second frame of A, of the rest one of B."""
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
    share, count = ranks.share(recipe.batch_size), recipe.batch_size
    of_a, of_b = (augmentation.drawn(recipe.augmentation, count, generator, share) for _ in range(2))
    direction, source = ("b2a", b) if step % 2 else ("a2b", a)
    if not recipe.temporal_weight or not temporal.weight_factor(step, recipe.steps):
        return Draw(generator, of_a, of_b, direction)
    motion = temporal.draw_motion(count, a.shape[-1], generator).part(share)
    second = temporal.second_frame(source, motion, generator, count, share)
    return Draw(generator, of_a, of_b, direction, motion.to(ranks.device), second)


@dataclass(frozen=True)
class Painted:
    """What the generators made in a step: (N, 3, H, W), float32, RGB, not clamped."""

    fake_a: Tensor
    fake_b: Tensor
    terms: dict[str, Tensor]


class Step:
    """The terms of a step; gradients and their use are the loop's."""

    def __init__(
        self,
        recipe: CycleRecipe,
        players: Players,
        encoder: VggEncoder | None,
        ranks: Ranks,
        shift: Shift,
    ) -> None:
        """Args: ``shift`` of B's features from A's (``cycle.shift``); empty leaves its term out."""
        self.recipe, self.players, self.encoder, self.ranks = recipe, players, encoder, ranks
        self.shift = shift

    def look_at_real(self, a: Tensor, b: Tensor, drawn: Draw) -> tuple[Seen, Seen]:
        """The real pictures of both sides as discriminators take them."""
        with torch.no_grad(), self._autocast():
            return look(drawn.augment_a(a), self.encoder), look(drawn.augment_b(b), self.encoder)

    def generator_terms(self, a: Tensor, b: Tensor, real: tuple[Seen, Seen], drawn: Draw) -> Painted:
        """Terms of both generators, unweighted; the sum over both directions, as in equation 3."""
        with self._autocast():
            fake_b, same_b, then_b = self._paint("a2b", a, b, drawn)
            fake_a, same_a, then_a = self._paint("b2a", b, a, drawn)
            back_a, back_b = self._generator("b2a")(fake_b), self._generator("a2b")(fake_a)
        terms = {"cycle": losses.cycle_loss(back_a.float(), a) + losses.cycle_loss(back_b.float(), b)}
        if same_a is not None and same_b is not None:
            terms["identity"] = losses.identity_loss(same_a, a) + losses.identity_loss(same_b, b)
        with self._autocast():
            seen_b = look(drawn.augment_a(fake_b), self.encoder)
            seen_a = look(drawn.augment_b(fake_a), self.encoder)
            scores = self._discriminator("a")(seen_a), self._discriminator("b")(seen_b)
        terms["adversarial"] = sum(
            (losses.generator_loss(one, self.recipe.adversarial) for one in scores), torch.zeros(())
        )
        if self.recipe.guide_weight:
            with self._autocast():
                guided = self._guide("a", seen_a), self._guide("b", seen_b)
            terms["guide"] = guided[0] + guided[1]
        if self.shift:
            back = {layer: -value for layer, value in self.shift.items()}
            moved = ((seen_b, real[0], self.shift), (seen_a, real[1], back))
            terms["shift"] = sum(
                (shift_loss(fake.features, own.features, wanted) for fake, own, wanted in moved),
                torch.zeros(()),
            )
        if self.recipe.smoothness_weight:
            terms["smoothness"] = losses.cloud_loss(fake_b, a) + losses.cloud_loss(fake_a, b)
        if self.recipe.content_weight:
            terms["content"] = self._content(seen_b, real[0]) + self._content(seen_a, real[1])
        if drawn.motion is not None:
            now, then = (fake_b, then_b) if drawn.direction == "a2b" else (fake_a, then_a)
            assert then is not None
            terms["temporal"] = temporal.temporal_distance(now, then, drawn.motion, self.ranks.pooled)
        return Painted(fake_a, fake_b, terms)

    def discriminator_terms(
        self, painted: Painted | None, real: tuple[Seen, Seen], drawn: Draw
    ) -> dict[str, Tensor]:
        """``discriminator_a`` and ``discriminator_b``, the generated pictures taken from the histories.

        Args:
            painted: None while the discriminators learn alone, of the other side's real pictures.
        """
        terms = {}
        for side, own, other in (("a", *real), ("b", *real[::-1])):
            judge = self._discriminator(side)
            wrong = other if painted is None else self._from_history(side, painted, drawn)
            with self._autocast():
                scores = judge(own), judge(wrong)
            terms[f"discriminator_{side}"] = losses.discriminator_loss(*scores, self.recipe.adversarial)
        return terms

    def _from_history(self, side: str, painted: Painted, drawn: Draw) -> Seen:
        """Generated pictures of ``side``, new and old ones, augmented."""
        whole = self.ranks.gathered(painted.fake_a if side == "a" else painted.fake_b)
        shown = self.players.histories[side].exchange(whole, drawn.generator)
        share = self.ranks.share(len(whole))
        augment = augmentation.drawn(self.recipe.augmentation, len(whole), drawn.generator, share)
        with torch.no_grad(), self._autocast():
            return look(augment(shown[share]), self.encoder)

    def total(self, terms: dict[str, Tensor], step: int) -> Tensor:
        """The generators' terms weighted: equation 3 and what the recipe adds."""
        recipe = self.recipe
        weights = {
            "adversarial": 1.0,
            "cycle": recipe.cycle_weight,
            "identity": recipe.identity_weight,
            "guide": recipe.guide_weight,
            "shift": recipe.shift_weight,
            "content": recipe.content_weight,
            "smoothness": recipe.smoothness_weight,
            "temporal": recipe.temporal_weight * temporal.weight_factor(step, recipe.steps),
        }
        return torch.stack([weights[name] * value for name, value in terms.items()]).sum()

    def _paint(
        self, direction: str, source: Tensor, target: Tensor, drawn: Draw
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Of one direction: the painted source, the repainted target, the painted second frame."""
        given = [source]
        if self.recipe.identity_weight:
            given.append(target)
        if drawn.second is not None and drawn.direction == direction:
            given.append(drawn.second.to(source.device))
        painted = self._generator(direction)(torch.cat(given).contiguous(memory_format=torch.channels_last))
        parts = list(painted.float().split(len(source)))
        fake = parts.pop(0)
        same = parts.pop(0) if self.recipe.identity_weight else None
        return fake, same, parts.pop() if parts else None

    def _content(self, fake: Seen, real: Seen) -> Tensor:
        layer = self.recipe.content_layer
        return functional.content_distance(fake.features[layer], real.features[layer], self.ranks.pooled)

    def _guide(self, side: str, seen: Seen) -> Tensor:
        guide: Discriminator = self.players.guides[side]  # type: ignore[assignment]
        return losses.generator_loss(guide.of_features(seen), self.recipe.adversarial)

    def _generator(self, direction: str) -> nn.Module:
        return self.players.generators[direction]

    def _discriminator(self, side: str) -> nn.Module:
        return self.players.discriminators[side]

    def _autocast(self) -> torch.autocast:
        return autocast(self.ranks.device, self.recipe.precision)
