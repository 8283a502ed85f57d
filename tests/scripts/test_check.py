"""The one entry for checks: every part runs, and one failure fails the whole."""

from collections.abc import Callable

import pytest

from scripts import check


def recorded(ran: list[str], name: str, code: int) -> Callable[[list[str]], int]:
    def run(extra: list[str]) -> int:
        ran.append(f"{name}{extra or ''}")
        return code

    return run


def test_all_parts_run_before_it_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []
    codes = {"format": 0, "lint": 1, "tests": 0}
    monkeypatch.setattr(check, "PARTS", {name: recorded(ran, name, code) for name, code in codes.items()})
    assert check.main([]) == 1
    assert ran == ["format", "lint", "tests"]
    assert "failed so far: lint" in capsys.readouterr().out
    assert check.main(["format", "tests", "--", "-k", "style"]) == 0
    assert ran[3:] == ["format['-k', 'style']", "tests['-k', 'style']"]


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        check.main(["taste"])
    assert ended.value.code == 2
    assert "choose from format, lint, imports, types, tests" in capsys.readouterr().err
