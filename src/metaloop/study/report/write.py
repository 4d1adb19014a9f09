"""Write the report of a study: page, Markdown, table and figures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from metaloop.study.report.figures import draw
from metaloop.study.report.findings import Planned, find
from metaloop.study.report.markdown import render_markdown
from metaloop.study.report.page import render_page
from metaloop.study.report.table import render_csv
from metaloop.study.result import Result


def write(design: Planned, results: Iterable[Result], folder: Path) -> Path:
    """Write `report.html`, `report.md`, `cells.csv` and the figures; returns the page's path.

    All of it is the same, byte for byte, for the same results in any order.
    """
    findings = find(design, results)
    figures = draw(findings)
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "report.html"
    files = {
        page: render_page(findings, figures),
        page.with_suffix(".md"): render_markdown(findings, figures),
        folder / "cells.csv": render_csv(findings.results),
    }
    files |= {folder / f.file: f.svg for drawn in figures for f in drawn}
    for path, text in files.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    return page
