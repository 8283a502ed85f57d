"""Errors of training and optimisation; the exit codes are those listed in ``pipeline.errors``.

``training`` imports nothing of ``pipeline``, so the tree stands here a second time, small. The command
line ends with the ``exit_code`` of whatever deliberate error reaches it.

::

    TrainingError              8   training cannot start or go on (diverged, wrong recipe)
    |-- LayerMissingError      8   the encoder's weights lack a layer (also LookupError)
    |-- ImageInputError        3   a painting, photo or photo folder cannot be used
    |-- ResultError            5   a checkpoint or picture cannot be written
    `-- CheckpointError        4   not a checkpoint of ours, damaged, or of another recipe
        `-- UnsafeCheckpointError  4   the file holds pickled code, which loading would run
"""

from typing import ClassVar


class TrainingError(Exception):
    """Root: training cannot start or go on; the message names the step and the term."""

    exit_code: ClassVar[int] = 8


class LayerMissingError(TrainingError, LookupError):
    """A layer that was asked for is not in the encoder's weights file."""


class ImageInputError(TrainingError):
    """A painting, a photo or a folder of photos is missing, unreadable or too small."""

    exit_code = 3


class ResultError(TrainingError):
    """A checkpoint, preview or picture cannot be written."""

    exit_code = 5


class CheckpointError(TrainingError):
    """The file is not a checkpoint of ours, is damaged, or belongs to another recipe."""

    exit_code = 4


class UnsafeCheckpointError(CheckpointError):
    """The file is a pickle: loading it would run whatever code is in it, so it is refused."""
