"""The process that builds one engine into the cache.

``python -m pipeline.engines.build_process ENGINE STYLE.onnx WxH PRECISION``, as ``stand_in`` starts it.
Opening an engine builds it; that is all there is to do.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.common.errors import BrushstreamError
from pipeline.engines import registry
from pipeline.style import read_style


def main(arguments: Sequence[str]) -> int:
    """Build; 0, or the error's exit code with its message on standard error."""
    engine, style_path, size, precision = arguments
    width, _, height = size.partition("x")
    try:
        style = read_style(Path(style_path))
        chosen = None if precision == "auto" else precision
        kind = registry.select_engine(engine).engine
        kind(style.path, style.card, (int(height), int(width)), chosen).close()  # type: ignore[arg-type]
    except BrushstreamError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
