"""Errors of training and optimisation; the exit codes are those listed in ``pipeline.common.errors``.

``training`` imports nothing of ``pipeline``, so the tree stands here a second time, small. The command
line ends with the ``exit_code`` of whatever deliberate error reaches it.

::

    TrainingError              8   training cannot start or go on (diverged, wrong recipe)
    |-- LayerMissingError      8   the encoder's weights lack a layer (also LookupError)
    |-- DivergedError          8   a loss of a render is no number any more (also ArithmeticError)
    |-- ImageInputError        3   a painting, photo or photo folder cannot be used
    |-- ResultError            5   a checkpoint or picture cannot be written
    `-- CheckpointError        4   not a checkpoint of ours, damaged, or of another recipe
        `-- UnsafeCheckpointError  4   the file holds pickled code, which loading would run
"""

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor


class TrainingError(Exception):
    """Root: training cannot start or go on; the message names the step and the term."""

    exit_code: ClassVar[int] = 8


class LayerMissingError(TrainingError, LookupError):
    """A layer that was asked for is not in the encoder's weights file."""


class DivergedError(TrainingError, ArithmeticError):
    """A term of a render, or its gradient, is no finite number any more.

    Attributes:
        picture: the last one whose terms and gradient were finite, (1, 3, H, W), RGB in [0, 1], on the
            CPU; None where the very first was not.
        step: steps taken when it happened.
    """

    def __init__(self, message: str, step: int, picture: "Tensor | None") -> None:
        super().__init__(message)
        self.step = step
        self.picture = picture


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
