"""Benchmark and doctor: that they look at the right things, not how fast anything is."""

import itertools
import json
from dataclasses import asdict

import pytest

from pipeline import style
from pipeline.bench.doctor import examine
from pipeline.bench.service import BenchOptions, moving_noise, package_versions, run_bench
from pipeline.common.errors import EngineError
from pipeline.engines import registry
from pipeline.style import StyleFile


def test_bench_measures_by_its_clock(invert_style: StyleFile) -> None:
    ticks = itertools.count()
    options = BenchOptions(invert_style, (30, 50), "onnxruntime", frames=5, warmup=2)
    report = run_bench(options, clock=lambda: next(ticks) / 1e3)
    assert (report.service.count, report.engine_alone.count, report.identity.count) == (5, 5, 5)
    assert report.service.p50 == pytest.approx(1.0)  # the clock is read once before and once after
    assert report.engine.startswith("onnxruntime")
    assert report.size == (30, 50)
    assert {"openvino", "numpy"} <= set(report.versions)
    assert json.loads(json.dumps(asdict(report)))["service"]["max"] == pytest.approx(1.0)


def test_bench_refuses_what_it_cannot_measure(invert_style: StyleFile) -> None:
    with pytest.raises(ValueError, match="at least 1 frame"):
        run_bench(BenchOptions(invert_style, frames=0))
    with pytest.raises(EngineError, match="no engine is called"):
        run_bench(BenchOptions(invert_style, engine="abacus"))


def test_bench_frames_differ_and_return() -> None:
    first, again = moving_noise((8, 9)), moving_noise((8, 9))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert len({frame.tobytes() for frame in first}) == len(first)
    assert first[0].shape == (8, 9, 3)


def test_versions_leave_out_what_is_not_there() -> None:
    assert list(package_versions(("numpy", "brushstream-no-such-package"))) == ["numpy"]


def test_doctor_finds_the_engine_that_auto_takes() -> None:
    findings = examine()
    assert findings.chosen == registry.select_engine("auto").name
    assert [name for name, _ in findings.engines] == list(registry.ENGINES)
    assert json.loads(json.dumps(findings.to_dict()))["packages"]["numpy"]


def test_doctor_tells_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "style_paths", lambda folders=None, quality="best": {})
    monkeypatch.setattr(registry, "ENGINES", {})
    findings = examine()
    assert findings.chosen is None
    assert any("no style found" in line for line in findings.problems)
    assert any("no engine can run here" in line for line in findings.problems)
