"""What the tests of scripts share."""

from tests.support.training_inputs import full_vgg, painting, photos  # noqa: F401
