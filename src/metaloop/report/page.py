"""The report as one HTML page: no script, nothing from the network, all foreign text escaped."""

from __future__ import annotations

import time
from collections.abc import Mapping

from metaloop.journal.records import Details, MechanismRecord, TrialRecord
from metaloop.report.document import document, folded, header, listed, section, table
from metaloop.report.facts import Facts
from metaloop.report.routing import ROUTING_HEADS
from metaloop.report.status import COST_HEADS, cost_rows
from metaloop.report.summary import summary
from metaloop.report.words import final_split, headline
from metaloop.task.source import lines
from metaloop.text import (
    dollars,
    duration,
    html,
    number,
    one_line,
)


def render_page(facts: Facts, plots: Mapping[str, str]) -> str:
    """The whole page; `plots` holds SVG by name."""
    sections = [
        _head(facts),
        _plot(plots, "best", _BEST),
        _plot(plots, "credit", _CREDIT),
        section("Kept changes", _kept(facts)),
        section("Programs that failed", _failed(facts)),
        section("Guards", _guards(facts)),
        section("Mechanisms", _mechanisms(facts)),
        section("What the routers learned", _routing(facts)),
        section("What the outer loop did", _steps(facts)),
        section("Cost per role", _costs(facts)),
        section("How it was run", _settings(facts)),
    ]
    return document(f"{facts.record.id} · metaloop", sections)


_BEST = (
    "Every dot is a trial, coloured by who made it: full when it was kept, faint when discarded, "
    "a cross at the foot when it gave no score. Dashed lines: a generated mechanism is installed. "
    "Triangles at the edge lie beyond the scale."
)
_CREDIT = "What each mechanism earned in all, and the model alone; only kept gains count."


def _head(facts: Facts) -> str:
    status = facts.status
    tiles = [
        ("baseline", number(status.baseline)),
        ("best", number(status.best)),
        ("trials", str(status.trials["total"])),
        ("time", duration(status.active_s)),
    ]
    if status.roles:
        tiles.append(("spent", dollars(_spent(facts))))
    if status.holdout:
        shown = (number(status.holdout.get(key)) for key in ("baseline", "best"))
        tiles.insert(2, (final_split(status.holdout), " → ".join(shown)))
    if status.sigma:
        tiles.append(("noise (standard deviation)", f"{status.sigma:.2g}"))
    badge = f'<span class="badge {status.state}">{status.state}</span>'
    alone = '<span class="badge warn">self-scored</span>' if status.self_scored else ""
    started = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(facts.record.started))
    why = f'<p class="quote">{html(status.reason)}</p>' if status.reason else ""
    return header(
        f"metaloop report · {html(status.task)} · {started}",
        f"{html(status.run)} {badge}{alone}",
        [html(headline(status))],
        tiles,
        f"<h2>What happened</h2>\n{listed(summary(facts))}{why}",
    )


def _spent(facts: Facts) -> float | None:
    """Dollars of all roles; unknown as soon as one is."""
    prices = [usage["usd"] for usage in facts.status.roles.values()]
    return None if None in prices else sum(prices)


def _plot(plots: Mapping[str, str], name: str, caption: str) -> str:
    if name not in plots:
        return ""
    return f"<figure>\n{plots[name]}\n<figcaption>{caption}</figcaption>\n</figure>"


def _facts(values: Mapping[str, object]) -> str:
    """Names and values, as plain text."""
    rows = "\n".join(
        f"<tr><td>{html(key)}</td><td>{html(value)}</td></tr>" for key, value in values.items()
    )
    return f'<table class="facts">\n{rows}\n</table>'


def _verbatim(label: str, body: str, more: str = "") -> str:
    return folded(label, f"{more}<pre>{body}</pre>")


def _kept(facts: Facts) -> str:
    if not facts.kept:
        return "<p>No change was kept.</p>"
    missing = sum(t.status == "kept" for t in facts.trials) - 1 - len(facts.kept)
    note = f"<p>The {missing} earlier ones are in the journal.</p>" if missing > 0 else ""
    heads = ("#trial", f"#{html(facts.score_name)}", "#gain", "by", "change")
    return note + table(heads, (_kept_row(facts, t, d) for t, d in facts.kept))


def _kept_row(facts: Facts, trial: TrialRecord, details: Details) -> list[str]:
    why = f'<p class="quote">{html(details.hypothesis)}</p>' if details.hypothesis else ""
    change, gain = f"<code>{html(one_line(trial.changed))}</code>", f"{trial.gain or 0:.4g}"
    cells = [str(trial.number), number(trial.score), gain, html(facts.label(trial.by)), change]
    return [*cells, why + _verbatim("diff", _diff(details.diff))]


