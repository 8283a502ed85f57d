"""``brushstream styles``: what there is to paint with."""

import json
from typing import Annotated

import typer

from pipeline.cli.options import say


def styles(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, the whole cards.")] = False,
) -> None:
    """List the styles: artist, year, rights, network, size."""
    from pipeline import style
    from pipeline.cli import terminal

    found = style.list_styles(on_damaged=lambda error: say(f"warning: {error}"))
    found += [style.read_style(path) for path in style.translation_paths().values()]
    if as_json:
        print(json.dumps([json.loads(s.card.to_json()) for s in found], indent=2, ensure_ascii=False))
        return
    terminal.show(terminal.styles_table(found, style.style_paths(quality="fast")))
    if not found:
        print(f"no style in {style.bundled_folder()} nor in {style.user_folder()}")
