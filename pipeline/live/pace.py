"""The first choice of network and scale: the best-looking pair that holds the rate on this machine."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pipeline.common.adapters import installed_version
from pipeline.common.machine import cpu_name, is_overloaded, usable_cores
from pipeline.engines import registry
from pipeline.engines.base import Precision
from pipeline.engines.cache import file_digest, read_entry, write_entry
from pipeline.engines.parity import sample_frames
from pipeline.live.controls import SCALES
from pipeline.live.governor import Governor
from pipeline.lookup import row_names
from pipeline.style import StyleCard, StyleFile, read_style, style_paths
from pipeline.stylize.steady import Steady
from pipeline.stylize.stylizer import Stylizer

FASTEST_FPS = 30.0
"""The rate that is held without being asked for one, where the source gives as many."""
FRAMES = 10
HOLDS_BELOW = 0.75
"""Share of a frame's time that painting may take at the start: the rest is the camera's and the window's."""

STEADY_BELOW = 0.85
"""... and where flicker is calmed besides, of which most is done while the network works."""


@dataclass(frozen=True)
class Pace:
    """What the first frames are painted with.

    Attributes:
        quality: ``best`` or ``fast``.
        scale: of the frame that the network sees.
        steady: there is time left to calm flicker.
        reason: one line for the person.
    """

    quality: str
    scale: float
    steady: bool
    reason: str

    def governor(self, target_fps: float) -> Governor:
        """One that begins there and goes on holding the rate."""
        governor = Governor(target_fps)
        governor.scale, governor.network = self.scale, self.quality
        return governor


def choose_pace(
    costs_s: Mapping[str, float], target_fps: float, highest: float = 1.0, steady_s: float = 0.0
) -> Pace:
    """The largest scale that holds ``target_fps``, with the best network that does so at it. Pure.

    Calming flicker comes last: it gets what time is left, which may go up to STEADY_BELOW.

    Args:
        costs_s: seconds of one frame at full size, by quality, the best-looking first. Time grows with the
            square of the scale.
        highest: no scale above this one.
        steady_s: seconds that calming flicker takes a frame.
    """
    scales = sorted((s for s in SCALES if s <= highest), reverse=True)
    pairs = [(quality, scale) for scale in scales for quality in costs_s]
    busy = {pair: costs_s[pair[0]] * pair[1] ** 2 * target_fps for pair in pairs}
    chosen = next((pair for pair in pairs if busy[pair] <= HOLDS_BELOW), min(pairs, key=busy.__getitem__))
    measured = ", ".join(f"{name} {1e3 * cost:.0f} ms" for name, cost in costs_s.items())
    quality, scale = chosen
    steady = busy[chosen] + steady_s * target_fps <= STEADY_BELOW
    reason = (
        f"{quality} network at scale {scale:g}{', steady' if steady else ''} for {target_fps:.4g} fps "
        f"(a frame of full size: {measured}, steady {1e3 * steady_s:.0f} ms)"
    )
    return Pace(quality, scale, steady, reason)


def fast_versions(styles: tuple[StyleFile, ...]) -> tuple[StyleFile, ...]:
    """The same styles with their smaller networks, where a style found by name has one.

    Mixtures and controls stay as they are; a smaller network that lacks them is no version of the style.
    """
    best, fast = style_paths(), style_paths(quality="fast")
    return tuple(
        _turned_alike(read_style(fast[style.path.stem]), style)
        if style.path.stem in fast and best.get(style.path.stem) == style.path
        else style
        for style in styles
    )


def _turned_alike(smaller: StyleFile, style: StyleFile) -> StyleFile:
    own, card = smaller.card, style.card
    if row_names(own) != row_names(card) or _lengths(own) != _lengths(card):
        return style
    return StyleFile(smaller.path, replace(own, name=card.name, title=card.title, controls=card.controls))


def _lengths(card: StyleCard) -> dict[str, int]:
    return {control.name: len(control.default) for control in card.controls}


def find_pace(
    styles: tuple[StyleFile, ...],
    first: int,
    size: tuple[int, int],
    *,
    quality: str,
    target_fps: float,
    highest: float = 1.0,
    engine: str = "auto",
    precision: Precision | None = None,
) -> tuple[tuple[StyleFile, ...], Pace]:
    """The styles in the networks that hold ``target_fps``, and the pace to begin with.

    Args:
        styles: of the quality that is asked for; of the best where it is ``auto``.
        first: the place of the one that is timed.
        size: (height, width) of the frames.
        engine, precision: as for ``Stylizer``.

    Raises:
        EngineError, MissingPackageError: as ``Stylizer``.
    """
    networks = {quality: styles}
    if quality == "auto":
        networks = {"best": styles, "fast": fast_versions(styles)}
        if networks["fast"][first].path == styles[first].path:
            del networks["fast"]
    costs_s = {name: frame_cost_s(those[first], size, engine, precision) for name, those in networks.items()}
    pace = choose_pace(costs_s, target_fps, highest, steady_cost_s(size))
    return networks[pace.quality], pace


def frame_cost_s(
    style: StyleFile, size: tuple[int, int], engine: str = "auto", precision: Precision | None = None
) -> float:
    """Seconds of one frame's painting, measured once a machine for a style, size and engine.

    Raises:
        EngineError, MissingPackageError: as ``Stylizer``.
    """
    chosen = registry.select_engine(engine)
    key = {
        "style": file_digest(style.path),
        "size": size,
        "engine": [engine, chosen.name, installed_version(chosen.name), precision],
        "held to": os.environ.get("ONEDNN_MAX_CPU_ISA"),
    }

    def measured() -> tuple[float, bool]:
        frame = sample_frames(size)[0]
        with Stylizer(style, size, engine=engine, precision=precision, stand_in=True) as stylizer:
            return _quickest_s(lambda: stylizer(frame)), stylizer.info.engine == chosen.name

    return _measured_once(key, measured)


def steady_cost_s(size: tuple[int, int]) -> float:
    """Seconds that calming a frame of (height, width) takes, measured once a machine."""

    def measured() -> tuple[float, bool]:
        steady, frame = Steady(), sample_frames(size)[0]
        steady(frame, frame)  # the first frame has nothing to be blended with
        return _quickest_s(lambda: steady(frame, frame)), True

    return _measured_once({"steady": size}, measured)


def _quickest_s(work: Callable[[], object]) -> float:
    """Of ten times the one that other programs disturbed least."""
    times = []
    for _ in range(FRAMES):
        began_at = time.perf_counter()
        work()
        times.append(time.perf_counter() - began_at)
    return min(times)


def _measured_once(key: Mapping[str, object], measure: Callable[[], tuple[float, bool]]) -> float:
    """What an earlier start on this machine measured, or ``measure`` now: seconds, and whether they last.

    Those of an engine that stands in for another do not, nor do those of a machine with too much to do.
    """
    key = {**key, "machine": f"{cpu_name()}, {usable_cores()} cores"}
    known = read_entry("pace", key)
    if known is not None:
        return float(known.facts["seconds"])
    seconds, lasts = measure()
    if lasts and not is_overloaded():
        write_entry("pace", key, b"", {"seconds": seconds})
    return seconds
