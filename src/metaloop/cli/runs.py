"""`metaloop runs`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from metaloop.cli.app import app, errors, print_json, say
from metaloop.text import number


@app.command("runs")
def runs_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the runs of this project, oldest first."""
    from metaloop.cli.tables import print_table
    from metaloop.project import Project
    from metaloop.report.status import make_status
    from metaloop.report.words import score_name

    project = Project.around(Path.cwd())
    with errors(), project.journal() as journal:
        statuses = [(r, make_status(journal, r.id, project)) for r in journal.runs()]
    if as_json:
        print_json([status.to_dict() for _, status in statuses])
        return
    if not statuses:
        say("no runs yet; `metaloop run TASK` starts one")
        return
    rows = []
    for record, s in statuses:
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.started))
        cells = (score_name(s.metric, s.self_scored), number(s.baseline), number(s.best), started)
        rows.append((s.run, s.state, s.trials["total"], *cells))
    print_table(("run", "state", "#trials", "metric", "#baseline", "#best", "started"), rows)
