"""What is drawn in place of photographs."""

import cv2
import numpy as np

from pipeline.drawing.dead_leaves import dead_leaves


def test_dead_leaves_are_the_same_for_a_seed_and_as_large_and_small_as_in_photographs() -> None:
    one, again, other = (dead_leaves(np.random.default_rng(seed), (120, 160)) for seed in (1, 1, 2))
    assert one.shape == (120, 160, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, again)
    assert np.abs(one.astype(int) - other).mean() > 20
    coarse = cv2.resize(cv2.resize(one, (16, 12), interpolation=cv2.INTER_AREA), (160, 120))
    assert coarse.std() > 20, "large shapes"
    assert (one.astype(float) - coarse).std() > 15, "and what is in them"
