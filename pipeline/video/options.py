"""What ``brushstream video`` is asked for, and what of it can be refused at once."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.common.atomic_files import check_target, name_fault
from pipeline.common.errors import InputError, OutputError
from pipeline.stylize.options import PaintingOptions
from pipeline.video.outputs.opening import final_path
from pipeline.video.outputs.standard_output import check_standard_output, is_standard_output
from pipeline.video.reading.picture_sequence import is_picture_pattern
from pipeline.video.reading.spooling import address_of, check_stream, is_stream, shown
from pipeline.video.reading.video_file import Deinterlace, Hdr
from pipeline.video.segments.sink import SEGMENT_FRAMES
from pipeline.video.writing.encoding import FORMATS, Encoding, family_for

_LARGEST_SIDE_PX = 16384
_FASTEST_FPS = 1000
_ENCODING = Encoding()


@dataclass(frozen=True)
class VideoOptions(PaintingOptions):
    """What ``brushstream video`` was asked for; see ``PaintingOptions`` too.

    Attributes:
        input: a video file, a folder of pictures, or a pattern of numbered pictures (``shot/%06d.png``);
            ``-`` is standard input, a pipe or an address of http or https is read to its end first.
        output: the extension chooses the container: mp4, m4v, mov, mkv, webm, avi, gif; a pattern of numbered
            pictures makes its folder; ``-`` is standard output.
        style: a style's name or the path of a style file.
        crf, preset, codec, threads: see ``writing.encoding.Encoding``.
        fps: frames at this even rate; None keeps every frame's own time.
        deinterlace, hdr: see ``VideoFileSource``.
        schedule: style over time, see ``schedule.parse_schedule``; empty for ``style`` throughout.
        fade_s: seconds of a cross-fade from cue to cue.
        resume: go on with unfinished work of the same job; False begins anew.
        segment_frames: frames that are written down as done together.
        preview_s: seconds between preview pictures beside the output; 0 makes none.
        steady: calm flicker along the motion of the picture; None where something is painted.
        container: of what goes to standard output, by its extension.
        named: the input as it was written: a path loses slashes of an address, and ``./`` of a file.
        poured: ``output`` is a file that goes to standard output when it is whole.
    """

    input: Path
    output: Path
    style: str
    crf: int = _ENCODING.crf
    preset: str = _ENCODING.preset
    codec: str = _ENCODING.codec
    threads: int | None = None
    fps: Fraction | None = None
    deinterlace: Deinterlace = "auto"
    hdr: Hdr = "tone-map"
    schedule: str = ""
    fade_s: Fraction = Fraction(1)
    resume: bool = True
    segment_frames: int = SEGMENT_FRAMES
    preview_s: float = 0.0
    steady: bool | None = None
    container: str = "mkv"
    named: str = ""
    poured: bool = False

    @property
    def name(self) -> str:
        """The input as it was written."""
        return self.named or address_of(str(self.input)) or str(self.input)

    @property
    def label(self) -> str:
        """The input for people: without the password of an address."""
        return shown(self.name)

    @property
    def calms(self) -> bool:
        """Whether flicker is calmed: what is not painted does not flicker, and stays exactly as it was."""
        painted = self.engine != "identity" and (self.strength > 0 or bool(self.schedule))
        return painted if self.steady is None else self.steady

    @property
    def final(self) -> Path:
        """The file or folder that appears at the end, ``-``. Raises OutputError for an unknown extension."""
        return final_path(self.output)

    @property
    def suffix(self) -> str:
        """Of the output, in small letters."""
        return f".{self.container}" if is_standard_output(self.output) else self.final.suffix.lower()

    @property
    def encoding(self) -> Encoding:
        """The four options of the encoder together."""
        return Encoding(self.crf, self.preset, self.codec, self.threads)


def check_options(options: VideoOptions) -> None:
    """Refuse what can be refused before anything is opened, so that no engine is loaded in vain.

    Raises:
        InputError: a size, frame rate or segment length that makes no sense.
        OutputError: the output cannot be written, or is the input.
    """
    if is_stream(options.name):
        check_stream(options.name)
    elif (fault := name_fault(options.input)) is not None:
        raise InputError(fault)
    if options.size is not None and not all(1 <= side <= _LARGEST_SIDE_PX for side in options.size):
        height, width = options.size
        raise InputError(f"size must lie in 1..{_LARGEST_SIDE_PX} pixels a side, got {width}x{height}")
    if options.fps is not None and not 0 < options.fps <= _FASTEST_FPS:
        raise InputError(f"fps must lie in 0..{_FASTEST_FPS}, got {options.fps}")
    if options.segment_frames < 1:
        raise InputError(f"a segment has at least 1 frame, got {options.segment_frames}")
    final = options.final
    if final.exists() and options.input.exists() and final.samefile(options.input):
        raise OutputError(f"input and output are both {final}; choose another output")
    if is_standard_output(options.output):
        check_standard_output(options.container)
    elif not is_picture_pattern(options.output):
        check_target(final, options.overwrite)
    if options.suffix in FORMATS:
        family_for(options.encoding, FORMATS[options.suffix])
