"""`metaloop runs`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from metaloop.cli.app import app, errors, out, print_json


@app.command("runs")
def runs_command(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List the runs of this project, oldest first."""
    from metaloop.project import Project
    from metaloop.report.status import make_status

    with errors(), Project.around(Path.cwd()).journal() as journal:
        statuses = [(record, make_status(journal, record.id)) for record in journal.runs()]
    if as_json:
        print_json([status.to_dict() for _, status in statuses])
        return
    table = Table("run", "state", "trials", "metric", "baseline", "best", "started", box=None)
    for record, status in statuses:
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.started))
        scores = ["-" if x is None else f"{x:.5g}" for x in (status.baseline, status.best)]
        total = str(status.trials["total"])
        row = [status.run, status.state, total, status.metric, *scores, started]
        table.add_row(*map(escape, row))
    out.print(table if statuses else "no runs yet; `metaloop run TASK` starts one")
