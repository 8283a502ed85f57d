"""The history of generated pictures."""

import torch

from training.cycle.history import ImageHistory


def numbered(first: int, count: int) -> torch.Tensor:
    return torch.arange(first, first + count, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 3, 2, 2)


def numbers(images: torch.Tensor) -> list[int]:
    return [int(image[0, 0, 0]) for image in images]


def test_until_it_is_full_pictures_come_out_as_they_went_in() -> None:
    history, generator = ImageHistory(50), torch.Generator().manual_seed(0)
    assert numbers(history.exchange(numbered(0, 50), generator)) == list(range(50))
    assert len(history.state()["pool"]) == 50


def test_half_of_what_comes_out_of_a_full_one_is_older() -> None:
    history, generator = ImageHistory(50), torch.Generator().manual_seed(0)
    history.exchange(numbered(0, 50), generator)
    shown = [numbers(history.exchange(numbered(n, 1), generator))[0] for n in range(50, 1050)]
    fresh = sum(came == went for came, went in zip(shown, range(50, 1050), strict=True))
    assert 440 < fresh < 560
    older = [came for came, went in zip(shown, range(50, 1050), strict=True) if came != went]
    assert all(came < went for came, went in zip(shown, range(50, 1050), strict=True) if came != went)
    assert len(set(older)) == len(older)  # what came out has left the pool


def test_no_history_shows_what_was_just_made() -> None:
    history, generator = ImageHistory(0), torch.Generator().manual_seed(0)
    assert numbers(history.exchange(numbered(5, 3), generator)) == [5, 6, 7]
    assert history.state() == {}


def test_a_restored_one_goes_on_the_same() -> None:
    one, other = ImageHistory(4), ImageHistory(4)
    one.exchange(numbered(0, 4), torch.Generator().manual_seed(0))
    other.restore(one.state(), torch.device("cpu"))
    shown = [numbers(h.exchange(numbered(4, 20), torch.Generator().manual_seed(1))) for h in (one, other)]
    assert shown[0] == shown[1]


def test_what_comes_out_carries_no_gradient() -> None:
    images = torch.rand(2, 3, 4, 4, requires_grad=True)
    assert not ImageHistory(2).exchange(images * 2, torch.Generator()).requires_grad
