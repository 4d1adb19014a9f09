"""Write the report of a study: page, Markdown, table and figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from metaloop.study.design import Design
from metaloop.study.report.figures import Figure, draw
from metaloop.study.report.findings import find
from metaloop.study.report.markdown import render_markdown
from metaloop.study.report.page import render_page
from metaloop.study.report.table import render_csv
from metaloop.study.result import Result
from metaloop.study.store import Origin


def write(
    design: Design, results: Iterable[Result], folder: Path, origins: Sequence[Origin] = ()
) -> Path:
    """Write `report.html`, `report.md`, `cells.csv` and the figures; returns the page's path.

    All of it is the same, byte for byte, for the same results in any order.
    """
    findings = find(design, results, origins)
    figures = draw(findings)
    return save(
        folder / "report.html",
        render_page(findings, figures),
        render_markdown(findings, figures),
        render_csv(findings.results),
        chain(*figures),
    )


def save(page: Path, html: str, markdown: str, csv: str, figures: Iterable[Figure]) -> Path:
    """Write `page` and, beside it, the same in Markdown, `cells.csv` and the figures."""
    page.parent.mkdir(parents=True, exist_ok=True)
    files = {page: html, page.with_suffix(".md"): markdown, page.with_name("cells.csv"): csv}
    files |= {page.with_name(figure.file): figure.svg for figure in figures}
    for path, text in files.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    return page
