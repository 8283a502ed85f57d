"""What every test of the training package shares."""

import pytest

from tests.support.training_inputs import full_vgg, painting, photos, random_vgg  # noqa: F401
from training.feed_forward import validation


@pytest.fixture(autouse=True)
def small_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Held-out photographs at 64 px: at 256 they took most of the time of a training here.

    Trainings in processes of their own, as of two ranks or a gallery, still judge at 256.
    """
    monkeypatch.setattr(validation, "HELD_OUT_SIDE_PX", 64)
