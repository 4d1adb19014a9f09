"""The report of a run: one HTML page that needs nothing else, the same in Markdown, the plots."""

from __future__ import annotations

from pathlib import Path

from metaloop.journal.journal import Journal
from metaloop.project import Project
from metaloop.report.facts import Facts
from metaloop.report.figure import inline
from metaloop.report.markdown import render_markdown
from metaloop.report.page import render_page
from metaloop.report.plots import draw


def write_report(
    journal: Journal, run_id: str, folder: Path, project: Project | None = None
) -> Path:
    """Write `report.html`, `report.md` and `plots/` into `folder`; returns the page's path.

    Raises JournalError when there is no such run. `project`: see `make_status`.
    """
    facts = Facts.read(journal, run_id, project)
    plots = draw(facts)
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    for name, svg in plots.items():
        (folder / "plots" / f"{name}.svg").write_text(svg, encoding="utf-8")
    page = folder / "report.html"
    page.write_text(
        render_page(facts, {name: inline(svg) for name, svg in plots.items()}), encoding="utf-8"
    )
    page.with_suffix(".md").write_text(render_markdown(facts, list(plots)), encoding="utf-8")
    return page
