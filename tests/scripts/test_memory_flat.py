"""The watch over memory: growth is a fault, falling at the end is none."""

from scripts import memory_flat


def test_growth_counts_and_falling_does_not() -> None:
    flat = [(t / 10, 180.0 + t % 7) for t in range(1000)]
    assert memory_flat.growth([*flat, (100.0, 140.0)], 20.0) == (183.0, 186.0)
    leaking = [(t / 10, 180.0 + t / 10) for t in range(1000)]
    settled, highest = memory_flat.growth(leaking, 20.0)
    assert highest - settled > memory_flat.ALLOWED_MB
    late = [*flat, (100.0, 260.0)]
    assert memory_flat.growth(late, 20.0)[1] == 260.0
