"""One video, settled before it is opened: options, schedule, styles, and what is done already."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from pipeline.lookup import find_style
from pipeline.style import StyleFile
from pipeline.stylize.schedule import Cue, Schedule, parse_schedule
from pipeline.stylize.scheduled import ScheduledStylizer
from pipeline.stylize.steady import Steady
from pipeline.video.options import VideoOptions
from pipeline.video.outputs.base import OutputAssembler, OutputRequest
from pipeline.video.outputs.gif import FASTEST_FPS
from pipeline.video.outputs.opening import holds_pixel_aspect, holds_times, open_assembler
from pipeline.video.outputs.standard_output import is_standard_output
from pipeline.video.reading import picture_sequence
from pipeline.video.reading.media import MediaSource
from pipeline.video.reading.video_file import VideoFileSource
from pipeline.video.segments.journal import Journal, unfinished_frames
from pipeline.video.segments.sink import is_whole

IN_FLIGHT = 2
"""Frames in flight where the engine can: 1.3 times as fast as one, see docs/performance.md."""

_SAMPLE_BYTES = 1 << 20
Action = Literal["make", "resume", "skip", "refuse"]


@dataclass(frozen=True)
class ScheduledStyles:
    """Styles over time, read once, whatever is opened with them.

    Attributes:
        schedule: which style when, by the names of ``files``.
        files: of the styles.
    """

    schedule: Schedule
    files: Mapping[str, StyleFile]

    @classmethod
    def of(cls, options: VideoOptions) -> "ScheduledStyles":
        """Read the schedule and find its styles. Raises InputError and StyleError."""
        if options.schedule:
            schedule = parse_schedule(options.schedule, options.fade_s, options.strength)
        else:
            schedule = Schedule((Cue(Fraction(0), options.style, options.strength),))
        return cls(schedule, {name: find_style(name, options.quality) for name in schedule.styles})


@dataclass(frozen=True)
class VideoPlan:
    """One video with all that is settled before it is opened, and how its parts are opened.

    Attributes:
        options: what was asked for.
        styles: over time.
        action: ``make`` from the start, ``resume`` unfinished work, ``skip`` what is done, ``refuse``.
        reason: why it is skipped or refused, or what an earlier run did; may be empty.
        makes_folder: the output's folder is made where it is missing.
    """

    options: VideoOptions
    styles: ScheduledStyles
    action: Action = "make"
    reason: str = ""
    makes_folder: bool = False

    @classmethod
    def of(cls, options: VideoOptions, styles: ScheduledStyles | None = None) -> "VideoPlan":
        """Settle everything; ``styles`` where other videos of the same options have them already.

        Raises:
            InputError, StyleError: the schedule or a style is not to be had.
            OutputError: the output's extension is unknown.
        """
        action, reason = _action(options)
        return cls(options, styles or ScheduledStyles.of(options), action, reason)

    def open_source(self) -> MediaSource:
        """The source of the frames. Raises InputError as the sources do."""
        options = self.options
        if picture_sequence.is_picture_sequence(options.input):
            return picture_sequence.PictureSequenceSource(options.input, options.size, options.fps)
        return VideoFileSource(
            options.input,
            options.size,
            fps=options.fps,
            deinterlace=options.deinterlace,
            hdr=options.hdr,
            square=not holds_pixel_aspect(options.output),
            even=not holds_times(options.output),
            fastest=FASTEST_FPS if options.suffix == ".gif" else None,
        )

    def open_stylizer(self, source: MediaSource) -> ScheduledStylizer:
        """Open every engine the schedule needs. Raises StyleError, EngineError, MissingPackageError."""
        return ScheduledStylizer(
            self.styles.files,
            self.styles.schedule,
            source.info.size,
            start=source.start,
            engine=self.options.engine,
            precision=self.options.precision,
            keep_colors=self.options.keep_colors,
            steady=Steady() if self.options.calms else None,
            segment_frames=self.options.segment_frames,
            in_flight=IN_FLIGHT,
        )

    def open_assembler(self, source: MediaSource) -> OutputAssembler:
        """What makes the output of the segments. Raises OutputError as ``open_assembler`` does."""
        options = self.options
        wanted = OutputRequest(
            options.output,
            source.pictures,
            options.encoding,
            options.input if options.input.is_file() else None,
            max(Fraction(0), -source.start),
            source.end,
            options.overwrite,
            source.numbers,
            options.poured,
        )
        assembler = open_assembler(wanted)
        if wanted.shift:
            assembler.notes.append(
                f"every time was moved by {float(wanted.shift):.3f} s: the first picture was before zero"
            )
        return assembler

    def open_journal(self, engines: list[str], assembler: OutputAssembler) -> Journal:
        """The journal of the output's unfinished work. Raises OutputError."""
        facts = self._facts(engines, assembler)
        return Journal(self.options.final, facts, resume=self.options.resume, is_whole=is_whole)

    def _facts(self, engines: list[str], assembler: OutputAssembler) -> Mapping[str, Any]:
        """All that shapes the pictures and their encoding, as JSON values: the journal's first line."""
        options, schedule, encoding = self.options, self.styles.schedule, assembler.encoding
        styles = {name: style.path.read_bytes() for name, style in self.styles.files.items()}
        return {
            "input": fingerprint(options.input),
            "output": options.output.name,
            "styles": {name: hashlib.sha256(content).hexdigest() for name, content in styles.items()},
            "schedule": [[str(c.at), c.style, c.strength] for c in schedule.cues],
            "fade": str(schedule.fade_s),
            "engines": engines,
            "size": None if options.size is None else list(options.size),
            "keep-colors": options.keep_colors,
            "fps": None if options.fps is None else str(options.fps),
            "deinterlace": options.deinterlace,
            "hdr": options.hdr,
            "codec": encoding.codec,
            "crf": encoding.crf,
            "preset": encoding.preset,
            "threads": encoding.threads,
            "steady": options.calms,
            "segment": options.segment_frames,
            "versions": {name: metadata.version(name) for name in ("brushstream", "av")},
        }


def _action(options: VideoOptions) -> tuple[Action, str]:
    final = options.final
    if is_standard_output(final):
        return "make", ""
    if final.exists() and not options.overwrite:
        if options.input.exists() and final.samefile(options.input):
            return "refuse", f"input and output are both {final}"
        return "skip", f"{final} is there; --overwrite makes it again"
    frames = unfinished_frames(final) if options.resume else 0
    return ("resume", f"{frames} frames are done") if frames else ("make", "")


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
