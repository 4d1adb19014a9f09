"""A check's result as one HTML page, in the look of a run's report."""

from __future__ import annotations

import time

from metaloop.report.document import document, header, section, table
from metaloop.suitability.check import Suitability
from metaloop.suitability.finding import Property, Verdict, verdict_of
from metaloop.suitability.words import changes, decisive, detection_lines, scored
from metaloop.text import duration, html, number

BADGE: dict[Verdict, str] = {"fit": "done", "fit with repairs": "warn", "unfit": "rejected"}


def render_page(result: Suitability) -> str:
    """The whole page: no script, nothing from the network, all foreign text escaped."""
    todo = "".join(f"<li>{html(line)}</li>" for line in changes(result))
    told = "".join(f"<p>{html(line.strip())}</p>" for line in detection_lines(result))
    sections = [
        _head(result),
        section("What would raise each score most", f"<ul>{todo}</ul>" if todo else ""),
        section("Which gains can be told", told),
        *(section(f"{p.name.capitalize()} {_badge(p.score)}", _findings(p))
          for p in result.properties),
    ]  # fmt: skip
    return document(f"{result.task.spec.name} · metaloop check", sections)


def _badge(score: float) -> str:
    verdict = verdict_of(score)
    return f'<span class="badge {BADGE[verdict]}">{verdict}</span>'


def _head(result: Suitability) -> str:
    spec, base = result.task.spec, result.base
    tiles = [(p.name, f"{p.score:.2f}") for p in result.properties]
    tiles += [(spec.metric.name, number(base)), ("trials", str(result.trials))]
    tiles.append(("time", duration(result.seconds)))
    day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return header(
        f"metaloop check · {day}",
        f"{html(spec.name)} {_badge(result.weakest.score)}",
        [f"{html(decisive(result)).capitalize()}."],
        tiles,
    )


def _findings(found: Property) -> str:
    heads = ("measure", "#score", "evidence")
    return table(heads, ([f.name, scored(f.score), html(f.evidence)] for f in found.findings))
