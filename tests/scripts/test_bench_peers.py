"""The paired benchmark: its arithmetic, and a whole run of one tiny round."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import bench_peers

SCRIPT = Path(bench_peers.__file__)


def test_the_ratio_is_taken_round_by_round() -> None:
    ratio = bench_peers.paired_ratio([10.0, 20.0, 10.0], [500.0, 1000.0, 500.0])
    assert ratio == {"median": 50.0, "low": 50.0, "high": 50.0}


def test_the_interval_holds_the_median() -> None:
    theirs = [100.0 + i for i in range(21)]
    ratio = bench_peers.paired_ratio([10.0] * 21, theirs)
    assert ratio["median"] == pytest.approx(11.0)
    assert 10.0 <= ratio["low"] < ratio["median"] < ratio["high"] <= 12.0


def test_one_round_against_ourselves(
    styles_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = tmp_path / "report.json"
    line = [
        "--style",
        str(styles_folder / "invert.onnx"),
        "--size",
        "64x48",
        "--rounds",
        "2",
        "--json",
        str(report),
    ]
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), *line, "--pause-ms", "0", "--no-peers"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    written = json.loads(report.read_text())
    assert len(written["peers"]["brushstream"]["turns_ms"]) == 2
    assert written["machine"]["cores"] >= 1
    assert "brushstream" in ended.stdout


def test_a_worker_that_cannot_start_ends_the_run(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), "--style", str(tmp_path / "absent.onnx"), "--no-peers"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ended.returncode != 0
    assert "peer brushstream ended early" in ended.stderr


def test_unknown_peers_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench_peers.parsed(["michelangelo"])
    assert "choose from same-int8" in capsys.readouterr().err
