"""What a video job was asked for, and the parts it is made of: source, look, target, journal."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.common.atomic_files import check_target
from pipeline.common.errors import InputError, OutputError
from pipeline.style import StyleFile, find_style
from pipeline.stylize.deflicker import Deflicker
from pipeline.stylize.options import PaintingOptions
from pipeline.stylize.schedule import Cue, Schedule, parse_schedule
from pipeline.stylize.scheduled import ScheduledStylizer
from pipeline.video.outputs.base import OutputAssembler, OutputRequest
from pipeline.video.outputs.movie import MovieAssembler
from pipeline.video.outputs.opening import final_path, open_assembler
from pipeline.video.reading import picture_sequence
from pipeline.video.reading.media import MediaSource
from pipeline.video.reading.video_file import Deinterlace, VideoFileSource
from pipeline.video.segments.journal import Journal
from pipeline.video.segments.sink import SEGMENT_FRAMES, is_whole
from pipeline.video.writing.encoding import FORMATS, Encoding, family_for

IN_FLIGHT = 2
"""Frames in flight where the engine can: 1.3 times as fast as one, see docs/performance.md."""

_LARGEST_SIDE_PX = 16384
_FASTEST_FPS = 1000
_ENCODING = Encoding()
_SAMPLE_BYTES = 1 << 20


@dataclass(frozen=True)
class VideoOptions(PaintingOptions):
    """What ``brushstream video`` was asked for; see ``PaintingOptions`` too.

    Attributes:
        input: a video file, a folder of pictures, or a pattern of numbered pictures (``shot/%06d.png``).
        output: the extension chooses the container: mp4, m4v, mov, mkv, webm, gif; a pattern of numbered
            pictures makes its folder.
        style: a style's name or the path of a style file.
        crf, preset, codec, threads: see ``sinks.encoding.Encoding``.
        fps: frames at this even rate; None keeps every frame's own time.
        deinterlace: see ``VideoFileSource``.
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
    if not picture_sequence.is_picture_pattern(options.output):
        check_target(final, options.overwrite)
    if final.suffix.lower() in FORMATS:
        family_for(options.encoding, FORMATS[final.suffix.lower()])


def open_source(options: VideoOptions) -> MediaSource:
    """The source for ``options.input``. Raises InputError as the sources do."""
    if picture_sequence.is_picture_sequence(options.input):
        return picture_sequence.PictureSequenceSource(options.input, options.size, options.fps)
    return VideoFileSource(options.input, options.size, fps=options.fps, deinterlace=options.deinterlace)


def plan_schedule(options: VideoOptions) -> tuple[Schedule, dict[str, StyleFile]]:
    """The schedule and its style files by name. Raises InputError and StyleError."""
    if options.schedule:
        schedule = parse_schedule(options.schedule, options.fade_s, options.strength)
    else:
        schedule = Schedule((Cue(Fraction(0), options.style, options.strength),))
    return schedule, {name: find_style(name, options.quality) for name in schedule.styles}


def open_look(options: VideoOptions, source: MediaSource) -> ScheduledStylizer:
    """Open every engine the schedule needs. Raises StyleError, EngineError, MissingPackageError."""
    schedule, styles = plan_schedule(options)
    return ScheduledStylizer(
        styles,
        schedule,
        source.info.size,
        start=source.start,
        engine=options.engine,
        precision=options.precision,
        keep_colors=options.keep_colors,
        deflicker=Deflicker() if options.deflicker else None,
        segment_frames=options.segment_frames,
        in_flight=IN_FLIGHT,
    )


def make_target(options: VideoOptions, source: MediaSource) -> OutputAssembler:
    """The target for ``options.output``. Raises OutputError as ``open_assembler`` does."""
    is_file = options.input.is_file()
    wanted = OutputRequest(
        options.output,
        source.pictures,
        options.encoding,
        options.input if is_file else None,
        max(Fraction(0), -source.start),
        source.end,
        options.overwrite,
    )
    target = open_assembler(wanted)
    if wanted.shift:
        target.notes.append(
            f"every time was moved by {float(wanted.shift):.3f} s: the first picture was before zero"
        )
    return target


def open_journal(options: VideoOptions, look: ScheduledStylizer, target: OutputAssembler) -> Journal:
    """The journal of the output's unfinished work. Raises OutputError."""
    return Journal(options.final, job_facts(options, look, target), resume=options.resume, is_whole=is_whole)


def job_facts(options: VideoOptions, look: ScheduledStylizer, target: OutputAssembler) -> Mapping[str, Any]:
    """Everything that shapes the pictures and their encoding, as JSON values: the journal's first line."""
    schedule, styles = plan_schedule(options)
    encoding = target.spec.encoding if isinstance(target, MovieAssembler) else options.encoding
    return {
        "input": fingerprint(options.input),
        "output": options.output.name,
        "styles": {name: hashlib.sha256(s.path.read_bytes()).hexdigest() for name, s in styles.items()},
        "schedule": [[str(c.at), c.style, c.strength] for c in schedule.cues],
        "fade": str(schedule.fade_s),
        "engines": look.engine_names,
        "size": None if options.size is None else list(options.size),
        "keep-colors": options.keep_colors,
        "fps": None if options.fps is None else str(options.fps),
        "deinterlace": options.deinterlace,
        "codec": encoding.codec,
        "crf": encoding.crf,
        "preset": encoding.preset,
        "threads": encoding.threads,
        "steady": options.deflicker,
        "segment": options.segment_frames,
        "versions": {name: metadata.version(name) for name in ("brushstream", "av")},
    }


def fingerprint(path: Path) -> str:
    """What tells an input from another: names and sizes, and of a file its first and last megabyte."""
    digest = hashlib.sha256()
    if not path.is_file():
        for picture in picture_sequence.sequence_paths(path):
            digest.update(f"{picture.name} {picture.stat().st_size}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as file:
        digest.update(file.read(_SAMPLE_BYTES))
        size = file.seek(0, 2)
        file.seek(max(0, size - _SAMPLE_BYTES))
        digest.update(file.read(_SAMPLE_BYTES))
    return f"{size} bytes, {digest.hexdigest()}"
