"""Every error Brushstream raises on purpose, and the exit code each ends the command with.

::

    BrushstreamError                      1   something that has no closer name
    |-- InputError                        3   a frame, picture, painting or photograph cannot be used
    |   `-- InputNotFoundError            3   ... because it is not there (also FileNotFoundError)
    |-- StyleError                        4   the style file cannot be used
    |   |-- StyleNotFoundError            4   no style has that name (also LookupError)
    |   `-- CheckpointError               4   not a checkpoint of ours, damaged, or of another recipe
    |       `-- UnsafeCheckpointError     4   the file holds pickled code, which loading would run
    |-- OutputError                       5   the result cannot be written
    |-- EngineError                       6   the engine cannot be opened, or failed while running
    |   `-- ParityError                   6   the engine shows another picture than its reference
    |-- MissingPackageError               7   a package is not installed (also ImportError)
    `-- TrainingError                     8   training cannot start or go on
        |-- EncoderWeightsError           8   the encoder's weights are damaged or of another network
        |-- LayerMissingError             8   the encoder's weights lack a layer (also LookupError)
        `-- training.gatys.step.DivergedError   a loss is no number any more (also ArithmeticError)

Other exit codes: 0 success; 2 a wrong option or argument; 10 the input was damaged and its readable
part was processed; 130 stopped by Ctrl-C, and what was made until then is kept.

A message says what was wanted, what came, and what to do. Errors of libraries are translated where
they are met, with ``raise ... from``; they never reach the user bare.
"""

from typing import ClassVar


class BrushstreamError(Exception):
    """Root of the tree: catch this to catch every deliberate error."""

    exit_code: ClassVar[int] = 1


class InputError(BrushstreamError):
    """The input is missing, unreadable, too small, damaged from the start, or not what it was taken for."""

    exit_code = 3


class InputNotFoundError(InputError, FileNotFoundError):
    """There is no such input."""


class StyleError(BrushstreamError):
    """The style file is corrupt, of a newer format, or not one of ours."""

    exit_code = 4


class StyleNotFoundError(StyleError, LookupError):
    """No bundled or user style has that name."""


class CheckpointError(StyleError):
    """The file is not a checkpoint of ours, is damaged, or belongs to another recipe."""


class UnsafeCheckpointError(CheckpointError):
    """The file is a pickle: loading it would run whatever code is in it, so it is refused."""


class OutputError(BrushstreamError):
    """The result cannot be written: no folder, no right, no space, or a format that cannot hold it."""

    exit_code = 5


class EngineError(BrushstreamError):
    """The engine cannot run here, could not open the style, or failed on a frame."""

    exit_code = 6


class ParityError(EngineError):
    """The engine's picture differs from the reference by more than its precision allows."""


class MissingPackageError(BrushstreamError, ImportError):
    """A package that this function needs is not installed; the message names the extra that brings it."""

    exit_code = 7


class TrainingError(BrushstreamError):
    """Training or optimisation cannot start or go on; the message names the step and the term."""

    exit_code = 8


class EncoderWeightsError(TrainingError):
    """The encoder's weights are damaged, of another architecture, or cannot be had."""


class LayerMissingError(TrainingError, LookupError):
    """A layer that was asked for is not in the encoder's weights file."""


EXIT_DAMAGED_INPUT = 10
EXIT_INTERRUPTED = 130
