"""Options of a command that are written once and used by several: a frozen dataclass is such a group.

::

    @dataclass(frozen=True)
    class Painting:
        strength: Annotated[float, typer.Option(min=0.0, max=1.0)] = 1.0
        keep_colors: Annotated[bool, typer.Option("--keep-colors")] = False

    @flattened
    def image(inputs: list[Path], painting: Painting) -> None: ...

    app.command()(image)  # brushstream image --strength 0.5 IN...
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_type_hints


def flattened(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` with the fields of its dataclass parameters in their place, as Typer reads a signature.

    A group's fields are annotated as parameters would be; no two may have the same name.
    """
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)}

    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    parameters = list(_parameters(command, hints, groups))
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameters(
    command: Callable[..., None], hints: dict[str, Any], groups: dict[str, Any]
) -> Iterator[inspect.Parameter]:
    for name, parameter in inspect.signature(command).parameters.items():
        if name not in groups:
            yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])
            continue
        options = get_type_hints(groups[name], include_extras=True)
        for field in fields(groups[name]):
            yield _parameter(field, options[field.name])


def _parameter(field: Field[Any], hint: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
