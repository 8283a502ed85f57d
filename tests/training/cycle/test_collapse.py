"""A lost game is noticed."""

import torch

from training.cycle.collapse import CollapseWatch, dependence, dependence_warnings


def test_a_discriminator_that_has_won_is_told_once() -> None:
    watch = CollapseWatch()
    told = {
        step: watch.look(step, {"discriminator_a": 0.001, "discriminator_b": 0.25}, 25)
        for step in range(25, 1000, 25)
    }
    lines = {step: line for step, line in told.items() if line}
    assert list(lines) == [300]
    assert lines[300][0].startswith(
        "the discriminator of side A has won: its loss has been under 0.005 for 300"
    )


def test_one_that_recovers_is_not_told_and_counts_anew() -> None:
    watch = CollapseWatch()
    for step in range(25, 1000, 25):
        quiet = 0.3 if step % 250 == 0 else 0.0
        assert watch.look(step, {"discriminator_a": quiet, "discriminator_b": quiet}, 25) == []


def test_results_that_do_not_depend_on_the_picture() -> None:
    source = torch.rand(6, 3, 16, 16)
    same = torch.rand(1, 3, 16, 16).expand(6, -1, -1, -1)
    assert dependence(source, source) == 1.0
    assert dependence(source, same) < 1e-6
    assert "nearly the same picture" in dependence_warnings(source, same, "a2b")[0]
    assert dependence_warnings(source, 1 - source, "a2b") == []
    assert dependence_warnings(source[:1], same[:1], "a2b") == []
