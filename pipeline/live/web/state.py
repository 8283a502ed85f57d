"""What a page shows besides pictures, as JSON: styles to choose from, settings, figures, keys."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.live.controls import COMMAND_OF_KEY, SCALES, Settings
from pipeline.lookup import own_mixture
from pipeline.style import StyleFile


def page_state(
    mode: str,
    styles: Sequence[StyleFile],
    settings: Settings,
    *,
    shown: int,
    scale: float,
    engine: str,
    governor: str,
    fps: float,
    **more: Any,
) -> Mapping[str, Any]:
    """The state of one page.

    Args:
        mode: ``camera`` where the page brings one, ``view`` where it looks at the server's.
        shown: place of the style that paints now; the chosen one may still be opening.
        scale: of the frame that the network sees.
        governor: what it does, empty without one.
        more: what only this mode has.
    """
    card = styles[settings.style].card
    return {
        "mode": mode,
        "styles": [
            {"title": s.card.title or s.card.name, "artist": s.card.artist, "year": s.card.year}
            for s in styles
        ],
        "chosen": settings.style,
        "shown": shown,
        "strength": settings.strength,
        "brush": SCALES.index(settings.scale) if settings.scale in SCALES else len(SCALES) - 1,
        "rows": [{"name": row["name"], "title": row.get("title") or row["name"]} for row in card.styles],
        "mix": dict(settings.mix) or own_mixture(card),
        "scale": scale,
        "scales": SCALES,
        "engine": engine,
        "governor": governor,
        "fps": round(fps, 1),
        "keys": COMMAND_OF_KEY,
        "on": {
            "side-by-side": settings.side_by_side,
            "keep-colors": settings.keep_colors,
            "steady": settings.steady,
            "mirror": settings.mirror,
            "information": settings.information,
            "help": settings.help,
        },
        **more,
    }
