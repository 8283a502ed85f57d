"""The balance of content and style, found while training instead of tuned by hand.

One weight does not suit every painting: 1 : 15 kept the faces in a Starry Night and lost them in a Great
Wave. What a viewer asks for is the same everywhere, though: how much of the photograph stays. So the goal
is given as the relative content term (0: the photograph's features, 1: none of them), and the style
weight follows.
"""

import math

SEARCH_FROM, SEARCH_UNTIL = 0.15, 0.65
GAIN = 0.01
LOWEST, HIGHEST = 0.5, 200.0
ALL_OF_IT = 1.0
_MEMORY = 0.98  # of the running mean over steps: about the last fifty


class Balance:
    """An integrating controller of the style weight; frozen before the learning rate has decayed.

    A step's content term depends on its four photographs more than on the weights, so a running mean is
    compared. Between 15 % and 65 % of the steps the weight moves by at most ``GAIN`` a step for a content
    term that is off by its whole goal: a factor of two in 350 steps where it is off by a fifth.

    No step counts for more than ``ALL_OF_IT``: of a plain picture, which has next to no content, a few
    strokes are many times all of it, and in batches of one such steps outweighed the photographs.
    """

    def __init__(self, style_weight: float, content_goal: float | None, steps: int) -> None:
        self.style_weight = style_weight
        self.content: float | None = None
        self._goal = content_goal
        self._from, self._until = SEARCH_FROM * steps, SEARCH_UNTIL * steps

    def update(self, step: int, content: float) -> None:
        """Take in the content term of ``step`` and move the style weight."""
        if self._goal is None or not math.isfinite(content):
            return
        content = min(content, ALL_OF_IT)
        before = content if self.content is None else self.content
        self.content = _MEMORY * before + (1 - _MEMORY) * content
        if self._from <= step < self._until:
            off = max(-1.0, min(1.0, 1.0 - self.content / self._goal))
            self.style_weight = max(LOWEST, min(HIGHEST, self.style_weight * math.exp(GAIN * off)))

    def state(self) -> dict[str, float]:
        """What a resumed run needs."""
        known = {"style_weight": self.style_weight}
        return known if self.content is None else {**known, "content": self.content}

    def restore(self, state: dict[str, float]) -> None:
        """Put back what ``state`` gave; an empty one changes nothing."""
        self.style_weight = state.get("style_weight", self.style_weight)
        self.content = state.get("content", self.content)


class Balances:
    """A balance for each row of a network of several styles; one for a network of one style."""

    def __init__(self, style_weight: float, content_goal: float | None, steps: int, rows: int) -> None:
        self._rows = [Balance(style_weight, content_goal, steps) for _ in range(rows)]

    def __getitem__(self, row: int) -> Balance:
        return self._rows[row]

    @property
    def style_weight(self) -> float:
        """The mean over rows, for reports."""
        return sum(balance.style_weight for balance in self._rows) / len(self._rows)

    def state(self) -> dict[str, float]:
        """What a resumed run needs, by ``row.name``."""
        return {f"{n}.{key}": value for n, row in enumerate(self._rows) for key, value in row.state().items()}

    def restore(self, state: dict[str, float]) -> None:
        """Put back what ``state`` gave; an empty one changes nothing."""
        for n, row in enumerate(self._rows):
            row.restore({key.removeprefix(f"{n}."): v for key, v in state.items() if key.startswith(f"{n}.")})
