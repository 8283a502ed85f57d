"""The losses of CycleGAN as pure functions (Zhu, Park, Isola & Efros, ICCV 2017, section 3).

Images are (N, 3, H, W), RGB in [0, 1]; the paper's lie in -1..1, and its weights are meant for that range, so
distances between images are doubled here. Scores are what a discriminator gives, any shape, unbounded: its
D is their logistic function in the logarithmic form, and they themselves in the least-squares form. A
discriminator with several heads gives several maps of scores; each head counts the same.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

ADVERSARIAL_FORMS = ("least-squares", "log")
PAPER_RANGE = 2.0
"""White minus black in the paper's images."""
CLOUD_PX = 8
EDGE_SHARPNESS = 10.0


def discriminator_loss(real: Sequence[Tensor], fake: Sequence[Tensor], form: str) -> Tensor:
    """What a discriminator minimises, half of the printed sum.

    ``log``: minus equation 1, ``-E[log D(y)] - E[log(1 - D(G(x)))]``. ``least-squares``, by which the authors
    train (section 4, after Mao et al. 2017): ``E[(D(y) - 1)^2] + E[D(G(x))^2]``. The half is theirs (section
    7.1): it slows the discriminator relative to the generator.

    Args:
        real, fake: maps of scores, one a head.

    Returns:
        A scalar; at chance log 2 and, least squares with all scores 1/2, a quarter.
    """
    losses = [_score(r, True, form) + _score(f, False, form) for r, f in zip(real, fake, strict=True)]
    return torch.stack(losses).mean() / 2


def generator_loss(fake: Sequence[Tensor], form: str) -> Tensor:
    """What a generator minimises of the discriminator's scores.

    ``least-squares``: ``E[(D(G(x)) - 1)^2]`` (section 4). ``log``: ``-E[log D(G(x))]`` in place of equation
    1's ``E[log(1 - D(G(x)))]``, which has no gradient where the discriminator is sure (Goodfellow et al.
    2014, section 3).
    """
    return torch.stack([_score(scores, True, form) for scores in fake]).mean()


def cycle_loss(reconstructed: Tensor, real: Tensor) -> Tensor:
    """One half of equation 2: ``E[|F(G(x)) - x|_1]``, the mean over values."""
    return PAPER_RANGE * F.l1_loss(reconstructed, real)


def identity_loss(same: Tensor, real: Tensor) -> Tensor:
    """One half of L_identity (section 5.2): ``E[|G(y) - y|_1]`` for y of the side that G paints."""
    return PAPER_RANGE * F.l1_loss(same, real)


def cloud_loss(painted: Tensor, real: Tensor) -> Tensor:
    """How far a change begins or ends where the picture has no edge, at an eighth of its size.

    ``mean |d(y - x)| exp(-10 |dx|)`` over both axes, after the edge-aware smoothness of Godard et al. 2017,
    equation 3: hair may turn grey up to its outline, and fine lines are gone at that size; a blob in an
    even background is dear. H and W are at least 16.
    """
    change, picture = (F.avg_pool2d(image, CLOUD_PX) for image in (painted - real, real))
    terms = []
    for axis in (2, 3):
        slope, edge = (image.diff(dim=axis).abs().mean(dim=1) for image in (change, picture))
        terms.append((slope * torch.exp(-EDGE_SHARPNESS * edge)).mean())
    return PAPER_RANGE * torch.stack(terms).sum()


def _score(scores: Tensor, is_real: bool, form: str) -> Tensor:
    """Of one map of scores: how far from being taken for real, or for a fake."""
    scores = scores.float()
    wanted = torch.full_like(scores, float(is_real))
    if form == "log":
        return F.binary_cross_entropy_with_logits(scores, wanted)
    return F.mse_loss(scores, wanted)
