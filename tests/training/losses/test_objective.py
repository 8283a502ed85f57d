from pathlib import Path

import pytest
import torch

from pipeline.common.errors import TrainingError
from training.losses import functional
from training.losses.encoder import VggEncoder
from training.losses.layer_weights import PlacedLayer, equal_shares, placed
from training.losses.objective import LossSpec, Objective, weighted_sum

LAYERS = ("relu1_1", "relu2_1")


def spec(octaves: int = 2) -> LossSpec:
    return LossSpec(placed((("relu3_1", 1.0),)), placed(equal_shares(LAYERS), octaves))


@pytest.fixture(scope="module")
def encoder(random_vgg: Path) -> VggEncoder:
    return VggEncoder((*LAYERS, "relu3_1"), random_vgg)


def test_the_painting_itself_has_no_style_loss(encoder: VggEncoder) -> None:
    painting = torch.rand(1, 3, 64, 64)
    terms = Objective(spec(), encoder, [painting]).terms(painting, painting)
    assert terms["style"] < 1e-9
    assert terms["content"] < 1e-9


def test_a_content_shown_again_is_not_looked_at_again(encoder: VggEncoder) -> None:
    objective = Objective(spec(octaves=1), encoder, [torch.rand(1, 3, 64, 64)], kept=1)
    looks: list[int] = []
    hook = encoder.register_forward_hook(lambda *_: looks.append(1))
    stylized, first, second = torch.rand(3, 1, 3, 32, 32)
    found = []
    for content in (first, first.clone(), second, first):
        found.append((float(objective.terms(stylized, content)["content"]), len(looks)))
        looks.clear()
    hook.remove()
    terms, counts = zip(*found, strict=True)
    assert terms[0] == terms[1] == terms[3] != terms[2]
    assert counts == (2, 1, 2, 2), "there is room for one"


def test_the_total_is_the_weighted_sum_of_the_terms_there_are(encoder: VggEncoder) -> None:
    objective = Objective(spec(), encoder, [torch.rand(1, 3, 64, 64)])
    terms = objective.terms(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32))
    assert terms.keys() == {"content", "style", "tv"}
    weights = {"content": 2.0, "style": 3.0, "tv": 5.0, "temporal": 7.0}
    expected = 2 * terms["content"] + 3 * terms["style"] + 5 * terms["tv"]
    assert torch.allclose(weighted_sum(terms, weights), expected)
    assert torch.allclose(weighted_sum({**terms, "temporal": torch.tensor(0.5)}, weights), expected + 3.5)


def test_the_style_term_is_the_mean_over_layers_and_octaves(encoder: VggEncoder) -> None:
    painting, stylized = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 48, 48)
    objective = Objective(spec(), encoder, [painting])
    expected = []
    for one, other in zip(
        functional.image_pyramid(stylized, 2), functional.image_pyramid(painting, 2), strict=True
    ):
        seen, wanted = encoder(one, LAYERS), encoder(other, LAYERS)
        for name in LAYERS:
            grams = functional.gram_matrix(seen[name]), functional.gram_matrix(wanted[name])
            expected.append(functional.gram_distance(*grams))
    assert torch.allclose(objective.terms(stylized, stylized)["style"], torch.stack(expected).mean())


def test_the_loss_does_not_depend_on_the_batch_size(encoder: VggEncoder) -> None:
    loss = Objective(spec(octaves=1), encoder, [torch.rand(1, 3, 64, 64)]).terms
    stylized, content = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    one, three = loss(stylized, content), loss(stylized.repeat(3, 1, 1, 1), content.repeat(3, 1, 1, 1))
    assert all(torch.allclose(one[name], three[name]) for name in ("content", "style", "tv"))


def test_a_content_given_at_the_start_is_the_same_as_one_given_now(encoder: VggEncoder) -> None:
    painting, stylized, content = (torch.rand(1, 3, 32, 32) for _ in range(3))
    held = Objective(spec(), encoder, [painting], content=content)(stylized)
    given = Objective(spec(), encoder, [painting])(stylized, content)
    assert held == given
    assert held.keys() == {"content", "style", "tv", "total"}
    assert torch.allclose(held["total"], held["content"] + 10 * held["style"])


def test_a_layer_with_a_size_is_compared_on_that_octave_alone(encoder: VggEncoder) -> None:
    painting, stylized, content = (torch.rand(1, 3, 64, 64) for _ in range(3))
    split = LossSpec(placed((("relu3_1/2", 1.0),)), placed((("relu1_1", 0.5), ("relu3_1/2", 2.0))))
    found = Objective(split, encoder, [painting]).terms(stylized, content)
    small, wanted, kept = (functional.image_pyramid(x, 2)[1] for x in (stylized, painting, content))

    def style(one: torch.Tensor, other: torch.Tensor, layer: str) -> torch.Tensor:
        seen, target = (functional.gram_matrix(encoder(x, (layer,))[layer]) for x in (one, other))
        return functional.gram_distance(seen, target)

    expected = 0.5 * style(stylized, painting, "relu1_1") + 2 * style(small, wanted, "relu3_1")
    assert torch.allclose(found["style"], expected)
    seen, target = (encoder(x, ("relu3_1",))["relu3_1"] for x in (small, kept))
    assert torch.allclose(found["content"], functional.content_distance(seen, target))


def test_layers_at_half_size_cost_no_pass_at_full_size(
    encoder: VggEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[tuple[int, tuple[str, ...]]] = []
    real = VggEncoder.forward

    def counting(self: VggEncoder, image: torch.Tensor, layers: tuple[str, ...]) -> dict[str, torch.Tensor]:
        passes.append((image.shape[-1], layers))
        return real(self, image, layers)

    split = LossSpec(placed((("relu3_1/2", 1.0),)), placed((("relu1_1", 1.0), ("relu2_1/2", 1.0))))
    objective = Objective(split, encoder, [torch.rand(1, 3, 64, 64)], content=torch.rand(1, 3, 64, 64))
    monkeypatch.setattr(VggEncoder, "forward", counting)
    objective(torch.rand(1, 3, 64, 64))
    assert passes == [(64, ("relu1_1",)), (32, ("relu3_1", "relu2_1"))]


def test_layers_are_placed_on_octaves() -> None:
    assert placed((("relu1_1", 0.5),), 2) == (
        PlacedLayer("relu1_1", 0, 0.25),
        PlacedLayer("relu1_1", 1, 0.25),
    )
    assert placed((("relu4_1/4", 0.5),), 2) == (PlacedLayer("relu4_1", 2, 0.5),)
    with pytest.raises(TrainingError, match="layer 'relu4_1/3': after the slash one of 1, 2, 4, 8"):
        placed((("relu4_1/3", 1.0),))
