"""`metaloop mechanisms`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from metaloop.cli.app import app, errors, fail, out, print_json


@app.command("mechanisms")
def mechanisms_command(
    run_id: Annotated[str, typer.Argument(metavar="RUN")],
    mechanism: Annotated[str | None, typer.Argument(metavar="[ID]")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """List the mechanisms of a run, rejected ones too; with ID, print that one's source."""
    from metaloop.project import Project
    from metaloop.report.status import make_status

    with errors(), Project.around(Path.cwd()).journal() as journal:
        records = {record.id: record for record in journal.mechanisms(run_id)}
        statuses = make_status(journal, run_id).mechanisms
    if mechanism is None:
        if as_json:
            print_json([asdict(status) for status in statuses])
            return
        table = Table("id", "name", "origin", "state", "live", "trials", "gain", "why", box=None)
        for s in statuses:
            row = [
                s.id,
                s.name,
                s.origin,
                s.state,
                s.live,
                s.trials,
                f"{s.gain:.4g}",
                s.reason[:100],
            ]
            table.add_row(*(escape(str(cell)) for cell in row))
        out.print(table)
        return
    if mechanism not in records:
        fail(f"{run_id} has no mechanism {mechanism!r}; it has {', '.join(records) or 'none'}")
    record = records[mechanism]
    if as_json:
        print_json(asdict(record))
        return
    out.print(f"# {record.id} {record.name}: {record.origin}, {record.state}", markup=False)
    out.print("".join(f"# {line}\n" for line in (record.idea, record.reason) if line), markup=False)
    out.print(record.source, markup=False)
