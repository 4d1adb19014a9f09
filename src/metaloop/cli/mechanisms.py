"""`metaloop mechanisms`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from metaloop.cli.app import RunId, app, errors, fail, print_json, say


@app.command("mechanisms")
def mechanisms_command(
    run_id: RunId,
    mechanism: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Print the source of this one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the mechanisms of a run, rejected ones too; with ID, print that one's source."""
    from metaloop.cli.tables import print_mechanisms
    from metaloop.project import Project
    from metaloop.report.status import make_status

    with errors(), Project.around(Path.cwd()).journal() as journal:
        statuses = make_status(journal, run_id).mechanisms
        records = {record.id: record for record in journal.mechanisms(run_id)}
    if mechanism is None:
        if as_json:
            print_json([asdict(status) for status in statuses])
        elif statuses:
            print_mechanisms(statuses)
        else:
            say(f"{run_id} has no mechanisms yet; level 2 brings them")
        return
    if mechanism not in records:
        fail(f"{run_id} has no mechanism {mechanism!r}; it has {', '.join(records) or 'none'}")
    record = records[mechanism]
    if as_json:
        print_json(asdict(record))
        return
    say(f"# {record.id} {record.name}: {record.origin}, {record.state}")
    for text in filter(None, (record.idea, record.reason)):
        say("\n".join(f"# {line}" for line in text.splitlines()))
    say(record.source)
