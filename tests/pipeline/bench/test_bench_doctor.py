"""Benchmark and doctor: that they look at the right things, not how fast anything is."""

import itertools
import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline import style
from pipeline.bench.doctor import examine
from pipeline.bench.service import BenchOptions, moving_noise, package_versions, run_bench
from pipeline.common import machine
from pipeline.common.errors import EngineError
from pipeline.engines import registry
from pipeline.style import StyleCard, StyleFile
from tests.support import make_models


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


def test_bench_tells_the_share_of_what_the_cores_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = StyleCard("invert", size_multiple=4, macs_per_pixel=1000.0)
    found = style.read_style(make_models.invert(tmp_path / "invert.onnx", card=card))
    options = BenchOptions(found, (64, 64), "onnxruntime", frames=5, warmup=2)
    for limit, share in ((40.96e9, 0.1), (None, None)):
        monkeypatch.setattr("pipeline.common.machine.multiply_adds_per_s", lambda precision, at=limit: at)
        ticks = itertools.count()
        report = run_bench(options, clock=lambda now=ticks: next(now) / 1e3)
        assert report.gmacs_per_s == pytest.approx(4.096)  # 1,000 of 64 x 64 pixels in a millisecond
        assert report.limit_share == (share and pytest.approx(share))


@pytest.mark.parametrize(
    ("features", "precision", "a_cycle"),
    [(("avx2",), "fp32", 16), (("avx2", "avx512f"), "fp32", 32), (("amx_bf16", "avx512_bf16"), "bf16", 512),
     (("avx2",), "bf16", None), (("avx2", "avx_vnni"), "int8", 64)],
)  # fmt: skip
def test_what_the_cores_can_follows_from_the_widest_unit_and_the_clock(
    monkeypatch: pytest.MonkeyPatch, features: tuple[str, ...], precision: str, a_cycle: int | None
) -> None:
    monkeypatch.setattr(machine, "cpu_features", lambda: features)
    monkeypatch.setattr(machine, "usable_cores", lambda: 2)
    monkeypatch.setattr("psutil.cpu_freq", lambda: SimpleNamespace(current=2600.0, max=0.0))
    assert machine.multiply_adds_per_s(precision) == (a_cycle and 2 * 2.6e9 * a_cycle)


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
