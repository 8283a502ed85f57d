"""Options written once: a dataclass of them becomes parameters, and comes back whole."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer

from pipeline.common.option_groups import flattened


@dataclass(frozen=True)
class Painting:
    title: Annotated[str, typer.Option(help="Of the artwork.")]
    strength: Annotated[float, typer.Option(min=0.0, max=1.0)] = 1.0


@dataclass(frozen=True)
class Oil(Painting):
    layers: Annotated[int, typer.Option("--coats")] = 2


def typed(*arguments: str) -> list[object]:
    """What a command with a group was given for ``arguments``; its exit code where it was not called."""
    called: list[object] = []

    @flattened
    def paint(name: str, oil: Oil, dry: bool = False) -> None:
        """Paint it."""
        called.extend((name, oil, dry))

    app = typer.Typer()
    app.command()(paint)
    with pytest.raises(SystemExit) as ended:
        app(args=list(arguments))
    return called or [ended.value.code]


def test_a_group_arrives_whole_among_the_other_options() -> None:
    assert typed("wave", "--title=Wave") == ["wave", Oil("Wave", 1.0, 2), False]
    given = ("--dry", "--coats=5", "wave", "--strength=0.5", "--title=W")
    assert typed(*given) == ["wave", Oil("W", 0.5, 5), True]


def test_what_the_fields_ask_for_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("wave") == [2]
    assert typed("wave", "--title=W", "--strength=2") == [2]
    assert typed("--help") == [0]
    told = capsys.readouterr().out
    assert "Paint it." in told
    assert "Of the artwork." in told
