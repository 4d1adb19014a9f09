"""`metaloop status`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metaloop.cli.app import app, errors, fail, print_json, say


@app.command("status")
def status_command(
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Default: the latest.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Where a run stands."""
    from metaloop.cli.tables import print_mechanisms, print_roles
    from metaloop.project import Project
    from metaloop.report.status import make_status
    from metaloop.report.words import headline

    project = Project.around(Path.cwd())
    with errors(), project.journal() as journal:
        known = journal.runs()
        if run_id is None and not known:
            fail("no runs yet; `metaloop run TASK` starts one")
        run_id = run_id or known[-1].id
        status = make_status(journal, run_id, project)
    if as_json:
        print_json(status.to_dict())
        return
    say(f"{status.run}: {status.state}{f' ({status.reason})' if status.reason else ''}")
    say(headline(status))
    counts = {name.replace("_", " "): n for name, n in status.trials.items() if name != "total"}
    parts = ", ".join(f"{n} {name}" for name, n in counts.items())
    say(f"{status.trials['total']} trials{f': {parts}' if parts else ''}")
    if status.roles:
        print_roles(status.roles)
    if status.mechanisms:
        print_mechanisms(status.mechanisms)
