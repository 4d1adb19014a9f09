"""`metaloop study`: run a designed experiment, see how far it is, report what it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from metaloop.cli.app import INTERRUPTED, NO_TRIAL, app, beyond, errors, fail, print_json, say, warn

if TYPE_CHECKING:
    from metaloop.study.design import Design


class _RunFirst(TyperGroup):
    """`metaloop study FILE` is short for `metaloop study run FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


study = typer.Typer(
    cls=_RunFirst,
    help="A designed experiment: tasks x arms x models per role x seeds.",
    no_args_is_help=True,
)
app.add_typer(study, name="study")

File = Annotated[Path, typer.Argument(help="The design, a TOML file; results go beside it.")]


@study.command("run")
def run_command(
    file: File,
    workers: Annotated[int, typer.Option(help="Cells run side by side.")] = 1,
    budget_usd: Annotated[
        float | None,
        typer.Option(help="Stop when its runs in this project have cost so many dollars in all."),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A cassette file that answers instead of models."
        ),
    ] = None,
) -> None:
    """Run the cells that are missing; Ctrl-C stops, the same command goes on.

    After a budget is used up it goes on with a larger one.
    """
    from metaloop.models.ledger import BudgetReached
    from metaloop.project import Project
    from metaloop.study.cells import CellStopped
    from metaloop.study.design import load_design
    from metaloop.study.progress import progress
    from metaloop.study.report.words import forewarned
    from metaloop.study.runner import run_study
    from metaloop.study.store import Store

    with errors():
        design = load_design(file)
        store = Store(design)

        def tell() -> None:
            say(progress(design, store.results()).line())

        warn(forewarned(design))
        tell()
        try:
            run_study(
                design,
                Project.around(Path.cwd()),
                workers=workers,
                budget_usd=budget_usd,
                replay=replay,
                told=tell,
            )
        except BudgetReached as reached:
            if store.results():
                _write(design)
            fail(beyond(reached), NO_TRIAL)
        except (CellStopped, KeyboardInterrupt) as stopped:
            fail(f"{str(stopped) or 'interrupted'}; the same command goes on", INTERRUPTED)
        _write(design)


@study.command("status")
def status_command(
    file: File,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What is done, what is left, and what that will take."""
    from metaloop.cli.tables import print_table
    from metaloop.study.design import load_design
    from metaloop.study.progress import progress
    from metaloop.study.store import Store

    with errors():
        design = load_design(file)
        state = progress(design, Store(design).results())
    if as_json:
        print_json(state.to_dict())
        return
    print_table(
        ("cells", "done", "of", "seconds each", "usd each"),
        [
            (row.name, str(row.done), str(row.planned), _number(row.seconds), _number(row.usd))
            for row in state.rows
        ],
    )
    say(state.line())


@study.command("report")
def report_command(file: File) -> None:
    """Write the report of what is there so far: HTML, Markdown, CSV and figures."""
    from metaloop.study.design import load_design

    with errors():
        _write(load_design(file))


def _write(design: Design) -> None:
    """Of a study that ran, by the design that it began with: the file may be another by now."""
    from metaloop.study.report.write import write
    from metaloop.study.store import Store

    store = Store(design)
    results = store.results()
    if not results:
        file = design.file
        raise ValueError(f"{file}: no cell is done yet; `metaloop study run {file}` runs them")
    page = write(design, results, design.report_folder, store.origins())
    say(f"report:  {page}")


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"
