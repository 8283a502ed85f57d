"""The first choice of network and scale: the best-looking pair that holds the rate on this machine."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipeline.common.machine import cpu_name, usable_cores
from pipeline.engines.cache import file_digest, get_or_build
from pipeline.engines.parity import sample_frames
from pipeline.live.controls import SCALES
from pipeline.live.governor import Governor
from pipeline.live.pool import OpenStylizer
from pipeline.lookup import row_names
from pipeline.style import StyleCard, StyleFile, read_style, style_paths
from pipeline.stylize.stylizer import Stylizer

FRAMES = 10
HOLDS_BELOW = 0.75
"""Share of a frame's time that painting may take at the start: the rest is the camera's and the window's."""


@dataclass(frozen=True)
class Pace:
    """What the first frames are painted with.

    Attributes:
        quality: ``best`` or ``fast``.
        scale: of the frame that the network sees.
        reason: one line for the person.
    """

    quality: str
    scale: float
    reason: str

    def governor(self, target_fps: float) -> Governor:
        """One that begins there and goes on holding the rate."""
        governor = Governor(target_fps)
        governor.scale, governor.network = self.scale, self.quality
        return governor


def find_pace(
    styles: tuple[StyleFile, ...],
    first: int,
    size: tuple[int, int],
    open_stylizer: OpenStylizer,
    target_fps: float,
    highest: float,
) -> tuple[tuple[StyleFile, ...], Pace]:
    """The styles in the networks that hold ``target_fps`` at (height, width), and the pair that does.

    Judged by the style at place ``first``; ``highest`` as for ``choose_pace``.

    Raises:
        StyleError, EngineError, MissingPackageError: that style cannot be opened.
    """
    networks = {"best": styles, "fast": fast_versions(styles)}
    if networks["fast"][first].path == styles[first].path:
        del networks["fast"]
    costs_s = {}
    for quality, those in networks.items():
        with open_stylizer(those[first], size) as stylizer:
            costs_s[quality] = frame_cost_s(stylizer)
    pace = choose_pace(costs_s, target_fps, highest)
    return networks[pace.quality], pace


def choose_pace(costs_s: Mapping[str, float], target_fps: float, highest: float = 1.0) -> Pace:
    """The largest scale that holds ``target_fps``, with the best network that does so at it. Pure.

    Args:
        costs_s: seconds of one frame at full size, by quality, the best-looking first. Time grows with the
            square of the scale.
        highest: no scale above this one.
    """
    scales = sorted((s for s in SCALES if s <= highest), reverse=True)
    pairs = [(quality, scale) for scale in scales for quality in costs_s]
    busy = {pair: costs_s[pair[0]] * pair[1] ** 2 * target_fps for pair in pairs}
    chosen = next((pair for pair in pairs if busy[pair] <= HOLDS_BELOW), min(pairs, key=busy.__getitem__))
    measured = ", ".join(f"{name} {1e3 * cost:.0f} ms" for name, cost in costs_s.items())
    quality, scale = chosen
    reason = (
        f"{quality} network at scale {scale:g} for {target_fps:.4g} fps (a frame of full size: {measured})"
    )
    return Pace(quality, scale, reason)


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


def frame_cost_s(stylizer: Stylizer) -> float:
    """Seconds of the quickest of ten frames, which other programs disturb least; measured once a machine for
    a style, size and engine.
    """
    key = {
        "style": file_digest(stylizer.style.path),
        "size": stylizer.size,
        "engine": str(stylizer.info),
        "machine": f"{cpu_name()}, {usable_cores()} cores",
    }

    def measured() -> tuple[bytes, dict[str, float]]:
        frame = sample_frames(stylizer.size)[0]
        times = []
        for _ in range(FRAMES):
            began_at = time.perf_counter()
            stylizer(frame)
            times.append(time.perf_counter() - began_at)
        return b"", {"seconds": min(times)}

    return float(get_or_build("pace", key, measured).facts["seconds"])
