"""`metaloop status`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from metaloop.cli.app import app, errors, fail, out, print_json


@app.command("status")
def status_command(
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Default: the latest.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Where a run stands."""
    from metaloop.project import Project
    from metaloop.report.status import make_status
    from metaloop.report.words import headline

    with errors(), Project.around(Path.cwd()).journal() as journal:
        known = journal.runs()
        if run_id is None and not known:
            fail("no runs yet; `metaloop run TASK` starts one")
        status = make_status(journal, run_id or known[-1].id)
    if as_json:
        print_json(status.to_dict())
        return
    out.print(f"{status.run}: {status.state} {status.reason}".rstrip(), markup=False)
    out.print(headline(status), markup=False)
    trials = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in status.trials.items())
    out.print(f"trials: {trials}", markup=False)
    roles = Table("role", "model", "calls", "tokens in", "tokens out", "seconds", "usd", box=None)
    for role, usage in status.roles.items():
        usd = "unknown" if usage["usd"] is None else f"{usage['usd']:.4f}"
        tokens = [str(usage["input_tokens"]), str(usage["output_tokens"])]
        row = [role, usage["model"], str(usage["calls"]), *tokens, f"{usage['seconds']:.1f}", usd]
        roles.add_row(*map(escape, row))
    out.print(roles)
    mechanisms = Table("id", "name", "origin", "state", "live", "trials", "gain", "why", box=None)
    for m in status.mechanisms:
        row = [
            m.id,
            m.name,
            m.origin,
            m.state,
            str(m.live),
            str(m.trials),
            f"{m.gain:.4g}",
            m.reason[:80],
        ]
        mechanisms.add_row(*map(escape, row))
    if status.mechanisms:
        out.print(mechanisms)
