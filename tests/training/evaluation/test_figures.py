"""Figures of a report, the schema of a card's evaluation, and the scatter plot."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from training.evaluation import figures, sheets
from training.evaluation.measure import Measured
from training.evaluation.stability import Calmed, Stability
from training.studies.scatter import Point, Scatter, draw_scatters, pareto_front

SCHEMA = Path(__file__).parents[3] / "docs" / "evaluation.schema.json"


def schema() -> dict[str, Any]:
    """JSON schema (2020-12) of what ``for_card`` gives; other keys, such as held-out terms, may be there."""
    numbers = {f.name: {"type": "number", "description": f.meaning} for f in figures.FIGURES}
    others = {key: {"type": kind, "description": meaning} for key, (kind, meaning) in figures.ABOUT.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "evaluation in a Brushstream style card",
        "description": "Figures of `brushstream evaluate`; one that was not measured is absent.",
        "type": "object",
        "properties": {**numbers, **others},
        "required": list(figures.ABOUT),
        "additionalProperties": True,
    }


def measured() -> Measured:
    def objective(ratio: float, steps: int | None) -> dict[str, object]:
        return {"ratio": ratio, "equivalent_iterations": steps}

    return Measured(
        photos={
            "a": {"content": 0.2, "objective": objective(0.1, 40)},
            "b": {"content": 0.4, "objective": objective(0.3, 20)},
            "c": {"content": 0.9, "objective": objective(-0.2, None)},
        },
        exact=[("x", Stability(0.02, 0.01)), ("y", Stability(0.04, 0.01))],
        steady=[("x", Calmed(0.01, 0.9)), ("y", Calmed(0.02, 1.0))],
    )


def test_a_summary_takes_medians_over_photos_and_means_over_clips() -> None:
    found = figures.summary(measured(), {"parameters": 10.0, "gmacs": None, "service_ms": 2.0})
    assert list(found) == [figure.name for figure in figures.FIGURES]
    assert (found["objective_ratio"], found["objective_ratio_worst"]) == (0.1, 0.3)
    assert found["equivalent_iterations"] == 30
    assert found["content"] == 0.4
    assert found["warp_error_exact"] == pytest.approx(0.03)
    assert found["warp_error_exact_input"] == pytest.approx(0.01)
    assert found["warp_error_real_steady"] == pytest.approx(0.015)
    assert found["sharpness_steady"] == pytest.approx(0.95)
    left_out = {name for name, value in found.items() if value is None}
    assert {"warp_error_real", "flicker", "gmacs", "style_distance"} <= left_out


def test_a_card_carries_only_what_was_measured() -> None:
    about: dict[str, str | int] = {
        "photos": 3, "photo_side_px": 512, "iterations": 300, "brushstream": "1", "engine": "none"
    }  # fmt: skip
    found = figures.for_card({"content": 0.1234567, "gram": None}, about)
    assert found == {"content": 0.12346, **about}
    assert json.loads(json.dumps(found)) == found
    properties = schema()["properties"]
    types = {"number": (int, float), "integer": int, "string": str}
    assert all(isinstance(found[key], types[properties[key]["type"]]) for key in found)
    assert set(schema()["required"]) <= set(found)


def test_the_schema_in_the_documents_is_the_one_of_the_code() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema()


def test_the_front_holds_what_nothing_beats() -> None:
    points = [Point("a", 1, 5), Point("b", 2, 2), Point("c", 3, 3), Point("d", 5, 1), Point("e", 5, 2)]
    assert [p.label for p in pareto_front(points)] == ["a", "b", "d"]
    twins = [Point("a", 1, 1), Point("b", 1, 1)]
    assert [p.label for p in pareto_front(twins)] == ["a", "b"]


def drawn(points: list[Point]) -> Image.Image:
    return draw_scatters([Scatter("t", "x", "y", points)])


def test_a_plot_shows_points_of_the_front_and_the_others() -> None:
    plot = np.asarray(drawn([Point("a", 0, 1), Point("b", 1, 0), Point("c", 1, 1)]))
    red, blue = ((plot == color).all(axis=2) for color in ((200, 70, 30), (31, 95, 170)))
    assert red.sum() > 2 * blue.sum() > 100
    rows, columns = np.nonzero(blue)
    assert rows.mean() < 100  # c: top and right
    assert columns.mean() > 500
    with pytest.raises(ValueError, match="needs a point"):
        drawn([])


def test_the_plot_takes_what_there_is() -> None:
    assert sheets.pareto_plot({"a": {"content": 0.1, "service_ms": 3.0}}) is None
    one = sheets.pareto_plot({"a": {"content": 0.1, "service_ms": 3.0, "style_distance": 0.4}})
    both = sheets.pareto_plot({"a": {"content": 0.1, "service_ms": 3.0, "objective_ratio": 0.4}})
    assert one is not None
    assert both is not None
    assert one.width == 2 * both.width
