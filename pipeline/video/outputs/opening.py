"""Which output a path's name asks for."""

from pathlib import Path

from pipeline.common.atomic_files import name_fault
from pipeline.common.errors import OutputError
from pipeline.images.writing import WRITABLE
from pipeline.video.outputs.base import OutputAssembler, OutputRequest
from pipeline.video.outputs.gif import GifAssembler
from pipeline.video.outputs.movie import MovieAssembler
from pipeline.video.outputs.pictures import PicturesAssembler
from pipeline.video.outputs.standard_output import is_standard_output
from pipeline.video.reading.picture_sequence import is_picture_pattern
from pipeline.video.writing.encoding import COUNTED, FORMATS


def final_path(path: Path) -> Path:
    """What appears at the end: the file, or for a sequence of pictures its folder.

    Raises:
        OutputError: an extension nobody knows, or a name that is too long.
    """
    fault = name_fault(path)
    if fault is not None:
        raise OutputError(fault)
    if is_standard_output(path):
        return path
    suffix = path.suffix.lower()
    if is_picture_pattern(path):
        if suffix not in WRITABLE:
            raise OutputError(f"{path} is a sequence of pictures; choose one of {' '.join(WRITABLE)}")
        return path.parent
    if suffix not in (*FORMATS, ".gif") and not path.is_dir():  # a folder is refused by its own line
        known = " ".join((*FORMATS, ".gif", "%06d.png"))
        raise OutputError(f"{path} ends in {path.suffix or 'nothing'!r}; choose one of {known}")
    return path


def holds_pixel_aspect(path: Path) -> bool:
    """Whether the output can say that its pixels are not square."""
    return path.suffix.lower() in FORMATS


def holds_times(path: Path) -> bool:
    """Whether every picture in the output has a time of its own; else they have one even rate."""
    return FORMATS.get(path.suffix.lower()) not in COUNTED


def open_assembler(wanted: OutputRequest) -> OutputAssembler:
    """The assembler that ``wanted.path``'s name asks for; raises OutputError as its constructor does."""
    final_path(wanted.path)
    if is_picture_pattern(wanted.path):
        return PicturesAssembler(wanted)
    return GifAssembler(wanted) if wanted.path.suffix.lower() == ".gif" else MovieAssembler(wanted)
