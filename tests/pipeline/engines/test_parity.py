"""The parity check: known differences are measured, kept and refused with their figures."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.common.errors import ParityError, StyleError
from pipeline.engines import cache, parity_check
from pipeline.engines.ort import OnnxRuntimeEngine
from pipeline.engines.ov import OpenVinoEngine
from pipeline.engines.parity import LIMITS, Differences, ParityReport, compare, limits_for, sample_frames
from pipeline.frame import Pixels
from pipeline.style import StyleCard, StyleFile, read_style
from pipeline.stylize.stylizer import Stylizer
from tests.support import make_models


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRUSHSTREAM_CACHE", str(tmp_path / "cache"))


def report_of(result: Pixels, reference: Pixels) -> ParityReport:
    differences = Differences()
    differences.add(result, reference)
    return differences.report("engine", "reference", LIMITS["bf16"])


def test_figures_are_those_of_numpy() -> None:
    rng = np.random.default_rng(3)
    a, b = (rng.integers(0, 256, (40, 50, 3), np.uint8) for _ in range(2))
    apart = np.abs(a.astype(int) - b.astype(int))
    report = report_of(a, b)
    assert report.mean == pytest.approx(apart.mean())
    assert report.largest == apart.max()
    assert report.p999 == np.quantile(apart, 0.999, method="inverted_cdf")


def test_a_lost_region_is_refused_though_the_mean_is_small() -> None:
    reference = np.full((100, 100, 3), 128, np.uint8)
    broken = reference.copy()
    broken[:1, :15] = 0  # what NaN leaves in uint8: 15 of 10,000 pixels
    report = report_of(broken, reference)
    assert report.mean < 0.5
    assert report.lost == pytest.approx(0.0015)
    assert not report.passed
    assert "0.1% of the values lost" in str(report)


def test_a_level_on_a_plain_picture_is_its_rounding() -> None:
    plain = np.full((20, 20, 3), (7, 80, 200), np.uint8)
    assert report_of(plain + np.uint8(1), plain).largest == 0
    assert report_of(plain + np.uint8(2), plain).mean == 2
    speckled = plain.copy()
    speckled[3, 4] += 1
    assert report_of(speckled, plain).largest == 1


def test_nothing_compared_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="no frame was compared"):
        Differences().report("engine", "reference", (1, 1))


def test_a_card_may_set_its_own_limits() -> None:
    assert limits_for(StyleCard("a"), "bf16") == (0.5, 4.0)
    assert limits_for(StyleCard("a", parity_limits={"bf16": [0.2, 2]}), "bf16") == (0.2, 2.0)
    with pytest.raises(StyleError, match="parity limits 'few'"):
        limits_for(StyleCard("a", parity_limits={"bf16": "few"}), "bf16")


def test_frames_cover_scene_noise_flat_and_extremes() -> None:
    frames = parity_check.check_frames((96, 128))
    deviations = [float(frame.std()) for frame in frames]
    assert min(deviations) == 0.0  # flat
    assert any(0 < deviation < 2 for deviation in deviations)  # almost flat
    assert max(deviations) > 100  # checks
    assert {int(f.max()) for f in frames} >= {0, 255}
    assert len(parity_check.check_frames((96, 128), few=True)) < len(frames)


def test_the_check_measures_once_and_then_remembers(
    invert_style: StyleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenVinoEngine(invert_style.path, invert_style.card, (64, 64)) as engine:
        first = parity_check.check_parity(invert_style, engine)
        monkeypatch.setattr(parity_check, "measure", lambda *_: pytest.fail("measured again"))
        again = parity_check.check_parity(invert_style, engine)
    assert first is not None
    assert first.passed
    assert again == first


def test_another_style_precision_or_size_is_measured_anew(
    invert_style: StyleFile, styles_folder: Path
) -> None:
    with OpenVinoEngine(invert_style.path, invert_style.card, (64, 64), "fp32") as engine:
        key = parity_check._key(invert_style, engine, (0.1, 1.0))
        other = parity_check._key(read_style(styles_folder / "blur.onnx"), engine, (0.1, 1.0))
        engine.checked_by_size = True  # type: ignore[misc]
        sized = parity_check._key(invert_style, engine, (0.1, 1.0))
    with OpenVinoEngine(invert_style.path, invert_style.card, (64, 80), "fp32") as engine:
        assert parity_check._key(invert_style, engine, (0.1, 1.0)) == key
    keys = [key, other, sized, {**key, "limits": (0.2, 1.0)}]
    assert len({str(cache.entry_path("parity", k)) for k in keys}) == 4


def test_the_reference_is_not_compared_with_itself(invert_style: StyleFile) -> None:
    with OnnxRuntimeEngine(invert_style.path, invert_style.card, (64, 64)) as engine:
        assert parity_check.check_parity(invert_style, engine) is None


def test_a_precision_that_was_asked_for_is_refused_with_its_figures(tmp_path: Path) -> None:
    path = make_models.shaken(tmp_path / "shaken.onnx")
    pytest_needs_bf16()
    with pytest.raises(ParityError, match=r"bf16: ANOTHER PICTURE.*limit 0\.5.*Take --precision fp32"):
        Stylizer(read_style(path), (64, 64), engine="openvino", precision="bf16")


def test_auto_takes_fp32_where_the_faster_precision_is_refused(tmp_path: Path) -> None:
    path = make_models.shaken(tmp_path / "shaken.onnx")
    pytest_needs_bf16()
    with Stylizer(read_style(path), (64, 64), engine="openvino") as stylizer:
        assert stylizer.info.precision == "fp32"
        assert "refused: openvino" in stylizer.describe()
        assert stylizer.opened.refused is not None
        assert not stylizer.opened.refused.passed


def pytest_needs_bf16() -> None:
    from pipeline.engines import ov

    if not ov._computes_bf16(ov.ov.Core()):
        pytest.skip("this CPU has no native bf16")


def test_compare_runs_both_on_every_frame() -> None:
    frames = sample_frames((16, 16))
    report = compare(
        lambda f: f, lambda f: np.minimum(f, 254) + np.uint8(1), frames, names=("a", "b"), limits=(1.0, 1.0)
    )
    assert (report.frames, report.reference) == (len(frames), "b")
    assert report.largest == 1.0
