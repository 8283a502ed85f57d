"""Signs that a game between generators and discriminators is lost."""

from torch import Tensor

QUIET_STEPS = 300
LEAST_DISCRIMINATOR_LOSS = 0.005
LEAST_DEPENDENCE = 0.02


class CollapseWatch:
    """Watches what a training reports and says, once each time it begins, when a side has won."""

    def __init__(self) -> None:
        self._quiet_since: dict[str, int] = {}
        self._told: set[str] = set()

    def look(self, step: int, terms: dict[str, float], reports_every: int) -> list[str]:
        """A line for each discriminator whose mean loss has been next to nothing for hundreds of steps.

        Args:
            terms: means over the last ``reports_every`` steps.
        """
        found = []
        for side in ("a", "b"):
            if terms[f"discriminator_{side}"] >= LEAST_DISCRIMINATOR_LOSS:
                self._quiet_since.pop(side, None)
                self._told.discard(side)
                continue
            since = self._quiet_since.setdefault(side, step - reports_every)
            if step - since >= QUIET_STEPS and side not in self._told:
                self._told.add(side)
                found.append(
                    f"the discriminator of side {side.upper()} has won: its loss has been under "
                    f"{LEAST_DISCRIMINATOR_LOSS} for {step - since} steps, and its generator learns next to "
                    "nothing from it; give more pictures, --augmentation translation,cutout, a smaller "
                    "--discriminator-width or a lower --discriminator-lr"
                )
        return found


def dependence(source: Tensor, painted: Tensor) -> float:
    """How much results differ from picture to picture, beside how much the sources do.

    The square root of the variance over pictures, the mean over places and colours, one divided by the
    other: 1 for a network that leaves pictures alone, 0 for one that paints the same whatever it is given.

    Args:
        source, painted: (N, 3, H, W), N at least 2.
    """
    spreads = [image.float().var(dim=0).mean().sqrt() for image in (painted, source)]
    return float(spreads[0] / spreads[1].clamp_min(1e-6))


def dependence_warnings(source: Tensor, painted: Tensor, direction: str) -> list[str]:
    """A line where ``painted`` no longer depends on ``source``; nothing for a single picture."""
    if len(source) < 2:
        return []
    share = dependence(source, painted)
    if share >= LEAST_DEPENDENCE:
        return []
    return [
        f"{direction} paints nearly the same picture whatever it is given (its results differ by "
        f"{100 * share:.1f} % of what the pictures do): the game has collapsed; start again with a lower "
        "--lr or a higher --cycle-weight"
    ]
