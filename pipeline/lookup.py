"""Which style a text means: a name, a file, a row of a network of several styles, or a mixture of rows.

``starry-night`` and ``my/own.onnx`` are files. ``gallery:udnie`` is the row udnie of the style gallery, and
``starry-night*0.6+great-wave*0.4`` a mixture of two rows of whichever style has both; shares are brought to
a sum of 1, and a row without one counts 1. Only rows of one file can be mixed: the network paints the
mixture itself, in the time of one style. ``FILE?NAME=VALUES`` sets a control of a style (``with_controls``).
"""

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import StyleError, StyleNotFoundError
from pipeline.style import (
    MAKE_ONE,
    STYLE_CONTROL,
    Control,
    StyleCard,
    StyleFile,
    list_styles,
    read_style,
    style_paths,
    translation_paths,
)


def find_style(name_or_path: str | Path, quality: str = "best") -> StyleFile:
    """Open a style by name, row or mixture, or by path where the text ends in ``.onnx`` or names a folder.

    Args:
        quality: which network of a name, ``best`` or ``fast``; a path names its network itself.

    Raises:
        StyleNotFoundError: there is no such name, row or file, the nearest names are suggested; or the style
            has no network of that quality.
        StyleError: the file is no style, or the mixture is not of rows of one file.
    """
    text, turned, settings = str(name_or_path).partition("?")
    if turned:
        return with_controls(find_style(text, quality), settings.split("?"))
    if Path(text).suffix not in ("", ".onnx") and Path(text).is_file():
        raise StyleError(f"{text} is no style file; {MAKE_ONE.format(text)}")
    if isinstance(name_or_path, Path) or text.endswith(".onnx"):
        return read_style(Path(text))
    known = {**translation_paths(), **style_paths()}
    if text not in known and any(mark in text for mark in ":*+"):
        return _mixture(text, quality)
    if len(Path(text).parts) > 1:
        return read_style(Path(text))
    if text not in known:
        raise StyleNotFoundError(_unknown(text, list(known)))
    return read_style(known[text]) if quality == "best" else _fast(text, quality)


def with_controls(style: StyleFile, settings: Sequence[str]) -> StyleFile:
    """The same file with controls at other defaults: ``NAME=VALUE,VALUE...``, or one value for all of them.

    Raises:
        StyleError: no such control, or not as many numbers in its range as it takes.
    """
    controls = {control.name: control for control in style.card.controls}
    for setting in settings:
        name, _, values = setting.partition("=")
        if name not in controls:
            known = ", ".join(controls) or "none: it is one style, with nothing to turn"
            raise StyleError(f"--control {setting}: style {style.card.name!r} has the controls {known}")
        controls[name] = _turned(controls[name], values)
    return StyleFile(style.path, dataclasses.replace(style.card, controls=tuple(controls.values())))


def _turned(control: Control, text: str) -> Control:
    count = len(control.default)
    try:
        values = tuple(float(value) for value in text.split(","))
    except ValueError:
        values = ()
    values = values * count if len(values) == 1 else values
    if len(values) != count or not all(control.low <= value <= control.high for value in values):
        raise StyleError(
            f"--control {control.name}={text}: {count} numbers from {control.low:g} to {control.high:g} "
            "with commas between, or one for all of them, were expected"
        )
    return dataclasses.replace(control, default=values)


def _fast(name: str, quality: str) -> StyleFile:
    fast = style_paths(quality="fast")
    if name not in fast:
        raise StyleNotFoundError(
            f"style {name!r} has no {quality} network; {', '.join(fast) or 'none'} has one: choose one of "
            "those, or --quality best"
        )
    return read_style(fast[name])


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"no style is called {name!r}; {hint}`brushstream styles` lists all {len(known)}"