def _failed(facts: Facts) -> str:
    rows = [
        [
            *(str(t.number), t.status.replace("_", " "), html(facts.label(t.by))),
            f"<code>{html(one_line(t.changed))}</code>",
            html(d.reason) + (_verbatim("what it printed last", html(d.tail)) if d.tail else ""),
        ]
        for t, d in facts.failed
    ]
    return table(("#trial", "how", "by", "change", "why"), rows) if rows else ""


def _diff(diff: str) -> str:
    shown = []
    for line in lines(diff):
        kind = {"+": "add", "-": "del", "@": "at"}.get(line[:1])
        if line.startswith(("+++", "---", "diff ", "index ")):
            kind = "at"
        text = html(line.removesuffix("\n"))
        shown.append(f'<span class="{kind}">{text}</span>' if kind else text)
    return "\n".join(shown)


def _guards(facts: Facts) -> str:
    """What the guards found of each candidate that was to become the best."""
    rows = []
    for trial, verdicts in facts.guarded:
        told = [f"{html(v['guard'])}: {html(v['evidence'] or '-')}" for v in verdicts]
        ending = verdicts[-1]["ending"].replace("passed", "kept")
        more = _verbatim("the guards before it", "\n".join(told[:-1]))
        rows.append([str(trial), html(ending), told[-1], more])
    return table(("#trial", "verdict", "evidence of the last guard"), rows) if rows else ""


def _mechanisms(facts: Facts) -> str:
    if not facts.mechanisms:
        return ""
    heads = ("id", "name", "origin", "state", "#trials", "#live", "#gain", "why")
    standing = {s.id: s for s in facts.status.mechanisms}
    rows = []
    for m in facts.mechanisms:
        s = standing[m.id]
        state = f'<span class="{m.state}">{m.state}</span>'
        cells = [html(m.id), html(m.name), m.origin, state]
        cells += [str(s.trials), str(s.live), f"{s.gain:.4g}", html(one_line(m.reason, 240))]
        rows.append([*cells, _source(m)])
    return table(heads, rows)


def _source(m: MechanismRecord) -> str:
    """What a model wrote, folded; a built-in mechanism's source is no news."""
    if not m.invented:
        return ""
    idea = f'<p class="quote">{html(m.idea)}</p>' if m.idea else ""
    by = f"source, by {html(m.model)} before trial {m.born}" if m.model else "source"
    return _verbatim(by, html(m.source), idea)


def _routing(facts: Facts) -> str:
    """Per cluster of queries, what each model of a router earned."""
    parts = []
    for learned in facts.routing:
        parts.append(f"<h3>{learned.role}</h3>\n<p>{html(learned.evidence)}</p>")
        parts.append(table(ROUTING_HEADS, [list(map(html, row)) for row in learned.rows]))
    return "\n".join(parts)


def _steps(facts: Facts) -> str:
    parts = []
    for trial in dict.fromkeys(event.trial for event in facts.of_kind("outer")):
        own = [event for event in facts.events if event.trial == trial]
        body = []
        for event in own:
            if event.kind == "strategy":
                body.append(_strategy(event.data))
            elif event.kind == "digest":
                body.append(_verbatim("the digest it read", html(event.data.get("text", ""))))
        failed = [e.data.get("error", "") for e in own if e.kind == "attempt"]
        if failed:
            verdicts = "\n".join(f"{i}. {e or 'proven'}" for i, e in enumerate(failed, 1))
            body.append(_verbatim(f"versions written: {len(failed)}", html(verdicts)))
        parts.append(f"<h3>After trial {trial}</h3>\n" + "\n".join(body))
    return "\n".join(parts)


def _strategy(data: Mapping[str, object]) -> str:
    rest = {key: _plain(value) for key, value in data.items() if key != "diagnosis" and value}
    return f'<p class="quote">{html(data.get("diagnosis", ""))}</p>{_facts(rest)}'


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _costs(facts: Facts) -> str:
    if not facts.status.roles:
        return "<p>No model was asked.</p>"
    return table(COST_HEADS, [list(map(html, row)) for row in cost_rows(facts.status.roles)])


def _settings(facts: Facts) -> str:
    config, record = facts.record.config, facts.record
    shown = dict(config["settings"])
    shown |= {"sandbox": config.get("sandbox", ""), "branch": facts.status.branch}
    shown |= {"base commit": config.get("base", ""), "task": config.get("task", "")}
    shown |= {"metric": facts.score_name, "direction": facts.status.direction}
    shown |= record.machine
    settings = _facts({key: value for key, value in shown.items() if value not in (None, {}, "")})
    spec = "\n".join(f"{key}: {value}" for key, value in config["spec"].items() if value)
    task = _verbatim("the task as it was read", html(spec))
    return folded("settings and machine", settings) + task
