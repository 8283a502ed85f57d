from pathlib import Path

import pytest
import torch

from training.losses import functional
from training.losses.encoder import Encoder
from training.losses.perceptual import LossWeights, PerceptualLoss, StyleTarget

LAYERS = ("relu1_1", "relu2_1")


@pytest.fixture(scope="module")
def encoder(random_vgg: Path) -> Encoder:
    return Encoder((*LAYERS, "relu3_1"), random_vgg)


def test_the_painting_itself_has_no_style_loss(encoder: Encoder) -> None:
    painting = torch.rand(1, 3, 64, 64)
    loss = PerceptualLoss(encoder, StyleTarget(encoder, painting, LAYERS, 2), "relu3_1")
    terms = loss(painting, painting)
    assert terms["style"] < 1e-9
    assert terms["content"] < 1e-9


def test_the_total_is_the_weighted_sum_of_the_terms_there_are(encoder: Encoder) -> None:
    target = StyleTarget(encoder, torch.rand(1, 3, 64, 64), LAYERS, 2)
    loss = PerceptualLoss(encoder, target, "relu3_1")
    terms = loss(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32))
    assert terms.keys() == {"content", "style", "tv"}
    weights = LossWeights(2.0, 3.0, 5.0, temporal=7.0)
    expected = 2 * terms["content"] + 3 * terms["style"] + 5 * terms["tv"]
    assert torch.allclose(weights.total(terms), expected)
    assert torch.allclose(weights.total({**terms, "temporal": torch.tensor(0.5)}), expected + 3.5)


def test_the_style_term_is_the_mean_over_layers_and_octaves(encoder: Encoder) -> None:
    painting, stylized = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 48, 48)
    loss = PerceptualLoss(encoder, StyleTarget(encoder, painting, LAYERS, 2), "relu3_1")
    expected = []
    for one, other in zip(
        functional.image_pyramid(stylized, 2), functional.image_pyramid(painting, 2), strict=True
    ):
        seen, wanted = encoder(one, LAYERS), encoder(other, LAYERS)
        for name in LAYERS:
            grams = functional.gram_matrix(seen[name]), functional.gram_matrix(wanted[name])
            expected.append(functional.gram_distance(*grams))
    assert torch.allclose(loss(stylized, stylized)["style"], torch.stack(expected).mean())


def test_the_loss_does_not_depend_on_the_batch_size(encoder: Encoder) -> None:
    target = StyleTarget(encoder, torch.rand(1, 3, 64, 64), LAYERS, 1)
    loss = PerceptualLoss(encoder, target, "relu3_1")
    stylized, content = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    one, three = loss(stylized, content), loss(stylized.repeat(3, 1, 1, 1), content.repeat(3, 1, 1, 1))
    assert all(torch.allclose(one[name], three[name]) for name in ("content", "style", "tv"))
