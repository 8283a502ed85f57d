"""The one entry for every check: format, lint, import contracts, types, tests.

python scripts/check.py            all of them; each runs, then any failure fails the whole
python scripts/check.py lint types only these
python scripts/check.py tests -- -k style   what follows -- goes to pytest
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TYPED = ("pipeline", "training", "export", "scripts")


def check_format(extra: list[str]) -> int:
    """Whether ruff would lay the code out as it is."""
    return _run("ruff", "format", "--check", ".")


def check_lint(extra: list[str]) -> int:
    """Ruff's rules of pyproject.toml."""
    return _run("ruff", "check", ".")


def check_imports(extra: list[str]) -> int:
    """Who may import whom, and each heavy package in its own adapter: the contracts of pyproject.toml."""
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run([sys.executable, "-c", command], cwd=ROOT).returncode


def check_types(extra: list[str]) -> int:
    """mypy, strict."""
    return _run("mypy", *TYPED)


def check_tests(extra: list[str]) -> int:
    """pytest; its summary is the last line of the whole check."""
    return _run("pytest", *extra)


PARTS: dict[str, Callable[[list[str]], int]] = {
    "format": check_format,
    "lint": check_lint,
    "imports": check_imports,
    "types": check_types,
    "tests": check_tests,
}


def _run(module: str, *arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT).returncode


def main(arguments: list[str]) -> int:
    """Run the wanted parts in their order, all of them whatever fails; 0 when every one passed."""
    own, _, extra = _split(arguments)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default all")
    wanted = parser.parse_args(own).parts or list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    failed: list[str] = []
    for name in (name for name in PARTS if name in wanted):
        failed += [name] * bool(_announced(name, extra, failed))
    return int(bool(failed))


def _announced(name: str, extra: list[str], failed: list[str]) -> int:
    if name == "tests" and failed:
        print(f"== failed so far: {', '.join(failed)}", flush=True)
    print(f"== {name}", flush=True)
    return PARTS[name](extra)


def _split(arguments: list[str]) -> tuple[list[str], str, list[str]]:
    if "--" not in arguments:
        return arguments, "", []
    at = arguments.index("--")
    return arguments[:at], "--", arguments[at + 1 :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
