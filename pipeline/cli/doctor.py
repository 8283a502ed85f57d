"""``brushstream doctor``: what is installed, which engine will run, what is wrong."""

import json

import typer

from pipeline.cli.options import AsJson


def doctor(as_json: AsJson = False) -> None:
    """Show what is installed and which engine will run."""
    from pipeline.bench.doctor import examine
    from pipeline.cli import terminal

    findings = examine()
    if as_json:
        print(json.dumps(findings.to_dict(), indent=2))
    else:
        terminal.show(terminal.doctor_tables(findings))
    if findings.problems:
        raise typer.Exit(1)
