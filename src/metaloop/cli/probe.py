"""`metaloop probe`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from metaloop.cli.app import app, errors, make_room, print_json, say


@app.command("probe")
def probe_command(
    files: Annotated[
        list[Path], typer.Argument(metavar="A [B]", help="One .npz of two networks, or two of one.")
    ],
    page: Annotated[Path | None, typer.Option("--page", help="Write an HTML page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two networks with equal output: which is sound inside, which is fractured?

    A file holds `arch` ("layers;activation:count,...") and a flat vector of weights for each
    network, under its name. Torch models are probed from Python: metaloop.probe.
    """
    from metaloop.cli.tables import print_table
    from metaloop.probe.compare import compare
    from metaloop.probe.cppn import load_pair
    from metaloop.probe.page import render_page
    from metaloop.probe.rows import headline, rows, same_output

    with errors():
        make_room(page)
        networks = load_pair(files)
        comparison = compare(*networks)
        if page is not None:
            title = ", ".join(path.stem for path in files)
            page.write_text(render_page(title, networks, comparison), encoding="utf-8")
    if as_json:
        print_json(asdict(comparison) | ({"page": str(page)} if page else {}))
        return
    say(f"{headline(comparison)}\n{same_output(comparison)}\n")
    names = [reading.name for reading in comparison.networks]
    print_table(("measure", *names), rows(comparison))
    say(f"\n{comparison.rule}")
    if page is not None:
        say(f"page: {page}")
