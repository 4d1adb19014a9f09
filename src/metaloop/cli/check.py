"""`metaloop check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metaloop.cli.app import app, err, errors, make_room, print_json, say
from metaloop.text import one_line

if TYPE_CHECKING:
    from metaloop.suitability.check import Suitability


@app.command("check")
def check_command(
    task: Annotated[Path, typer.Argument(help="A directory with a metaloop.toml.")],
    runs: Annotated[
        int, typer.Option(help="At most so many repeats, and so many parameters changed.")
    ] = 8,
    gain: Annotated[
        float | None, typer.Option(help="Count the runs that tell a gain of this size.")
    ] = None,
    budget_minutes: Annotated[
        float | None, typer.Option(help="Count the trials that fit into so many minutes.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws what is changed where not all is.")] = 0,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write an HTML page as well.")
    ] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Run the program without a sandbox.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure whether TASK is fit for autoresearch: exit code 0 fit, 1 with repairs, 2 unfit."""
    from metaloop.suitability.check import check
    from metaloop.suitability.page import render_page

    with errors(), err.status("reading the task") as status:
        make_room(page)
        result = check(
            task,
            runs=runs,
            seed=seed,
            gain=gain,
            budget_minutes=budget_minutes,
            unsafe=unsafe,
            tell=lambda line: status.update(one_line(line, 70)),
        )
        if page is not None:
            page.write_text(render_page(result), encoding="utf-8")
    if as_json:
        print_json(result.to_dict())
    else:
        _print(result)
    raise typer.Exit(result.exit_code)


def _print(result: Suitability) -> None:
    from metaloop.cli.tables import print_table
    from metaloop.suitability.words import changes, detection_lines, headline, scored

    say(headline(result))
    rows = []
    for found in result.properties:
        rows.append((found.name.upper(), scored(found.score), ""))
        rows += [(f"  {f.name}", scored(f.score), f.evidence) for f in found.findings]
    print_table(("measure", "#score", "evidence"), rows)
    if lines := changes(result):
        say("\nWhat would raise each score most:")
        for line in lines:
            say(f"  {line}")
    say("")
    for line in detection_lines(result):
        say(line)
