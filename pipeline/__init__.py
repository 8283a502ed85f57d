"""The live half of Brushstream: sources, engines and sinks, and the loop between them. Imports no torch.

::

    import pipeline

    style = pipeline.open_style("starry-night")
    stylized = style(frame)  # (H, W, 3) uint8 BGR in, the same out, any size
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.api import Style as Style
    from pipeline.api import open_style as open_style
    from pipeline.style import list_styles as list_styles

__all__ = ["Style", "list_styles", "open_style"]


def __getattr__(name: str) -> Any:
    """Load the Python API when it is first used: ``import pipeline`` alone stays free."""
    if name not in __all__:
        raise AttributeError(f"module 'pipeline' has no attribute {name!r}; it offers {', '.join(__all__)}")
    from pipeline import api

    return getattr(api, name)
