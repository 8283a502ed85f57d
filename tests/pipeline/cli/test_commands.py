"""The command: exit codes, one clear line for each error, results on standard output."""

import json
import sys
from pathlib import Path

import pytest

from pipeline import style
from pipeline.cli import main
from pipeline.common import adapters, errors
from pipeline.common.errors import BrushstreamError

Capture = pytest.CaptureFixture[str]


def error_line(capture: Capture) -> str:
    """The only line on standard error, which is no traceback."""
    lines = capture.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("brushstream: ")
    return lines[0]


@pytest.fixture
def bundled(styles_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(style, "bundled_folder", lambda: styles_folder)
    return styles_folder


def test_help_lists_every_command(capsys: Capture) -> None:
    assert main.run(["--help"]) == 0
    shown = capsys.readouterr().out
    for command in (
        "webcam",
        "styles",
        "doctor",
        "bench",
        "video",
        "image",
        "demo",
        "train",
        "train-cycle",
        "export",
        "import",
    ):
        assert f"\n  {command} " in shown
    assert "..." not in shown.partition("Commands:")[2]


def test_main_exits_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["brushstream", "--no-such-option"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2


def test_styles_as_table_and_json(bundled: Path, capsys: Capture) -> None:
    assert main.run(["styles"]) == 0
    table = capsys.readouterr().out
    assert "invert" in table
    assert "A. Painter" in table
    assert "1889" in table
    assert main.run(["styles", "--json"]) == 0
    assert [card["name"] for card in json.loads(capsys.readouterr().out)] == ["blur", "dim", "invert"]


def test_a_damaged_style_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"bad")
    monkeypatch.setattr(style, "bundled_folder", lambda: tmp_path)
    assert main.run(["styles"]) == 0
    assert "warning" in error_line(capsys)


def test_doctor_shows_the_cure_in_full(
    bundled: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("pipeline.bench.doctor.PACKAGES", {"brushstream-absent": "train"})
    assert main.run(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "pip install 'brushstream[train]'" in shown
    assert "openvino" in shown
    assert main.run(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["chosen"] == "openvino"


def test_doctor_fails_where_something_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(style, "bundled_folder", lambda: tmp_path)
    assert main.run(["doctor"]) == 1
    assert "problem: no style found" in capsys.readouterr().out


def test_bench_writes_its_report(bundled: Path, tmp_path: Path, capsys: Capture) -> None:
    report = tmp_path / "report.json"
    line = ["bench", "--style", "invert", "--size", "50x30", "--frames", "3", "--warmup", "1"]
    assert main.run([*line, "--json", str(report)]) == 0
    assert "service, uint8 in to uint8 out" in capsys.readouterr().out
    assert json.loads(report.read_text())["size"] == [30, 50]
    assert main.run([*line, "--json", str(tmp_path / "absent" / "report.json")]) == 5
    assert "could not be written" in error_line(capsys)
    assert list(tmp_path.iterdir()) == [report]


@pytest.mark.parametrize("size", ["640", "x480", "0x480", "-1x5", "640x480x3", "wide"])
def test_a_wrong_size_is_a_usage_error(size: str, capsys: Capture) -> None:
    assert main.run(["bench", "--size", size]) == 2
    assert "write WIDTHxHEIGHT" in capsys.readouterr().err


def test_an_unknown_style_suggests(bundled: Path, capsys: Capture) -> None:
    assert main.run(["bench", "--style", "inver"]) == 4
    assert "did you mean invert?" in error_line(capsys)


def test_an_unknown_engine_lists_the_known(bundled: Path, capsys: Capture) -> None:
    assert main.run(["bench", "--style", "invert", "--engine", "abacus", "--frames", "1"]) == 6
    assert "openvino" in error_line(capsys)


@pytest.mark.parametrize("command", ["train", "export"])
def test_the_other_parts_name_their_extra(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(adapters, "is_installed", lambda package: package != "torch")
    assert main.run([command, "--help"]) == 7
    assert error_line(capsys).endswith("pip install 'brushstream[train]'")


def test_a_mounted_command_parses_its_own_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "mounted_part.py").write_text(
        "def mounted_part(picture: str, layers: int = 1) -> None:\n"
        '    """Paint a picture."""\n'
        "    print(picture, layers)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(adapters, "is_installed", lambda package: True)
    original = main.run_mounted
    monkeypatch.setattr(main, "run_mounted", lambda module, context: original("mounted_part", context))
    assert main.run(["train", "wave.jpg", "--layers", "3"]) == 0
    assert capsys.readouterr().out == "wave.jpg 3\n"
    assert main.run(["train", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Usage: brushstream train" in shown
    assert "--layers" in shown
    assert main.run(["train"]) == 2


class OddError(Exception):
    """Not one of ours."""


@pytest.mark.parametrize(("error", "code"), [(OddError("odd"), 1), (KeyboardInterrupt(), 130)])
def test_what_nobody_expected_is_one_line(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(style, "list_styles", fail)
    assert main.run(["styles"]) == code
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    if code == 1:
        assert shown.err.startswith("brushstream: unexpected OddError: odd; run again with --debug")
        assert main.run(["styles", "--debug"]) == 1
        assert "Traceback" in capsys.readouterr().err


def test_every_error_of_the_tree_has_its_code(capsys: Capture) -> None:
    def below(kind: type[BrushstreamError]) -> list[type[BrushstreamError]]:
        return [kind, *(deeper for sub in kind.__subclasses__() for deeper in below(sub))]

    for kind in (kind for kind in below(BrushstreamError) if kind.__module__ == errors.__name__):
        assert main.report_error(kind("what happened"), show_traceback=False) == kind.exit_code
        assert error_line(capsys) == "brushstream: what happened"
