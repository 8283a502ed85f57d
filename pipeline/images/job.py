"""Pictures in, stylized pictures out: everything behind ``brushstream image``. Prints nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.common.atomic_files import check_target, make_folder
from pipeline.common.closeable import Closeable
from pipeline.common.errors import InputError, OutputError
from pipeline.frame import Alpha, Pixels
from pipeline.images.reading import Picture, list_images, read_picture
from pipeline.images.resizing import resize
from pipeline.images.transparency import off_white
from pipeline.images.writing import WITH_ALPHA, WRITABLE, check_suffix, write_image
from pipeline.lookup import find_style
from pipeline.style import StyleFile
from pipeline.stylize.blend import blend
from pipeline.stylize.options import PaintingOptions
from pipeline.stylize.stylizer import Stylizer

MAX_PIXELS = 50_000_000
"""Largest picture that is stylized in one piece; at this size an engine needs some 10 GB of memory."""


@dataclass(frozen=True)
class ImageOptions(PaintingOptions):
    """What ``brushstream image`` was asked for; see ``PaintingOptions`` too.

    Attributes:
        inputs: picture files and folders of pictures.
        output: a file with a picture's extension (one input file), else a folder; it is made if missing.
        style: a style's name or the path of a style file.
    """

    inputs: tuple[Path, ...]
    output: Path
    style: str


@dataclass(frozen=True)
class ImageSummary:
    """What an image job did.

    Attributes:
        written: the finished files.
        skipped: (file, reason) of inputs that could not be read or are too large.
        engine: what ran.
        interrupted: ended by Ctrl-C; ``written`` are whole.
        notes: one line each: colours that were converted, transparency that was laid on white.
    """

    written: tuple[Path, ...]
    skipped: tuple[tuple[Path, str], ...]
    engine: str
    interrupted: bool
    notes: tuple[str, ...] = ()


def run_images(options: ImageOptions, on_progress: Callable[[int, int], None] | None = None) -> ImageSummary:
    """Stylize pictures one by one; one that cannot be read does not stop the rest.

    Args:
        on_progress: told (pictures looked at, pictures in all) after each.

    Raises:
        InputError: an input is missing, or no picture at all can be read.
        StyleError, EngineError, MissingPackageError: see ``errors``.
        OutputError: the output cannot be written; files finished before that stay.
    """
    style = find_style(options.style, options.quality)
    with _ImageJob(options, style) as job:
        return job.run(on_progress)


class _ImageJob(Closeable):
    def __init__(self, options: ImageOptions, style: StyleFile) -> None:
        self._options = options
        self._style = style
        self._stylizer: Stylizer | None = None
        self._engine = ""
        self._paths = list_images(options.inputs)
        self._targets = plan_outputs(self._paths, options)
        for target in self._targets:
            if target.exists():
                check_target(target, options.overwrite)
        self._written: list[Path] = []
        self._skipped: list[tuple[Path, str]] = []
        self._notes: list[str] = []

    def close(self) -> None:
        if self._stylizer is not None:
            self._stylizer.close()

    def run(self, on_progress: Callable[[int, int], None] | None) -> ImageSummary:
        interrupted = False
        try:
            for number, (path, target) in enumerate(zip(self._paths, self._targets, strict=True), 1):
                try:
                    self._stylize(path, target, read_picture(path))
                except InputError as error:
                    self._skipped.append((path, str(error)))
                if on_progress is not None:
                    on_progress(number, len(self._targets))
        except KeyboardInterrupt:
            interrupted = True
        if not self._written and not interrupted:
            raise InputError(f"none of {len(self._paths)} pictures can be painted: {self._skipped[0][1]}")
        written, skipped = tuple(self._written), tuple(self._skipped)
        return ImageSummary(written, skipped, self._engine, interrupted, tuple(self._notes))

    def _stylize(self, path: Path, target: Path, picture: Picture) -> None:
        pixels = resize(picture.pixels, self._options.size)
        height, width = pixels.shape[:2]
        if height * width > MAX_PIXELS:
            raise InputError(too_large(path, width, height))
        stylized = self._stylizer_for((height, width))(pixels)
        result = blend(pixels, stylized, self._options.strength, self._options.keep_colors)
        make_folder(target.parent)
        alpha = picture.alpha if picture.transparent else None
        finished = self._with_transparency(path, target, result, alpha)
        write_image(target, finished, overwrite=self._options.overwrite, exif=picture.exif)
        self._notes += [f"{path}: {note}" for note in picture.notes]
        self._written.append(target)

    def _with_transparency(self, path: Path, target: Path, painted: Pixels, alpha: Alpha | None) -> Pixels:
        """What is seen through the source is seen through its painting, where the file can hold that."""
        if alpha is None:
            return painted
        if target.suffix.lower() not in WITH_ALPHA:
            self._notes.append(f"{path}: its transparency was laid on white: {target.suffix} holds none")
            return painted
        return off_white(painted, resize(alpha, self._options.size))

    def _stylizer_for(self, size: tuple[int, int]) -> Stylizer:
        """The open one while sizes repeat, as they do in a folder from one camera."""
        if self._stylizer is not None and self._stylizer.size == size:
            return self._stylizer
        if self._stylizer is not None:
            self._stylizer.close()
        self._stylizer = Stylizer(
            self._style,
            size,
            engine=self._options.engine,
            precision=self._options.precision,
        )
        self._engine = self._stylizer.describe()
        return self._stylizer


def plan_outputs(paths: Sequence[Path], options: ImageOptions) -> list[Path]:
    """The output of every input, in order; names that would meet in one folder get a number.

    Raises:
        OutputError: one output file for several inputs, an output that is its own input, or a missing
            parent folder.
    """
    output = options.output
    check_suffix(output)
    if output.suffix.lower() in WRITABLE and not output.is_dir():
        if len(paths) > 1 or options.inputs[0].is_dir():
            raise OutputError(f"{output} is one file for {len(paths)} pictures; name a folder")
        targets = [output]
    else:
        targets = _numbered(output, paths)
    if not output.parent.is_dir():
        raise OutputError(f"the folder {output.parent} does not exist; create it or choose another output")
    for path, target in zip(paths, targets, strict=True):
        if target.exists() and target.samefile(path):
            raise OutputError(f"{path} would be written over itself; choose another output")
    return targets


def _numbered(folder: Path, paths: Sequence[Path]) -> list[Path]:
    if folder.exists() and not folder.is_dir():
        raise OutputError(
            f"{folder} is a file, a folder or a name ending in one of {' '.join(WRITABLE)} was wanted"
        )
    used: set[str] = set()
    targets = []
    for path in paths:
        suffix = path.suffix if path.suffix.lower() in WRITABLE else ".png"
        name, number = f"{path.stem}{suffix}", 1
        while name.lower() in used:
            number += 1
            name = f"{path.stem}-{number}{suffix}"
        used.add(name.lower())
        targets.append(folder / name)
    return targets


def too_large(path: Path, width: int, height: int) -> str:
    """The line for a picture of more than MAX_PIXELS."""
    return (
        f"{path} has {width}x{height} pixels, {MAX_PIXELS // 1_000_000} million are stylized in one piece "
        "at most; make it smaller with --size"
    )
