"""What the tests of the export package share."""

from tests.support.exported import checkpoint_file, exported  # noqa: F401
