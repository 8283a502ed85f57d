"""What a person sees of long work: a bar on a terminal, lines where there is none."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ParamSpec

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

Told = ParamSpec("Told")


@dataclass(frozen=True)
class Standing:
    """Where one piece of work stands.

    Attributes:
        done, total: steps; ``total`` is None where nobody knows.
        text: behind the bar. label: before it; each label has a bar of its own.
    """

    done: int
    total: int | None
    text: str
    label: str = ""


def time_left(seconds: float) -> str:
    """``1:05 to go``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} to go"


@contextmanager
def progress_shown(
    standing: Callable[Told, Standing], as_lines: Callable[Told, None], *, stderr: bool = False
) -> Iterator[Callable[Told, None]]:
    """A function that shows progress: on a terminal by bars, elsewhere it is ``as_lines``.

    Args:
        standing: what the bars show of that function's arguments.
        stderr: draw on standard error, not on standard output.
    """
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        yield as_lines
        return
    columns = (TextColumn("{task.fields[label]}"), BarColumn(), TextColumn("{task.description}"))
    bars: dict[str, TaskID] = {}
    with Progress(*columns, console=console) as drawn:

        def show(*args: Told.args, **kwargs: Told.kwargs) -> None:
            now = standing(*args, **kwargs)
            if now.label not in bars:
                bars[now.label] = drawn.add_task("", total=now.total, label=now.label)
            drawn.update(bars[now.label], completed=now.done, total=now.total, description=now.text)

        yield show
