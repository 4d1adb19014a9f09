"""`metaloop diff` and `metaloop apply`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from metaloop.cli.app import app, errors, fail, out


def _winning_patch(run_id: str) -> tuple[bytes, Path]:
    """The run's whole gain as one patch, and the repository it belongs to."""
    from metaloop.project import Project
    from metaloop.task.workspace import git_bytes

    with Project.around(Path.cwd()).journal() as journal:
        config = journal.run(run_id).config
    repo = Path(config["repo"])
    span = (config["base"], f"refs/heads/{config['branch']}")
    return git_bytes(repo, "diff", "--no-color", "--no-ext-diff", "--no-textconv", *span), repo


@app.command("diff")
def diff_command(run_id: Annotated[str, typer.Argument(metavar="RUN")]) -> None:
    """Print the winning patch, as `git apply` reads it."""
    with errors():
        patch, _ = _winning_patch(run_id)
    sys.stdout.buffer.write(patch)


@app.command("apply")
def apply_command(
    run_id: Annotated[str, typer.Argument(metavar="RUN")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Apply the winning patch to your own files, uncommitted, after asking."""
    from metaloop.project import Project
    from metaloop.task.workspace import git

    with errors():
        patch, repo = _winning_patch(run_id)
        with Project.around(Path.cwd()).journal() as journal:
            config = journal.run(run_id).config
        if not patch:
            fail(f"{run_id} kept no change; there is nothing to apply", 0)
        task = Path(config["task"])
        inside = repo in (task, *task.parents)
        target = repo if inside else task  # a task under no version control has a copy as its repo
        out.print(patch.decode(errors="replace"), markup=False)
        if not yes and not typer.confirm(f"apply this to {target}?"):
            raise typer.Exit(0)
        git(target, "apply", "--whitespace=nowarn", stdin=patch)
        out.print(f"applied to {target}; nothing was committed", markup=False)
