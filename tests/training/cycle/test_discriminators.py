"""What a discriminator looks at."""

import pytest
import torch

from training.cycle.discriminators import (
    Discriminator,
    FeatureHead,
    PatchDiscriminator,
    Seen,
    initialise_normal,
    receptive_field_px,
)


@pytest.mark.parametrize(("layers", "side"), [(3, 70), (2, 34)])
def test_a_score_judges_a_patch(layers: int, side: int) -> None:
    assert receptive_field_px(layers) == side
    judge = PatchDiscriminator(2, layers)
    judge.body = torch.nn.Sequential(*(m for m in judge.body if not isinstance(m, torch.nn.InstanceNorm2d)))
    image = torch.rand(1, 3, 128, 128, requires_grad=True)
    scores = judge(image)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    assert image.grad is not None
    seen = image.grad.abs().sum(dim=(0, 1)) > 0
    for axis in (0, 1):
        places = seen.any(dim=axis).nonzero().flatten()
        assert int(places[-1] - places[0]) + 1 == side


def test_the_papers_70x70_patchgan() -> None:
    convolutions = [m for m in PatchDiscriminator().body if isinstance(m, torch.nn.Conv2d)]
    assert [(c.out_channels, c.kernel_size[0], c.stride[0]) for c in convolutions] == [
        (64, 4, 2), (128, 4, 2), (256, 4, 2), (512, 4, 1), (1, 4, 1),
    ]  # fmt: skip
    norms = [m for m in PatchDiscriminator().body if isinstance(m, torch.nn.InstanceNorm2d)]
    assert [norm.num_features for norm in norms] == [128, 256, 512]


def test_scores_come_from_pixels_and_from_features() -> None:
    judge = Discriminator(4, 2, ("relu3_1",))
    scores = judge(Seen(torch.rand(2, 3, 64, 64), {"relu3_1": torch.rand(2, 256, 16, 16)}))
    assert [tuple(one.shape) for one in scores] == [(2, 1, 14, 14), (2, 1, 8, 8)]


def test_a_head_does_not_care_how_large_features_are() -> None:
    head, features = FeatureHead(8, 4), torch.rand(2, 8, 8, 8)
    assert torch.allclose(head(features), head(features * 1000), atol=1e-5)


def test_normal_initialisation() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(64, 64, 3))
    initialise_normal(network, torch.Generator().manual_seed(0))
    convolution = network[0]
    assert isinstance(convolution, torch.nn.Conv2d)
    assert convolution.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert convolution.bias is not None
    assert not convolution.bias.any()
