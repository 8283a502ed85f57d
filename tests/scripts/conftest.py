"""What the tests of scripts share."""

from tests.support.training_inputs import painting, photos, random_vgg  # noqa: F401
