"""`metaloop compare`: is the bilevel loop worth it on this task?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metaloop.cli.app import INTERRUPTED, NO_TRIAL, app, beyond, errors, fail, say


@app.command("compare")
def compare_command(
    task: Annotated[Path, typer.Argument(help="A directory with a metaloop.toml.")],
    inner: Annotated[str | None, typer.Option(help="Model that proposes.")] = None,
    outer: Annotated[str | None, typer.Option(help="Model that invents mechanisms.")] = None,
    trials: Annotated[int, typer.Option(help="Trials of each run.")] = 24,
    seeds: Annotated[int, typer.Option(help="Runs of each arm; 8 can tell, fewer cannot.")] = 8,
    workers: Annotated[int, typer.Option(help="Runs side by side.")] = 1,
    budget_usd: Annotated[
        float | None,
        typer.Option(help="Stop when its runs in this project have cost so many dollars in all."),
    ] = None,
) -> None:
    """The bilevel loop against level 1, random search, TPE and CMA-ES at equal trials.

    Models: `--inner`, `--outer`, else the task's `[models]`. What is done stays done: with more
    seeds, or a larger budget, the same command goes on, as long as the task stays as it is.
    """
    from metaloop.cli.tables import print_table
    from metaloop.models.ledger import BudgetReached
    from metaloop.project import FOLDER, Project
    from metaloop.study.cells import CellStopped
    from metaloop.study.compare import design_comparison
    from metaloop.study.progress import progress
    from metaloop.study.report.advice import recommendation
    from metaloop.study.report.comparison import reached, write_comparison
    from metaloop.study.report.origins import looked_again, makers
    from metaloop.study.runner import run_study
    from metaloop.study.store import Store
    from metaloop.task.spec import load_task

    with errors():
        loaded, project = load_task(task), Project.around(Path.cwd())
        inner = inner or loaded.spec.models.get("inner")
        outer = outer or loaded.spec.models.get("outer") or inner
        if inner is None or outer is None:
            raise ValueError("no model is named: add --inner MODEL, and --outer MODEL if another")
        home = project.root / FOLDER / "compare"
        design = design_comparison(
            loaded, inner, outer, trials=trials, seeds=range(1, seeds + 1), home=home
        )
        store, unfinished = Store(design), ""
        try:
            run_study(
                design,
                project,
                workers=workers,
                budget_usd=budget_usd,
                told=lambda: say(progress(design, store.results()).line()),
            )
        except BudgetReached as limit:
            unfinished = beyond(limit)
        except (CellStopped, KeyboardInterrupt) as stopped:
            fail(f"{str(stopped) or 'interrupted'}; the same command goes on", INTERRUPTED)
        results = store.results()
        if unfinished and not results:
            fail(unfinished, NO_TRIAL)
        caveats = [*looked_again(store.origins()), *makers(store.origins())]
        page = write_comparison(design, results, design.file.parent, caveats)
        table = reached(results)
    print_table(table.heads, table.rows)
    say("\n".join(["", recommendation(design, results), *caveats, f"report:  {page}"]))
    if unfinished:
        fail(unfinished, NO_TRIAL)
