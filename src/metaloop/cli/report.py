"""`metaloop report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metaloop.cli.app import RunId, app, errors, print_json, say


@app.command("report")
def report_command(
    run_id: RunId,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder to write to; else the run's."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the paths as JSON.")] = False,
) -> None:
    """Write the report of a run: HTML, Markdown and plots."""
    from metaloop.project import Project
    from metaloop.report.write import write_report

    project = Project.around(Path.cwd())
    with errors(), project.journal() as journal:
        page = write_report(journal, run_id, output or project.folder(run_id), project)
    if as_json:
        print_json({"html": str(page), "markdown": str(page.with_suffix(".md"))})
    else:
        say(str(page))