def _mixture(text: str, quality: str) -> StyleFile:
    """The file of ``[FILE:]ROW[*SHARE]+...`` with that mixture as its default."""
    files: set[str] = set()
    mix: dict[str, float] = {}
    for part in text.split("+"):
        term, _, share = part.partition("*")
        file, _, row = term.strip().rpartition(":")
        files |= {file} if file else set()
        mix[row.strip()] = mix.get(row.strip(), 0.0) + _share(share, text)
    if len(files) > 1:
        raise StyleError(
            f"{text}: rows of one file can be mixed, these are of {' and '.join(sorted(files))}; "
            "--schedule fades from one file to another"
        )
    style = find_style(files.pop(), quality) if files else _with_rows(mix, quality)
    return with_mixture(style, mix)


def _share(text: str, mixture: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError as error:
        raise StyleError(
            f"{mixture}: {text.strip()!r} is no share; write starry-night*0.6+great-wave*0.4 for example"
        ) from error


def _with_rows(mix: Mapping[str, float], quality: str) -> StyleFile:
    several = [
        style for style in list_styles(on_damaged=lambda error: None, quality=quality) if style.card.styles
    ]
    for style in several:
        if set(mix) <= set(row_names(style.card)):
            return style
    rows = "; ".join(f"{style.card.name} has {', '.join(row_names(style.card))}" for style in several)
    raise StyleNotFoundError(
        f"no style file has the rows {', '.join(mix)} together; {rows or 'none has rows'}"
    )


def row_names(card: StyleCard) -> tuple[str, ...]:
    """The rows that can be mixed, in order; none of a network of one style."""
    return tuple(str(style["name"]) for style in card.styles)


def own_mixture(card: StyleCard) -> dict[str, float]:
    """The share of each row where no other mixture is asked for; empty of a network of one style."""
    default = next((control.default for control in card.controls if control.name == STYLE_CONTROL), ())
    return dict(zip(row_names(card), default, strict=False))


def mixture_shares(card: StyleCard, mix: Mapping[str, float]) -> tuple[float, ...]:
    """``STYLE_CONTROL`` for a mixture, its shares brought to a sum of 1.

    Raises:
        StyleNotFoundError: the style has no such row.
        StyleError: it has no rows at all, or a share is below 0 or they are all 0.
    """
    names = row_names(card)
    if not names:
        raise StyleError(f"style {card.name!r} has one style and nothing to mix; `gallery` has several")
    for name in mix:
        if name not in names:
            raise StyleNotFoundError(f"style {card.name!r} has no row {name!r}; it has {', '.join(names)}")
    total = sum(mix.values())
    if not (0.0 < total < float("inf")) or min(mix.values()) < 0.0:
        raise StyleError(f"shares of a mixture are 0 or more and not all 0, got {dict(mix)}")
    return tuple(mix.get(name, 0.0) / total for name in names)


def with_mixture(style: StyleFile, mix: Mapping[str, float]) -> StyleFile:
    """The same file with that mixture as its default, named and described after it.

    Raises:
        StyleError, StyleNotFoundError: see ``mixture_shares``.
    """
    shares = mixture_shares(style.card, mix)
    taken = [(row, share) for row, share in zip(style.card.styles, shares, strict=True) if share]
    controls = tuple(
        dataclasses.replace(control, default=shares) if control.name == STYLE_CONTROL else control
        for control in style.card.controls
    )
    card = dataclasses.replace(style.card, **_described(taken), controls=controls)
    return StyleFile(style.path, card)


def _described(taken: list[tuple[dict[str, Any], float]]) -> dict[str, Any]:
    if len(taken) == 1:
        row = taken[0][0]
        told = {key: row.get(key, "") for key in ("title", "artist", "rights")}
        return {"name": row["name"], **told, "year": row.get("year"), "artwork_source": row.get("source", "")}
    name = "+".join(f"{row['name']}-{100 * share:.0f}" for row, share in taken)
    title = " + ".join(f"{100 * share:.0f} % {row.get('title') or row['name']}" for row, share in taken)
    return {"name": name, "title": title}
