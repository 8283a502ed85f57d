"""What ``brushstream video`` is asked for, and what of it can be refused at once."""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.common.atomic_files import check_target, name_fault
from pipeline.common.errors import InputError, OutputError
from pipeline.stylize.options import PaintingOptions
from pipeline.video.outputs.opening import final_path
from pipeline.video.reading.picture_sequence import is_picture_pattern
from pipeline.video.reading.video_file import Deinterlace, Hdr
from pipeline.video.segments.sink import SEGMENT_FRAMES
from pipeline.video.writing.encoding import FORMATS, Encoding, family_for

_LARGEST_SIDE_PX = 16384
_FASTEST_FPS = 1000
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+(.+)", re.IGNORECASE)  # a Path holds one slash of two
_ENCODING = Encoding()


@dataclass(frozen=True)
class VideoOptions(PaintingOptions):
    """What ``brushstream video`` was asked for; see ``PaintingOptions`` too.

    Attributes:
        input: a video file, a folder of pictures, or a pattern of numbered pictures (``shot/%06d.png``).
        output: the extension chooses the container: mp4, m4v, mov, mkv, webm, gif; a pattern of numbered
            pictures makes its folder.
        style: a style's name or the path of a style file.
        crf, preset, codec, threads: see ``writing.encoding.Encoding``.
        fps: frames at this even rate; None keeps every frame's own time.
        deinterlace, hdr: see ``VideoFileSource``.
        schedule: style over time, see ``schedule.parse_schedule``; empty for ``style`` throughout.
        fade_s: seconds of a cross-fade from cue to cue.
        resume: go on with unfinished work of the same job; False begins anew.
        segment_frames: frames that are written down as done together.
        preview_s: seconds between preview pictures beside the output; 0 makes none.
        deflicker: calm flicker where nothing moves.
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
    deflicker: bool = False

    @property
    def final(self) -> Path:
        """The file or folder that appears at the end. Raises OutputError for an unknown extension."""
        return final_path(self.output)

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
    fault = name_fault(options.input)
    if fault is not None:
        raise InputError(fault)
    refuse_pipe_or_address(options.input)
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
    if not is_picture_pattern(options.output):
        check_target(final, options.overwrite)
    if final.suffix.lower() in FORMATS:
        family_for(options.encoding, FORMATS[final.suffix.lower()])


def refuse_pipe_or_address(path: Path) -> None:
    """Pictures and sound are read apart, and a resumed job reads again: only files can be read so often.

    Raises:
        InputError: ``path`` is a pipe, standard input, or the address of a server.
    """
    address = _ADDRESS.match(str(path))
    if address and not path.exists():
        url = f"{address.group(1)}://{address.group(2)}"
        raise InputError(
            f"{url} is an address, a file was wanted; save it first, with "
            f"`ffmpeg -i {url} -c copy clip.mkv` say, or watch it with `brushstream webcam`"
        )
    if str(path) == "-" or path.is_fifo() or path.is_char_device():
        raise InputError(
            f"{path} is a pipe, which can be read only once; save it as a file first, with "
            "`cat > clip.ts` say, and name that"
        )
