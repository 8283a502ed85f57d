"""The search for the style weight against a network that answers like a real one, only faster."""

import pytest

from training.feed_forward.balance import HIGHEST, Balance


def settle(goal: float | None, stiffness: float, steps: int = 4000) -> Balance:
    """A network whose content term is w / (w + stiffness): a stiff style leaves more of the photograph."""
    balance = Balance(10.0, goal, steps)
    for step in range(steps):
        balance.update(step, balance.style_weight / (balance.style_weight + stiffness))
    return balance


@pytest.mark.parametrize("stiffness", [4.0, 12.0, 40.0])
def test_the_content_term_ends_at_its_goal_whatever_the_style(stiffness: float) -> None:
    balance = settle(0.4, stiffness)
    assert balance.content == pytest.approx(0.4, rel=0.05)
    assert balance.style_weight == pytest.approx(stiffness * 2 / 3, rel=0.1)


def test_without_a_goal_the_weight_stays() -> None:
    assert settle(None, 4.0).style_weight == 10.0


def test_an_unreachable_goal_ends_at_the_limit() -> None:
    assert settle(0.9, 1e6, steps=40000).style_weight == HIGHEST


def test_strokes_on_a_plain_picture_count_as_all_of_its_content_and_no_more() -> None:
    balance, other = Balance(10.0, 0.4, 100), Balance(10.0, 0.4, 100)
    for step in range(20, 60):
        plain = step % 10 == 9
        balance.update(step, 30.0 if plain else 0.3)
        other.update(step, 1.0 if plain else 0.3)
    assert balance.state() == other.state()
    assert balance.content is not None
    assert balance.content < 0.5


def test_nothing_moves_before_the_network_draws_and_after_the_rate_decays() -> None:
    balance = Balance(10.0, 0.4, 100)
    for step in (0, 14, 65, 99):
        balance.update(step, 0.9)
    assert balance.style_weight == 10.0
    balance.update(15, 0.9)
    assert balance.style_weight < 10.0


def test_a_restored_search_goes_on_the_same() -> None:
    whole, cut = Balance(10.0, 0.4, 100), Balance(10.0, 0.4, 100)
    for step in range(30):
        whole.update(step, 0.7)
        cut.update(step, 0.7)
    resumed = Balance(10.0, 0.4, 100)
    resumed.restore(cut.state())
    for balance in (whole, resumed):
        balance.update(30, 0.2)
    assert resumed.state() == whole.state()
