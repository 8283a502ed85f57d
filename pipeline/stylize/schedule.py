"""Which style at which second: what ``--schedule`` says, and the mixture it asks for at a moment."""

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from pipeline.common.errors import InputError

_CUE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*:\s*([^@]+?)\s*(?:@\s*(\d+(?:\.\d+)?))?\s*")
_EXAMPLE = '"0:starry-night, 12.5:great-wave, 20:great-wave@0.4"'


@dataclass(frozen=True)
class Cue:
    """From ``at`` seconds after the first frame: this style with this strength, 0..1."""

    at: Fraction
    style: str
    strength: float = 1.0


@dataclass(frozen=True)
class Part:
    """A style's share of a frame: ``weight`` 0..1 of its picture at ``strength``."""

    style: str
    strength: float
    weight: float


@dataclass(frozen=True)
class Schedule:
    """Cues in order, the first at 0, with a cross-fade of ``fade_s`` seconds from each cue on."""

    cues: tuple[Cue, ...]
    fade_s: Fraction = Fraction(0)

    @property
    def styles(self) -> tuple[str, ...]:
        """Every style once, in order of appearance."""
        return tuple(dict.fromkeys(cue.style for cue in self.cues))

    def parts_at(self, seconds: Fraction, last_cut: Fraction | None = None) -> tuple[Part, ...]:
        """One part, or two while a cross-fade runs; the weights sum to 1.

        Args:
            seconds: since the first frame.
            last_cut: when the picture last changed as a whole; a fade that it falls into ends there, so
                that nothing of the scene before is mixed into the one after.
        """
        place = max(number for number, cue in enumerate(self.cues) if number == 0 or cue.at <= seconds)
        cue = self.cues[place]
        done = self._done(cue, seconds, last_cut) if place else 1.0
        if done >= 1.0:
            return (Part(cue.style, cue.strength, 1.0),)
        before = self.cues[place - 1]
        if before.style == cue.style:
            return (Part(cue.style, before.strength + done * (cue.strength - before.strength), 1.0),)
        return Part(before.style, before.strength, 1.0 - done), Part(cue.style, cue.strength, done)

    def _done(self, cue: Cue, seconds: Fraction, last_cut: Fraction | None) -> float:
        cut = last_cut is not None and cue.at <= last_cut <= seconds
        if cut or not self.fade_s:
            return 1.0
        return min(1.0, float((seconds - cue.at) / self.fade_s))


def parse_schedule(text: str, fade_s: Fraction, strength: float = 1.0) -> Schedule:
    """Read ``"0:starry-night, 12.5:great-wave@0.4"``; a cue without ``@`` has ``strength``.

    Raises:
        InputError: a cue that is no ``SECONDS:STYLE[@STRENGTH]``, times that do not rise from 0, or fades
            that overlap.
    """
    cues = tuple(_cue(part, strength) for part in text.split(","))
    if cues[0].at != 0:
        raise InputError(f"a schedule begins at 0, got {float(cues[0].at):g}; write {_EXAMPLE} for example")
    for before, after in pairwise(cues):
        if after.at <= before.at:
            raise InputError(f"a schedule's times rise, got {float(before.at):g} before {float(after.at):g}")
        if before.at and after.at - before.at < fade_s:
            raise InputError(
                f"the fade of {float(fade_s):g} s is longer than the time from {float(before.at):g} to "
                f"{float(after.at):g}; shorten --fade"
            )
    return Schedule(cues, fade_s)


def _cue(text: str, strength: float) -> Cue:
    found = _CUE.fullmatch(text)
    if found is None:
        raise InputError(f"{text.strip()!r} is no SECONDS:STYLE[@STRENGTH]; write {_EXAMPLE} for example")
    own = strength if found[3] is None else float(found[3])
    if not 0 <= own <= 1:
        raise InputError(f"strength must lie in 0..1, got {own:g} in {text.strip()!r}")
    return Cue(Fraction(found[1]), found[2], own)
